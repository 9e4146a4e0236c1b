// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clearing buffers before a guest runs: the kernel's own mitigations, done on
 * the way back in after an excursion instead of at every entry.
 *
 * The decision is asi/flush.h's.  Here is what the CPU needs at all, and how it
 * is done.  Everything runs with the restricted table loaded, so what it reads
 * itself is no secret.
 */
#define pr_fmt(fmt) "kvm-asi: " fmt

#include <linux/cpufeature.h>
#include <linux/init.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <asm/nospec-branch.h>
#include <asm/vmx.h>
#include "kvm_asi.h"

/* Twice the largest L1 data cache that L1TF affects, as arch/x86/kvm/vmx has it. */
#define ASI_L1D_SIZE	(64 * 1024)

static enum asi_flush_mode kvm_asi_flush_mode __ro_after_init;
static bool kvm_asi_flush_forced __ro_after_init;
static const char *const kvm_asi_mode_names[] = { "auto", "always", "never" };
static u8 kvm_asi_l1d_fill[ASI_L1D_SIZE] __aligned(PAGE_SIZE);

static int __init kvm_asi_flush_param(char *arg)
{
	enum asi_flush_mode mode = ASI_FLUSH_AUTO;
	bool forced = false;
	char *word;
	int i;

	while ((word = strsep(&arg, ",")) != NULL) {
		i = match_string(kvm_asi_mode_names, ARRAY_SIZE(kvm_asi_mode_names), word);
		if (i >= 0) {
			mode = i;
		} else if (!strcmp(word, "force")) {
			forced = true;
		} else {
			pr_err("asi_flush=: \"%s\" is not auto, always, never or force; keeping auto\n",
			       word);
			return 0;
		}
	}
	kvm_asi_flush_mode = mode;
	kvm_asi_flush_forced = forced;
	return 0;
}
early_param("asi_flush", kvm_asi_flush_param);

const char *kvm_asi_flush_name_of_mode(void)
{
	return kvm_asi_mode_names[kvm_asi_flush_mode];
}

bool kvm_asi_flush_is_forced(void)
{
	return kvm_asi_flush_forced;
}

/*
 * Set by the last instructions of VM entry, where buffers are cleared at every entry that
 * has a taint: they were this time.
 */
DEFINE_PER_CPU(u8, asi_cleared);
EXPORT_PER_CPU_SYMBOL_GPL(asi_cleared);

/* May change at run time. */
static __always_inline enum asi_l1d_use kvm_asi_l1d_use(bool svm)
{
	if (svm)
		return ASI_L1D_UNUSED;
	switch (READ_ONCE(l1tf_vmx_mitigation)) {
	case VMENTER_L1D_FLUSH_COND:
		return ASI_L1D_SOMETIMES;
	case VMENTER_L1D_FLUSH_ALWAYS:
		return ASI_L1D_ALWAYS;
	default:
		return ASI_L1D_UNUSED;
	}
}

static __always_inline enum asi_verw_use kvm_asi_verw_use(bool svm)
{
	if (boot_cpu_has(svm ? X86_FEATURE_CLEAR_CPU_BUF_VM : X86_FEATURE_CLEAR_CPU_BUF))
		return ASI_VERW_FOR_ALL;
	if (!svm && static_branch_unlikely(&mmio_stale_data_clear))
		return ASI_VERW_FOR_DEVICES;
	return ASI_VERW_UNUSED;
}

