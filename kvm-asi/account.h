/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What became of every VM exit: handled inside the restricted address space,
 * left, or gone to user space, by exit reason, and what caused the leaving.
 *
 * Logic in C++ (account.cc) behind this C border; counts are kept per vCPU and
 * written only by the thread that runs it, so updating needs no lock.  Readers
 * on other CPUs may see a count of the moment before.
 */
#ifndef KVM_ASI_ACCOUNT_H
#define KVM_ASI_ACCOUNT_H

#include <asi/types.h>
#include <asi/flush.h>
#include <asi/port.h>

#ifdef __cplusplus
extern "C" {
#endif

enum kvm_asi_vendor { KVM_ASI_SVM, KVM_ASI_VMX };

/* What became of an exit. */
enum kvm_asi_outcome {
	KVM_ASI_INSIDE,		/* handled, never left the restricted space */
	KVM_ASI_LEFT,		/* handled in the kernel, but left on the way */
	KVM_ASI_USER,		/* completed by user space */
	KVM_ASI_FIRST_TOUCH,	/* nested page fault that mapped guest memory */
	KVM_ASI_NR_OUTCOMES
};

#define KVM_ASI_REASONS	32	/* distinct exit reasons counted by themselves */
#define KVM_ASI_CAUSES	120	/* distinct causes of leaving remembered */
/* Codes below are counted by index while they stay inside: all but odd ones. */
#define KVM_ASI_DIRECT	0x404

struct kvm_asi_reason {
	asi_u32 code;		/* SVM EXITCODE or VMX basic exit reason */
	asi_u32 used;
	asi_u64 count[KVM_ASI_NR_OUTCOMES];
};

/* What made the vCPU leave, and at which exit. */
struct kvm_asi_cause {
	struct asi_leave leave;	/* of a fault: its ip, kind, access and cache */
	asi_u32 code;		/* exit being handled */
	asi_u32 used;
	asi_u64 count;
};

/* Zeroed storage is an empty account. */
struct kvm_asi_account {
	/* Of KVM_ASI_INSIDE; not in total or reason.  First. */
	asi_u64 inside[KVM_ASI_DIRECT];
	asi_u64 total[KVM_ASI_NR_OUTCOMES];
	asi_u64 flushed[ASI_NR_FLUSHES];
	asi_u64 left_first_touch;	/* of FIRST_TOUCH, how many left */
	asi_u64 left_switched;		/* of LEFT and FIRST_TOUCH: another task ran */
	asi_u64 left_no_page;		/* of left_first_touch: the host had no page either */
	/* By outcome: which of the reasons was counted last, or NULL. */
	struct kvm_asi_reason *last[KVM_ASI_NR_OUTCOMES];
	struct kvm_asi_reason reason[KVM_ASI_REASONS];
	struct kvm_asi_reason other;	/* reasons that found no room */
	struct kvm_asi_cause cause[KVM_ASI_CAUSES];
	asi_u64 causes_dropped;
};

/* Book one finished exit.  @leave: what made it leave first; NULL when it stayed inside. */
void kvm_asi_account_exit(struct kvm_asi_account *a, asi_u32 code,
			  enum kvm_asi_outcome outcome,
			  const struct asi_leave *leave);

/* Is there a counter for exits with this code that stay inside? */
static inline bool kvm_asi_is_direct(asi_u32 code)
{
	return code < KVM_ASI_DIRECT;
}

/*
 * The same as kvm_asi_account_exit() for such exits, KVM_ASI_INSIDE.  One instruction, and
 * so whole for those who read it meanwhile.  asi/kvm_run.h has it inline.
 */
static inline void kvm_asi_account_inside(struct kvm_asi_account *a, asi_u32 code)
{
	a->inside[code]++;
}

/*
 * kvm_asi_account_exit() for exits that did not leave.  Mostly @outcome has the reason that
 * it had last: first touches have one on each processor, and what user space handles is
 * few devices' work.
 */
static inline bool kvm_asi_account_has(const struct kvm_asi_account *a, asi_u32 code,
				       enum kvm_asi_outcome outcome)
{
	const struct kvm_asi_reason *last = a->last[outcome];

	return last && last->code == code;
}

static inline void kvm_asi_account_again(struct kvm_asi_account *a, asi_u32 code,
					 enum kvm_asi_outcome outcome)
{
	if (!kvm_asi_account_has(a, code, outcome)) {
		kvm_asi_account_exit(a, code, outcome, NULL);
		return;
	}
	a->total[outcome]++;
	a->last[outcome]->count[outcome]++;
}

/* Add the counts of @from to @to (a VM's sum over its vCPUs). */
void kvm_asi_account_add(struct kvm_asi_account *to,
			 const struct kvm_asi_account *from);

/* "cpuid", "npf", "msr" ...; NULL for a code without a name. */
const char *kvm_asi_reason_name(enum kvm_asi_vendor vendor, asi_u32 code);
/* "fault", "sched", "flush", "other". */
const char *kvm_asi_leave_name(enum asi_leave_how how);
const char *kvm_asi_flush_name(enum asi_flush which);

/*
 * Entries into the guest that did without @which.  Of a sum made with
 * kvm_asi_account_add().
 */
asi_u64 kvm_asi_account_avoided(const struct kvm_asi_account *a, enum asi_flush which);

#ifdef __cplusplus
}
#endif
#endif /* KVM_ASI_ACCOUNT_H */
