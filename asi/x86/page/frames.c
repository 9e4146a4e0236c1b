// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which frames the kernel maps at its addresses, one table at a time: a lookup for each
 * page from the top would cost whoever unmaps memory that no domain has.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include "page/page.h"

struct asi_frame_walk {
	asi_frame_fn fn;
	void *ctx;
	bool flagged;		/* only frames that a domain may map */
};

static __always_inline int asi_frame(const struct asi_frame_walk *walk, unsigned long va,
				     unsigned long pfn)
{
	return walk->flagged && !asi_may_be_mapped(pfn) ? 0 : walk->fn(walk->ctx, va, pfn);
}

/* [va, end) is mapped to as many frames in a row. */
static int asi_walk_row(const struct asi_frame_walk *walk, unsigned long va,
			unsigned long end, unsigned long pfn)
{
	int ret = 0;

	for (; !ret && va < end; va += PAGE_SIZE, pfn++)
		ret = asi_frame(walk, va, pfn);
	return ret;
}

static int asi_walk_ptes(const struct asi_frame_walk *walk, pmd_t *pmd, unsigned long va,
			 unsigned long end)
{
	pte_t *pte = pte_offset_kernel(pmd, va);
	int ret = 0;

	for (; !ret && va < end; va += PAGE_SIZE, pte++) {
		pte_t entry = READ_ONCE(*pte);

		if (!pte_none(entry))
			ret = asi_frame(walk, va, pte_pfn(entry));
	}
	return ret;
}

/* Of a large page that is not present CPA takes the mark that it is one, too. */
static bool asi_is_leaf(unsigned long entry)
{
	return !(entry & _PAGE_PRESENT) || (entry & _PAGE_PSE);
}

/* What one entry of the lowest level but one spans, or more if that is empty or a leaf. */
static int asi_walk_entry(const struct asi_frame_walk *walk, unsigned long va,
			  unsigned long *end)
{
	unsigned long limit = *end;
	pgd_t *pgd = pgd_offset_k(va);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;

	*end = pgd_addr_end(va, limit);
	if (pgd_none(*pgd))
		return 0;
	p4d = p4d_offset(pgd, va);
	*end = p4d_addr_end(va, limit);
	if (p4d_none(*p4d))
		return 0;
	pud = pud_offset(p4d, va);
	*end = pud_addr_end(va, limit);
	if (pud_none(*pud))
		return 0;
	if (asi_is_leaf(pud_val(*pud)))
		return asi_walk_row(walk, va, *end,
				    pud_pfn(*pud) + ((va & ~PUD_MASK) >> PAGE_SHIFT));
	pmd = pmd_offset(pud, va);
	*end = pmd_addr_end(va, limit);
	if (pmd_none(*pmd))
		return 0;
	if (asi_is_leaf(pmd_val(*pmd)))
		return asi_walk_row(walk, va, *end,
				    pmd_pfn(*pmd) + ((va & ~PMD_MASK) >> PAGE_SHIFT));
	return asi_walk_ptes(walk, pmd, va, *end);
}

int asi_walk_frames(unsigned long start, unsigned long end, bool flagged, asi_frame_fn fn,
		    void *ctx)
{
	const struct asi_frame_walk walk = { .fn = fn, .ctx = ctx, .flagged = flagged };
	unsigned long top = PAGE_OFFSET + PFN_PHYS(max_pfn);
	unsigned long next;
	int ret = 0;

	if (start >= PAGE_OFFSET && end <= top)
		return asi_walk_row(&walk, start, end, PHYS_PFN(__pa(start)));
	for (; !ret && start < end; start = next) {
		next = end;
		ret = asi_walk_entry(&walk, start, &next);
	}
	return ret;
}