static __always_inline void kvm_asi_flush_l1d(void)
{
	unsigned int i;

	if (boot_cpu_has(X86_FEATURE_FLUSH_L1D)) {
		native_wrmsrl(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
		return;
	}
	/* The TLB first, so that the page walks do not disturb the fill. */
	for (i = 0; i < ASI_L1D_SIZE; i += PAGE_SIZE)
		(void)READ_ONCE(kvm_asi_l1d_fill[i]);
	/* All of the first round before any of the second. */
	rmb();
	for (i = 0; i < ASI_L1D_SIZE; i += L1_CACHE_BYTES)
		(void)READ_ONCE(kvm_asi_l1d_fill[i]);
	/* The cache is full before the guest runs. */
	rmb();
}

static __always_inline void kvm_asi_did(struct kvm_asi_vcpu *v, enum asi_flush which)
{
	WRITE_ONCE(v->account.flushed[which], v->account.flushed[which] + 1);
	v->vcpu->stat.asi_flushes++;
}

noinstr void kvm_asi_flush(struct kvm_asi_vcpu *v)
{
	/* An NMI from here on taints anew. */
	unsigned int taints = this_cpu_xchg(asi_taints, kvm_asi_flush_mode == ASI_FLUSH_ALWAYS ?
					    ASI_TAINT_ALWAYS : 0);
	unsigned int needed = asi_flush_needed(kvm_asi_flush_mode, taints & ASI_TAINT_ALL);

	/* Not by force: without the feature there is no instruction. */
	if ((needed & BIT(ASI_FLUSH_IBPB)) && boot_cpu_has(X86_FEATURE_USE_IBPB)) {
		/* indirect_branch_prediction_barrier(), always inline. */
		alternative_msr_write(MSR_IA32_PRED_CMD, x86_pred_cmd, X86_FEATURE_USE_IBPB);
		kvm_asi_did(v, ASI_FLUSH_IBPB);
	}
	if (asi_l1d_wanted(needed & BIT(ASI_FLUSH_L1D), kvm_asi_l1d_use(v->svm),
			   kvm_asi_flush_forced)) {
		kvm_asi_flush_l1d();
		kvm_asi_did(v, ASI_FLUSH_L1D);
	}
	switch (asi_verw_by(needed & BIT(ASI_FLUSH_BUFFERS), kvm_asi_verw_use(v->svm),
			    kvm_arch_has_assigned_device(v->vcpu->kvm), kvm_asi_flush_forced)) {
	case ASI_VERW_HERE:
		x86_clear_cpu_buffers();
		kvm_asi_did(v, ASI_FLUSH_BUFFERS);
		break;
	case ASI_VERW_AT_ENTRY:
		/* Counted by kvm_asi_entry_cleared(). */
		raw_cpu_or(asi_taints, ASI_TAINT_VERW);
		break;
	case ASI_VERW_NOBODY:
		break;
	}
}

noinstr void kvm_asi_entry_cleared(struct kvm_vcpu *vcpu)
{
	kvm_asi_did(vcpu->arch.asi, ASI_FLUSH_BUFFERS);
}
EXPORT_SYMBOL_GPL(kvm_asi_entry_cleared);

static ssize_t kvm_asi_show_when(char *buf, ssize_t len, const char *when)
{
	if (len <= 0 || !static_key_enabled(&kvm_asi_key) || !strncmp(buf, "Not affected", 12))
		return len;
	return len - 1 + sysfs_emit_at(buf, len - 1, "; isolated guests: flushed %s\n", when);
}

static const char *const kvm_asi_when[] = {
	[ASI_FLUSH_AUTO] = "on return to isolation",
	[ASI_FLUSH_ALWAYS] = "at every entry",
	[ASI_FLUSH_NEVER] = "never (asi_flush=never)",
};

/* For /sys/devices/system/cpu/vulnerabilities: what guests get. */
ssize_t kvm_asi_show_flush(char *buf, ssize_t len)
{
	return kvm_asi_show_when(buf, len, kvm_asi_when[kvm_asi_flush_mode]);
}

ssize_t kvm_asi_show_l1d(char *buf, ssize_t len)
{
	bool always = kvm_asi_l1d_use(kvm_asi_vendor() == KVM_ASI_SVM) == ASI_L1D_ALWAYS;

	return kvm_asi_show_when(buf, len, kvm_asi_when[always ? ASI_FLUSH_ALWAYS :
							kvm_asi_flush_mode]);
}
