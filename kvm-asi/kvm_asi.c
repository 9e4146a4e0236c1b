// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM's vCPU loop in a restricted address space: one domain per VM, made at
 * the first KVM_RUN, entered right before the low-level run and relaxed right
 * after it.  Exit handling and the next entry stay inside unless something
 * makes them leave.
 */
#define pr_fmt(fmt) "kvm-asi: " fmt

#include <linux/init.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <asi/pool.h>
#include "kvm_asi.h"
#include "svm/svm.h"

LIST_HEAD(kvm_asi_vms);
DEFINE_MUTEX(kvm_asi_vms_lock);
/* Of two vCPUs that run first one makes the domain.  Before the other. */
static DEFINE_MUTEX(kvm_asi_create_lock);
/* Sum over the VMs that ended. */
struct kvm_asi_account kvm_asi_ended;

/* ---- VM --------------------------------------------------------------- */

static const struct asi_ops kvm_asi_ops = {
	.owns_user = kvm_asi_owns_user,
	.owns_object = kvm_asi_owns_object,
	.translates = kvm_asi_translates,
};

static void kvm_asi_free_vm(struct kvm_asi_vm *vm)
{
	kvm_asi_free_lists(vm);
	kfree(vm->node);
	/* KVM frees the nested tables later, and the headers with them. */
	asi_pool_end(vm->headers);
	vfree(vm);
}

/*
 * A guest with encrypted registers: its loop uses save areas of the processor's and pages
 * that it shares with the guest, which no domain shows, in the critical section.
 */
static bool kvm_asi_refuses(struct kvm *kvm)
{
	if (kvm_asi_vendor() != KVM_ASI_SVM || !sev_es_guest(kvm))
		return false;
	asi_refused("guest with SEV-ES (boot with kvm_asi=off)");
	return true;
}

static struct kvm_asi_vm *kvm_asi_create_vm(struct kvm *kvm)
{
	struct kvm_asi_vm *vm;
	struct asi *asi;

	if (kvm_asi_refuses(kvm))
		return ERR_PTR(-EOPNOTSUPP);
	vm = __vmalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!vm)
		return ERR_PTR(-ENOMEM);
	vm->headers = kvm_asi_make_headers();
	if (!vm->headers || kvm_asi_make_lists(vm)) {
		kvm_asi_free_vm(vm);
		return ERR_PTR(-ENOMEM);
	}
	asi = asi_create(ASI_CLASS_KVM, &kvm_asi_ops, vm);
	if (IS_ERR(asi)) {
		kvm_asi_free_vm(vm);
		return ERR_CAST(asi);
	}
	vm->asi = asi;
	vm->pid = current->tgid;
	vm->kvm = kvm;
	seqcount_init(&vm->guest.seq);
	asi_comm(vm->comm);
	mutex_init(&vm->lock);
	INIT_LIST_HEAD(&vm->vcpus);
	return vm;
}

/* Made whole before anybody sees it. */
static struct kvm_asi_vm *kvm_asi_new_vm(struct kvm *kvm)
{
	struct kvm_asi_vm *vm;

	mutex_lock(&kvm_asi_create_lock);
	vm = kvm->arch.asi;
	if (!vm) {
		vm = kvm_asi_create_vm(kvm);
		if (!IS_ERR(vm)) {
			kvm_asi_add_dir(vm);
			mutex_lock(&kvm_asi_vms_lock);
			list_add_tail(&vm->list, &kvm_asi_vms);
			mutex_unlock(&kvm_asi_vms_lock);
			/* Pairs with kvm_asi_get_vm(). */
			smp_store_release(&kvm->arch.asi, vm);
		}
	}
	mutex_unlock(&kvm_asi_create_lock);
	return vm;
}

/* At each KVM_RUN: no lock but the first time. */
static struct kvm_asi_vm *kvm_asi_get_vm(struct kvm *kvm)
{
	/* Pairs with kvm_asi_new_vm(). */
	struct kvm_asi_vm *vm = smp_load_acquire(&kvm->arch.asi);

	return likely(vm) ? vm : kvm_asi_new_vm(kvm);
}

