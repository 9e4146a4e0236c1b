// SPDX-License-Identifier: GPL-2.0-only
/*
 * This kernel has the host guard it: text and constants are locked, registers are pinned, and
 * text is patched by the host.
 *
 * Without a table of the build the host makes no patch.  Then constants are locked and text is
 * not, as the kernel could not go on without patches.
 */
#define pr_fmt(fmt) "guard: " fmt

#include <linux/cpuhotplug.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/desc.h>
#include <asm/kvm_para.h>
#include <asm/processor.h>
#include <asm/sections.h>
#include <asi/asi.h>
#include <asi/guard.h>
#include <guard/abi.h>
#include <guard/engine.h>

DEFINE_STATIC_KEY_FALSE(guard_guest_key);

static bool guard_guest_wanted __ro_after_init = true;
/* Constants are read-only before it is known. */
static bool guard_text_locked;

static int __init guard_guest_param(char *arg)
{
	if (arg && (!strcmp(arg, "auto") || !strcmp(arg, "off")))
		guard_guest_wanted = !strcmp(arg, "auto");
	else
		pr_err("guard=%s: expected \"auto\" or \"off\", keeping %s\n", arg ?: "",
		       guard_guest_wanted ? "auto" : "off");
	return 0;
}
early_param("guard", guard_guest_param);

static long guard_call(unsigned long op, unsigned long first, unsigned long second,
		       unsigned long third)
{
	return kvm_hypercall4(KVM_HC_GUARD, op, first, second, third);
}

/* What the host offers, or 0. */
static long guard_offered(void)
{
	long status;

	if (!boot_cpu_has(X86_FEATURE_HYPERVISOR) ||
	    !hypervisor_cpuid_base("KVMKVMKVM\0\0\0", 0))
		return 0;
	status = guard_call(GUARD_OP_STATUS, 0, 0, 0);
	return status > 0 ? status : 0;
}

static long guard_lock_range(void *start, void *end, enum guard_asset asset)
{
	unsigned long first = __pa_symbol(start) & PAGE_MASK;
	unsigned long last = PAGE_ALIGN(__pa_symbol(end));

	return guard_call(GUARD_OP_LOCK, first, last - first, asset);
}

/* Registers are final on each processor, and on those to come. */
static int guard_pin_cpu(unsigned int cpu)
{
	return guard_call(GUARD_OP_PIN, 0, 0, 0) ? -EIO : 0;
}

static long guard_pin_cpus(void)
{
	int state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "guard:online", guard_pin_cpu, NULL);

	return state < 0 ? state : 0;
}

/* The IDT is neither text nor a constant. */
static long guard_lock_idt(void)
{
	struct desc_ptr idt;

	store_idt(&idt);
	return guard_call(GUARD_OP_LOCK, slow_virt_to_phys((void *)idt.address) & PAGE_MASK,
			  PAGE_SIZE, GUARD_MEMORY);
}

/* Under text_mutex.  Frozen first, then compared as a whole with the host's table. */
static const char *guard_lock_text_now(void)
{
	if (guard_lock_range(_text, _etext, GUARD_TEXT))
		return "the host does not lock text";
	WRITE_ONCE(guard_text_locked, true);
	if (guard_call(GUARD_OP_IMAGE, __pa_symbol(_text), (unsigned long)_text, 0))
		return "text is not what the host's table says";
	return NULL;
}

/* The key is patched into the text that patches text: before that is locked. */
static const char *guard_lock_text(void)
{
	const char *failed;

	static_branch_enable(&guard_guest_key);
	mutex_lock(&text_mutex);
	failed = guard_lock_text_now();
	mutex_unlock(&text_mutex);
	return failed;
}

static const char *guard_lock_all(long status)
{
	if (guard_lock_range(__start_rodata, __end_rodata, GUARD_RODATA))
		return "the host does not lock constants";
	if (guard_lock_idt())
		return "the host does not lock the IDT";
	if (guard_pin_cpus())
		return "the host does not pin registers";
	return status & GUARD_STATUS_TABLE ? guard_lock_text() : NULL;
}

void guard_guest_lock(void)
{
	long status = guard_offered();
	const char *failed;

	if (!guard_guest_wanted) {
		asi_set_guard("off", "guard=off");
		return;
	}
	if (!status) {
		asi_set_guard("off", "the host offers none");
		return;
	}
	if (!rodata_enabled) {
		asi_set_guard("off", "text is writable (rodata=off)");
		return;
	}
	failed = guard_lock_all(status);
	if (failed) {
		asi_set_guard("part", failed);
		pr_err("not whole: %s\n", failed);
		return;
	}
	status = guard_call(GUARD_OP_STATUS, 0, 0, 0);
	asi_set_guard(guard_text_locked ? "text" : "constants",
		      status & GUARD_STATUS_SEALED ? "-" : "the VMM may write");
	pr_info("%s locked by the host, registers pinned%s\n",
		guard_text_locked ? "text and constants are" :
				    "constants are, text is not (the host has no table),",
		status & GUARD_STATUS_SEALED ? "" : "; the VMM may write");
}

/* Patches of the image: true.  Of other memory the kernel writes itself. */
bool __guard_guest_poke(void *addr, const void *src, size_t len)
{
	unsigned long bytes[2] = { };
	long err;

	if (!READ_ONCE(guard_text_locked) || (unsigned long)addr < (unsigned long)_text ||
	    (unsigned long)addr >= PFN_ALIGN((unsigned long)_etext))
		return false;
	if (len > sizeof(bytes)) {
		err = -EMSGSIZE;
	} else {
		memcpy(bytes, src, len);
		err = guard_call(GUARD_OP_PATCH | len << 8, __pa_symbol(addr), bytes[0], bytes[1]);
	}
	if (err)
		pr_warn_ratelimited("the host refuses a patch of %zu bytes at %pS: error %ld\n",
				    len, addr, err);
	return true;
}