/* Before the VM's vCPUs are destroyed; none of them can run any more. */
void __kvm_asi_destroy_vm(struct kvm *kvm)
{
	struct kvm_asi_vm *vm = kvm->arch.asi;
	struct kvm_asi_vcpu *v, *next;

	if (!vm)
		return;
	kvm_asi_remove_dir(vm);
	WRITE_ONCE(kvm->arch.asi, NULL);
	kvm_asi_return_node(kvm, vm);
	/* The MMU notifier may be using it. */
	synchronize_rcu();

	mutex_lock(&kvm_asi_vms_lock);
	mutex_lock(&vm->lock);
	list_for_each_entry_safe(v, next, &vm->vcpus, list) {
		kvm_asi_account_add(&kvm_asi_ended, &v->account);
		list_del_init(&v->list);
	}
	list_del(&vm->list);
	mutex_unlock(&vm->lock);
	mutex_unlock(&kvm_asi_vms_lock);
	asi_destroy(vm->asi);
	kvm_asi_free_vm(vm);
}
EXPORT_SYMBOL_GPL(__kvm_asi_destroy_vm);

/* ---- vCPU ------------------------------------------------------------- */

static int kvm_asi_create_vcpu(struct kvm_vcpu *vcpu, struct kvm_asi_vm *vm)
{
	struct kvm_asi_vcpu *v = __vmalloc(sizeof(*v), GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	int err;

	if (!v)
		return -ENOMEM;
	v->run.asi = vm->asi;
	v->generation = asi_generation_counter(vm->asi);
	v->vcpu = vcpu;
	v->vm = vm;
	v->run.exit_code = KVM_ASI_NO_EXIT;
	BUILD_BUG_ON(offsetof(struct kvm_asi_vcpu, account.inside) !=
		     offsetof(struct kvm_asi_run, inside));
	BUILD_BUG_ON(KVM_ASI_COUNTED != KVM_ASI_DIRECT);
	v->svm = kvm_asi_vendor() == KVM_ASI_SVM;
	v->run.flush_taints = kvm_asi_flush_taints(v->svm);
	v->run.vmcb_at = v->svm ? (const void *const *)&to_svm(vcpu)->vmcb : &v->run.vmcb;
	v->objects.list.object = v->object;
	v->objects.list.room = KVM_ASI_VCPU_OBJECTS;
	INIT_LIST_HEAD(&v->list);
	err = asi_map(v->run.asi, v, sizeof(*v), ASI_KIND_OBJECT);
	if (err) {
		vfree(v);
		return err;
	}
	mutex_lock(&vm->lock);
	/* Faults of other vCPUs look for theirs. */
	list_add_tail_rcu(&v->list, &vm->vcpus);
	vm->nr_vcpus++;
	mutex_unlock(&vm->lock);
	vcpu->arch.asi = v;
	return 0;
}

/*
 * The VM's domain is gone already when the whole VM is torn down; it is there
 * when creating this vCPU failed half-way.
 */
void __kvm_asi_destroy_vcpu(struct kvm_vcpu *vcpu)
{
	struct kvm_asi_vcpu *v = vcpu->arch.asi;

	vcpu->arch.asi = NULL;
	if (v && !WARN_ON_ONCE(!list_empty(&v->list)))
		vfree(v);
}
EXPORT_SYMBOL_GPL(__kvm_asi_destroy_vcpu);

/* ---- KVM_RUN ---------------------------------------------------------- */

/* By the running task, whose pages are mapped since. */
static __always_inline bool kvm_asi_ran_by_this(const struct kvm_asi_vcpu *v)
{
	return v->task == current && v->task_start == current->start_boottime;
}

static int kvm_asi_map_task(struct kvm_asi_vcpu *v)
{
	int err;

	if (kvm_asi_ran_by_this(v))
		return 0;
	/* A thread that ran the vCPU before keeps its stack until it exits. */
	err = asi_map_current(v->run.asi);
	if (!err)
		err = asi_map(v->run.asi, current->signal, sizeof(*current->signal),
			      ASI_KIND_OWN_TASK);
	/* The scheduler's tick looks at it. */
	if (!err)
		err = asi_map(v->run.asi, current->mm, sizeof(*current->mm),
			      ASI_KIND_OWN_TASK);
	if (err)
		return err;
	v->task = current;
	v->task_start = current->start_boottime;
	return 0;
}

/* Of the running task, which takes none inside. */
static u64 kvm_asi_page_faults(void)
{
	return current->min_flt + current->maj_flt;
}

static noinline int kvm_asi_run_begin_slowly(struct kvm_vcpu *vcpu)
{
	struct kvm_asi_vm *vm = kvm_asi_get_vm(vcpu->kvm);
	struct kvm_asi_vcpu *v;
	int err = 0;

	if (IS_ERR(vm))
		return PTR_ERR(vm);
	if (unlikely(!vcpu->arch.asi))
		err = kvm_asi_create_vcpu(vcpu, vm);
	if (unlikely(err))
		return err;
	v = vcpu->arch.asi;
	err = kvm_asi_map_task(v);
	/* What KVM replaced meanwhile kvm_asi_changed() has seen to. */
	if (!err && READ_ONCE(vm->objects.generation) != READ_ONCE(*v->generation))
		err = kvm_asi_map_vm(vcpu->kvm);
	return err ?: kvm_asi_map_vcpu(vcpu);
}

/* The same task, and nothing changed: what nearly every KVM_RUN finds. */
static __always_inline bool kvm_asi_is_ready(const struct kvm_vcpu *vcpu,
					     const struct kvm_asi_vcpu *v)
{
	u64 generation = READ_ONCE(*v->generation);

	return kvm_asi_ran_by_this(v) && READ_ONCE(v->vm->objects.generation) == generation &&
	       kvm_asi_is_seen(vcpu, v, generation);
}

int __kvm_asi_run_begin(struct kvm_vcpu *vcpu)
{
	const struct kvm_asi_vcpu *v = vcpu->arch.asi;

	if (likely(v && kvm_asi_is_ready(vcpu, v)))
		return 0;
	return kvm_asi_run_begin_slowly(vcpu);
}
EXPORT_SYMBOL_GPL(__kvm_asi_run_begin);

void __kvm_asi_changed(struct kvm *kvm)
{
	/* If it cannot all be mapped the next KVM_RUN tries again, and reports it. */
	if (READ_ONCE(kvm->arch.asi))
		(void)kvm_asi_map_vm(kvm);
}
EXPORT_SYMBOL_GPL(__kvm_asi_changed);

/* Book an exit that the kernel handled, now that its outcome is known. */
static noinline void kvm_asi_book(struct kvm_vcpu *vcpu)
{
	struct kvm_asi_vcpu *v = vcpu->arch.asi;
	bool left = raw_cpu_read(asi_cpu.curr) != v->run.asi;
	enum kvm_asi_outcome outcome;
	u32 code = v->run.exit_code;

	v->run.exit_code = KVM_ASI_NO_EXIT;
	if (vcpu->stat.pf_fixed != v->run.pf_fixed) {
		outcome = KVM_ASI_FIRST_TOUCH;
		vcpu->stat.asi_first_touch++;
		if (left && v->page_faults != kvm_asi_page_faults())
			WRITE_ONCE(v->account.left_no_page, v->account.left_no_page + 1);
	} else if (left) {
		outcome = KVM_ASI_LEFT;
		vcpu->stat.asi_left++;
	} else {
		outcome = KVM_ASI_INSIDE;
		vcpu->stat.asi_inside++;
	}
	v->run.pf_fixed = vcpu->stat.pf_fixed;
	v->page_faults = kvm_asi_page_faults();
	if (!left) {
		kvm_asi_account_exit(&v->account, code, outcome, NULL);
		return;
	}

	asi_trace_exit(v->run.asi);
	kvm_asi_account_exit(&v->account, code, outcome, asi_last_leave(v->run.asi));
}

/* The same of one that user space completes, and that left on its way there. */
static void kvm_asi_book_left_for_user(struct kvm_asi_vcpu *v)
{
	asi_trace_exit(v->run.asi);
	kvm_asi_account_exit(&v->account, v->run.exit_code, KVM_ASI_USER,
			     asi_last_leave(v->run.asi));
}

static __always_inline void kvm_asi_book_for_user(struct kvm_vcpu *vcpu, struct kvm_asi_vcpu *v)
{
	v->run.exit_code = KVM_ASI_NO_EXIT;
	vcpu->stat.asi_user++;
	v->run.pf_fixed = vcpu->stat.pf_fixed;
}

static noinline void kvm_asi_prepare_slowly(struct kvm_vcpu *vcpu, struct kvm_asi_vcpu *v)
{
	u64 age = asi_age(v->run.asi);

	if (v->run.exit_code == KVM_ASI_NO_EXIT)
		v->page_faults = kvm_asi_page_faults();
	else
		kvm_asi_book(vcpu);
	/* What goes from here on changes the age. */
	smp_rmb();
	if (!kvm_asi_vmcb_is_mapped(vcpu, v) && !kvm_asi_map_vmcb(vcpu))
		age = 0;
	v->run.age = age;
}

void __kvm_asi_prepare(struct kvm_vcpu *vcpu)
{
	struct kvm_asi_vcpu *v = vcpu->arch.asi;
	u64 age = asi_age(v->run.asi);

	smp_rmb();
	/* The first entry of a KVM_RUN: faults of user mode were none of an exit's. */
	if (likely(v->run.exit_code == KVM_ASI_NO_EXIT && kvm_asi_vmcb_is_mapped(vcpu, v))) {
		v->page_faults = kvm_asi_page_faults();
		v->run.age = age;
	} else {
		kvm_asi_prepare_slowly(vcpu, v);
	}
	/* To have this CPU's translations as old as that. */
	raw_cpu_or(asi_taints, ASI_TAINT_CHECK);
	asi_trace_enter_inline(vcpu->arch.asi->run.asi);
}
EXPORT_SYMBOL_GPL(__kvm_asi_prepare);

/* An exit that never left, and in which KVM mapped a page for the guest. */
void __kvm_asi_prepare_touched(struct kvm_vcpu *vcpu)
{
	struct kvm_asi_vcpu *v = vcpu->arch.asi;

	kvm_asi_account_again(&v->account, v->run.exit_code, KVM_ASI_FIRST_TOUCH);
	vcpu->stat.asi_first_touch++;
	v->run.pf_fixed = vcpu->stat.pf_fixed;
	v->run.exit_code = KVM_ASI_NO_EXIT;
}
EXPORT_SYMBOL_GPL(__kvm_asi_prepare_touched);

bool __kvm_asi_hold(struct kvm_vcpu *vcpu)
{
	struct kvm_asi_vcpu *v = vcpu->arch.asi;

	/* KVM is not isolated. */
	if (!v)
		return false;
	/* The gate goes inside: why the last exit left would not be seen any more. */
	if (asi_current() != v->run.asi)
		__kvm_asi_prepare(vcpu);
	return asi_smt_hold(v->run.asi);
}
EXPORT_SYMBOL_GPL(__kvm_asi_hold);

noinstr unsigned long __kvm_asi_enter(struct kvm_vcpu *vcpu)
{
	struct kvm_asi_vcpu *v = vcpu->arch.asi;

	asi_enter(v->run.asi);
	/* An NMI may taint at any time: what is to be flushed for is not forgotten unread. */
	if (raw_cpu_read(asi_taints) & v->run.flush_taints)
		kvm_asi_flush(v);
	else
		raw_cpu_and(asi_taints, v->run.flush_taints);
	asi_smt_guest();
	return raw_cpu_read(asi_cpu.restricted_cr3);
}
EXPORT_SYMBOL_GPL(__kvm_asi_enter);

static noinline void kvm_asi_run_end_slowly(struct kvm_vcpu *vcpu, struct kvm_asi_vcpu *v)
{
	bool left;

	asi_work_done(v->run.asi);
	left = raw_cpu_read(asi_cpu.curr) != v->run.asi;
	if (v->run.exit_code != KVM_ASI_NO_EXIT) {
		if (left)
			kvm_asi_book_left_for_user(v);
		else
			kvm_asi_account_again(&v->account, v->run.exit_code, KVM_ASI_USER);
		kvm_asi_book_for_user(vcpu, v);
	}
	if (!left) {
		asi_exit();
		asi_trace_exit(v->run.asi);
	}
}

void __kvm_asi_run_end(struct kvm_vcpu *vcpu)
{
	struct kvm_asi_vcpu *v = vcpu->arch.asi;
	u32 code;

	/* Short of memory there was no beginning. */
	if (unlikely(!v))
		return;
	if (unlikely(v->user_work)) {
		v->user_work = false;
		set_thread_flag(TIF_NOTIFY_RESUME);
	}
	preempt_disable();
	code = v->run.exit_code;
	if (likely(!current->asi.asleep && raw_cpu_read(asi_cpu.curr) == v->run.asi &&
		   kvm_asi_account_has(&v->account, code, KVM_ASI_USER))) {
		kvm_asi_account_again(&v->account, code, KVM_ASI_USER);
		kvm_asi_book_for_user(vcpu, v);
		asi_exit();
		asi_trace_exit_inline(raw_cpu_read(asi_cpu.last));
	} else if (current->asi.asleep || code != KVM_ASI_NO_EXIT ||
		   raw_cpu_read(asi_cpu.curr) == v->run.asi) {
		kvm_asi_run_end_slowly(vcpu, v);
	}
	preempt_enable();
}
EXPORT_SYMBOL_GPL(__kvm_asi_run_end);
