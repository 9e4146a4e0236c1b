// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs asi_test/attack: what an attacker does who can make a system call
 * misbehave.  The writer's own system call is attacked, so whoever wants to see
 * what isolation makes of it isolates the writer.
 *
 *   write  "prepare": look for the targets.  By a writer that is not isolated,
 *          before all others; what is attacked with "read", "write" and "fixup"
 *          is what asi_test/plant planted
 *          "ATTACK", see asi_attacks below
 *          "locked spin|bh|irq|rcu|mutex|write|read ATTACK": the same while a spinlock is
 *          held, with soft interrupts off, with interrupts off, in a read section of RCU,
 *          with a mutex, with a semaphore for writing or reading
 *          "locked wait ATTACK": with a record on the stack in a queue; "wake": wake those
 *          in that queue
 *
 * Who polls the file is attacked by "call_middle".
 *
 * asi_test/result says which locks somebody holds now, and how far it came: "started 1
 * reached 0" when the attack failed.  Without isolation each reaches its end and returns cleanly.
 *
 * An attack that is stopped ends its task on the spot, so nothing is held here
 * that anybody else waits for, and one writer at a time is assumed.
 */
#define pr_fmt(fmt) "asi_test: " fmt

#include <linux/debugfs.h>
#include <linux/gfp.h>
#include <linux/jbd2.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/rwsem.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>
#include <asm/text-patching.h>
#include <asm/word-at-a-time.h>
#include <asi/freed.h>
#include "asi_test.h"
#include "attack.h"

#define ASI_BUFFER_WORDS	4	/* of asi_overflow()'s buffer */
#define ASI_CHAIN_WORDS		16
#define ASI_SCAN_BYTES		SZ_64K

unsigned long asi_smash_stack;
unsigned long asi_jump_pointer;

struct asi_attack {
	const char *name;
	int (*run)(const struct asi_secret *secret);
	bool odd;		/* at the stack's other alignment */
};

static struct {
	char name[32];
	int started;
	int reached;
	unsigned long value;
	bool odd;
} asi_outcome;

/* Addresses in text that no system call of the tests executes: of jbd2. */
static struct {
	unsigned long function;	/* an entry */
	unsigned long traced;	/* where a tracer's call would return to in it */
	unsigned long gadget;	/* pop %rdi; ret in the middle of an instruction */
	unsigned long middle;	/* a return instruction */
	unsigned long behind;	/* the end of a function, behind a call */
	bool behind_takes_two;	/* registers from the stack */
	unsigned long inside;	/* a return instruction that a jump of its function leads to */
	unsigned long code;	/* executable memory that is no text */
} asi_target;

static struct jbd2_inode asi_victim_object;
static void *asi_code;
static DEFINE_SPINLOCK(asi_attack_lock);
static DEFINE_MUTEX(asi_attack_mutex);
static DECLARE_RWSEM(asi_attack_sem);
static DECLARE_WAIT_QUEUE_HEAD(asi_attack_queue);

/* Would a return to @at be one to just after a call? */
static bool asi_is_after_call(const u8 *at)
{
	int i;

	if (at[-5] == CALL_INSN_OPCODE)
		return true;
	for (i = 2; i <= 7; i++)
		if (at[-i] == 0xff && ((at[1 - i] >> 3) & 7) == 2)
			return true;
	return false;
}

static const u8 *asi_jump_target(const u8 *at)
{
	return at + JMP32_INSN_SIZE + *(const s32 *)(at + 1);
}

static bool asi_is_return(const u8 *at)
{
	if (at[0] == RET_INSN_OPCODE)
		return true;
	return at[0] == JMP32_INSN_OPCODE && asi_return_instruction[0] == JMP32_INSN_OPCODE &&
	       asi_jump_target(at) == asi_jump_target(asi_return_instruction);
}

/*
 * From the page after @from on.  A gadget is what remains of pop %r15; ret when its
 * first byte is left out.
 */
static unsigned long asi_find(unsigned long from, bool gadget)
{
	const u8 *at = (const u8 *)PAGE_ALIGN(from) + 8;
	const u8 *end = at + ASI_SCAN_BYTES;

	for (; at < end; at++) {
		if (asi_is_after_call(at))
			continue;
		if (gadget ? at[-1] == 0x41 && at[0] == 0x5f && asi_is_return(at + 1) :
			     at[-2] == 0x41 && at[-1] == 0x5f && asi_is_return(at))
			return (unsigned long)at;
	}
	return 0;
}

/* A short conditional jump that leads to a return instruction. */
static unsigned long asi_find_jump_target(unsigned long from)
{
	const u8 *jump = (const u8 *)PAGE_ALIGN(from) + 8;
	const u8 *end = jump + ASI_SCAN_BYTES, *at;

	for (; jump < end; jump++) {
		at = jump + JMP8_INSN_SIZE + *(const s8 *)(jump + 1);
		if ((jump[0] & 0xf0) == 0x70 && (s8)jump[1] > 0 && asi_is_return(at) &&
		    !asi_is_after_call(at))
			return (unsigned long)at;
	}
	return 0;
}

/* xor %eax, %eax or mov %rbx, %rax, if any; pop %rbx; pop %rbp, if any; ret. */
static bool asi_is_end_of_function(const u8 *at, bool *takes_two)
{
	if (at[0] == 0x31 && at[1] == 0xc0)
		at += 2;
	else if (at[0] == 0x48 && at[1] == 0x89 && at[2] == 0xd8)
		at += 3;
	if (*at++ != 0x5b)
		return false;
	*takes_two = *at == 0x5d;
	return asi_is_return(at + *takes_two);
}

#define ASI_JUMP_REACH	512	/* bytes before and behind, where jumps are looked for */

/* Does a jump nearby lead there?  Then the CPU may have come by it. */
static bool asi_is_jumped_to(const u8 *target)
{
	const u8 *at = target - ASI_JUMP_REACH;

	for (; at < target + ASI_JUMP_REACH; at++) {
		if (((at[0] & 0xf0) == 0x70 || at[0] == JMP8_INSN_OPCODE) &&
		    at + JMP8_INSN_SIZE + *(const s8 *)(at + 1) == target)
			return true;
		if (at[0] == JMP32_INSN_OPCODE && asi_jump_target(at) == target)
			return true;
		if (at[0] == 0x0f && (at[1] & 0xf0) == 0x80 && asi_jump_target(at + 1) == target)
			return true;
	}
	return false;
}

/* With call depth tracking calls go to an instruction in front of the function. */
static bool asi_begins_function(const u8 *target)
{
	char symbol[KSYM_SYMBOL_LEN];

	snprintf(symbol, sizeof(symbol), "%pS", PTR_ALIGN(target, 16));
	return strstr(symbol, "+0x0/");
}

static unsigned long asi_find_behind_call(unsigned long from)
{
	const u8 *at = (const u8 *)PAGE_ALIGN(from) + 8;
	const u8 *end = at + ASI_SCAN_BYTES;

	for (; at < end; at++) {
		if (at[-5] == CALL_INSN_OPCODE &&
		    asi_is_end_of_function(at, &asi_target.behind_takes_two) &&
		    asi_begins_function(asi_jump_target(at - CALL_INSN_SIZE)) &&
		    !asi_is_jumped_to(at))
			return (unsigned long)at;
	}
	return 0;
}

/* The kernel exports little of what is needed here. */
void *asi_symbol(const char *name)
{
	struct kprobe probe = { .symbol_name = name, .flags = KPROBE_FLAG_DISABLED };
	void *address;

	if (register_kprobe(&probe))
		return NULL;
	address = PTR_ALIGN_DOWN((void *)probe.addr, 16);
	unregister_kprobe(&probe);
	return address;
}

static int asi_set_memory(const char *how, void *page)
{
	int (*set)(unsigned long address, int pages) = asi_symbol(how);

	return set ? set((unsigned long)page, 1) : -ENOENT;
}

static int asi_prepare_code(void)
{
	/* movl $1, (%rdi); ret */
	static const u8 code[] = { 0xc7, 0x07, 1, 0, 0, 0, RET_INSN_OPCODE };
	int err;

	if (asi_code)
		return 0;
	asi_code = vmalloc(PAGE_SIZE);
	if (!asi_code)
		return -ENOMEM;
	memset(asi_code, INT3_INSN_OPCODE, PAGE_SIZE);
	memcpy(asi_code + 64, code, sizeof(code));
	err = asi_set_memory("set_memory_rox", asi_code);
	if (err) {
		vfree(asi_code);
		asi_code = NULL;
		return err;
	}
	asi_target.code = (unsigned long)asi_code + 64;
	return 0;
}

/* Behind the NOP that stands for a tracer's call. */
static unsigned long asi_behind_trace(unsigned long function)
{
	static const u8 nop[] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };
	const u8 *at = (const u8 *)function;

	/* ENDBR, or what it was replaced by, has four bytes. */
	if (at[0] != CALL_INSN_OPCODE && memcmp(at, nop, sizeof(nop)))
		at += 4;
	return (unsigned long)at + CALL_INSN_SIZE;
}

static int asi_prepare(void)
{
	asi_target.function = (unsigned long)jbd2_journal_init_jbd_inode;
	asi_target.traced = asi_behind_trace(asi_target.function);
	asi_target.gadget = asi_find(asi_target.function, true);
	asi_target.middle = asi_find(asi_target.gadget, false);
	asi_target.behind = asi_find_behind_call(asi_target.function);
	asi_target.inside = asi_find_jump_target(asi_target.function);
	if (!asi_target.gadget || !asi_target.middle || !asi_target.behind ||
	    !asi_target.inside)
		return -ENOENT;
	return asi_prepare_code();
}

/* A chain that takes the place of the return address, and how it begins. */
static void asi_run_chain(const unsigned long *chain, unsigned int count,
			  unsigned long first, unsigned long second)
{
	unsigned long words[ASI_BUFFER_WORDS + ASI_CHAIN_WORDS] = {};

	memcpy(words + ASI_BUFFER_WORDS, chain, count * sizeof(*chain));
	asi_smash(words, ASI_BUFFER_WORDS + count, first, second);
}

/* A gadget loads a register, what follows uses it. */
static int asi_rop_gadget(const struct asi_secret *secret)
{
	const unsigned long chain[] = {
		asi_target.gadget, (unsigned long)&asi_outcome.reached,
		(unsigned long)asi_link_set, (unsigned long)asi_smash_back,
	};

	asi_run_chain(chain, ARRAY_SIZE(chain), 0, 0);
	return 0;
}

/* Did the function that the chain consists of do its work? */
static void asi_function_ran(void)
{
	asi_outcome.reached = asi_victim_object.i_vfs_inode == (struct inode *)&asi_target;
}

/*
 * A whole function, entered at @entry by a return, from which a return goes on to @caller
 * and then on.  What lies where the function's caller would be is @caller.
 */
static void asi_rop_to(unsigned long entry, const u8 *caller)
{
	bool odd = asi_outcome.odd;
	const unsigned long chain[] = {
		(unsigned long)asi_link_nothing, entry,
		(unsigned long)caller, (unsigned long)asi_smash_back,
	};

	asi_victim_object.i_vfs_inode = NULL;
	asi_run_chain(chain + !odd, ARRAY_SIZE(chain) - !odd,
		      (unsigned long)&asi_victim_object, (unsigned long)&asi_target);
	asi_function_ran();
}

static void asi_rop_entry(const u8 *caller)
{
	asi_rop_to(asi_target.function, caller);
}

static int asi_rop_function(const struct asi_secret *secret)
{
	asi_rop_entry(asi_smash_back);
	return 0;
}

/* The caller is an address after a call, though not of this function. */
static int asi_rop_function_called(const struct asi_secret *secret)
{
	asi_rop_entry(asi_link_after_call);
	return 0;
}

/* After a call that may have been one of this function. */
static int asi_rop_function_indirect(const struct asi_secret *secret)
{
	asi_rop_entry(asi_link_after_indirect_call);
	return 0;
}

static int asi_rop_behind_trace(const struct asi_secret *secret)
{
	asi_rop_to(asi_target.traced, asi_link_after_indirect_call);
	return 0;
}

/* A return to where only a jump leads. */
static int asi_rop_jump_target_odd(const struct asi_secret *secret)
{
	const unsigned long chain[] = {
		(unsigned long)asi_link_nothing, asi_target.inside,
		(unsigned long)asi_link_set, (unsigned long)asi_smash_back,
	};

	asi_run_chain(chain, ARRAY_SIZE(chain), (unsigned long)&asi_outcome.reached, 0);
	return 0;
}

/* A return to an address in a function that no call precedes. */
static int asi_return_noncall(const struct asi_secret *secret)
{
	const unsigned long chain[] = {
		asi_target.middle, (unsigned long)asi_link_set, (unsigned long)asi_smash_back,
	};

	asi_run_chain(chain, ARRAY_SIZE(chain), (unsigned long)&asi_outcome.reached, 0);
	return 0;
}

static int asi_call_middle(const struct asi_secret *secret)
{
	asi_call(asi_target.middle, 0);
	asi_outcome.reached = 1;
	return 0;
}

static int asi_jump_middle(const struct asi_secret *secret)
{
	asi_jump(asi_target.middle, 0);
	asi_outcome.reached = 1;
	return 0;
}

/* Of the stack, for its other alignment. */
static unsigned long asi_shift(void)
{
	return asi_outcome.odd ? sizeof(long) : 0;
}

/* To the instruction behind a call, as if that had returned. */
static int asi_jump_behind_call(const struct asi_secret *secret)
{
	asi_jump_behind(asi_target.behind, asi_shift(), asi_target.behind_takes_two);
	asi_outcome.reached = 1;
	return 0;
}

/* No register tells it. */
static int asi_jump_behind_memory(const struct asi_secret *secret)
{
	asi_jump_behind_by_memory(asi_target.behind, asi_shift(), asi_target.behind_takes_two);
	asi_outcome.reached = 1;
	return 0;
}

static int asi_jump_data(const struct asi_secret *secret)
{
	asi_call(asi_target.code, (unsigned long)&asi_outcome.reached);
	return 0;
}

/* No attack: an ordinary call of the function that rop_function returns to. */
static int asi_call_function(const struct asi_secret *secret)
{
	asi_victim_object.i_list.next = NULL;
	asi_call(asi_target.function, (unsigned long)&asi_victim_object);
	asi_outcome.reached = asi_victim_object.i_list.next == &asi_victim_object.i_list;
	return 0;
}

/* No attack: the same, called by functions that end in jumps to one another. */
static int asi_call_tail(const struct asi_secret *secret)
{
	asi_victim_object.i_list.next = NULL;
	asi_tail_first((void *)asi_target.function, &asi_victim_object);
	asi_outcome.reached = asi_victim_object.i_list.next == &asi_victim_object.i_list;
	return 0;
}

/* No attack: the first page of a function is known already, and then a jump to the next. */
static int asi_call_edge(const struct asi_secret *secret)
{
	asi_edge_begin();
	asi_outcome.reached = asi_edge();
	return 0;
}

static int asi_read(const struct asi_secret *secret)
{
	asi_outcome.value = asi_load(secret->address);
	asi_outcome.reached = 1;
	return 0;
}

/* Other kinds would not survive it. */
static int asi_write(const struct asi_secret *secret)
{
	if (strcmp(secret->kind, "user_page"))
		return -EINVAL;
	asi_store(secret->address, ~secret->expected);
	asi_outcome.reached = 1;
	return 0;
}

/* The kernel's own careful read: fails and the task goes on. */
static int asi_fixup(const struct asi_secret *secret)
{
	int err = copy_from_kernel_nofault(&asi_outcome.value, (void *)secret->address,
					   sizeof(asi_outcome.value));

	asi_outcome.reached = !err;
	return err;
}

/* No attack: what the slab allocator does with an object that it may have lost. */
static int asi_read_freed(const struct asi_secret *secret)
{
	asi_outcome.value = asi_load_freed((const void *)secret->address);
	asi_outcome.reached = 1;
	return 0;
}

/* Three bytes, and what there may be behind the end of their page. */
static unsigned long asi_load_at_end(u8 *page)
{
	memset(page, 0x5a, PAGE_SIZE);
	return load_unaligned_zeropad(page + PAGE_SIZE - 3);
}

/*
 * No attack: a word over the end of what is there, as path lookup reads it.  Behind
 * one page there is nothing, behind the other a free page.
 */
static int asi_zeropad(const struct asi_secret *secret)
{
	struct page *pages = alloc_pages(GFP_KERNEL, 1);
	u8 *alone = vmalloc(PAGE_SIZE);
	int err = -ENOMEM;

	if (pages && alone) {
		asi_outcome.reached = asi_load_at_end(alone) == 0x5a5a5a;
		split_page(pages, 1);
		__free_page(pages + 1);
		asi_outcome.value = asi_load_at_end(page_address(pages));
		__free_page(pages);
		pages = NULL;
		err = 0;
	}
	if (pages)
		__free_pages(pages, 1);
	vfree(alone);
	return err;
}

static const struct asi_attack asi_attacks[] = {
	{ "rop_gadget", asi_rop_gadget },
	{ "rop_function", asi_rop_function },
	{ "rop_function_odd", asi_rop_function, true },
	{ "rop_function_called", asi_rop_function_called },
	{ "rop_function_called_odd", asi_rop_function_called, true },
	{ "rop_function_indirect", asi_rop_function_indirect },
	{ "rop_function_indirect_odd", asi_rop_function_indirect, true },
	{ "rop_behind_trace", asi_rop_behind_trace },
	{ "rop_behind_trace_odd", asi_rop_behind_trace, true },
	{ "rop_jump_target_odd", asi_rop_jump_target_odd },
	{ "return_noncall", asi_return_noncall },
	{ "call_middle", asi_call_middle },
	{ "jump_middle", asi_jump_middle },
	{ "jump_behind", asi_jump_behind_call },
	{ "jump_behind_odd", asi_jump_behind_call, true },
	{ "jump_behind_memory", asi_jump_behind_memory },
	{ "jump_behind_memory_odd", asi_jump_behind_memory, true },
	{ "jump_data", asi_jump_data },
	{ "call_function", asi_call_function },
	{ "call_tail", asi_call_tail },
	{ "call_edge", asi_call_edge },
	{ "read", asi_read },
	{ "write", asi_write },
	{ "fixup", asi_fixup },
	{ "load_freed", asi_read_freed },
	{ "zeropad", asi_zeropad },
};

static const struct asi_attack *asi_attack_of(const char *name)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(asi_attacks); i++)
		if (!strcmp(name, asi_attacks[i].name))
			return &asi_attacks[i];
	return NULL;
}

/* Nobody released them when the attacker was stopped. */
static int asi_attack_with_lock(const struct asi_attack *attack, const char *mode,
				const struct asi_secret *secret)
{
	int err;

	if (!strcmp(mode, "spin")) {
		spin_lock_init(&asi_attack_lock);
		spin_lock(&asi_attack_lock);
		err = attack->run(secret);
		spin_unlock(&asi_attack_lock);
	} else if (!strcmp(mode, "mutex")) {
		mutex_init(&asi_attack_mutex);
		mutex_lock(&asi_attack_mutex);
		err = attack->run(secret);
		mutex_unlock(&asi_attack_mutex);
	} else if (!strcmp(mode, "write")) {
		init_rwsem(&asi_attack_sem);
		down_write(&asi_attack_sem);
		err = attack->run(secret);
		up_write(&asi_attack_sem);
	} else if (!strcmp(mode, "read")) {
		init_rwsem(&asi_attack_sem);
		down_read(&asi_attack_sem);
		err = attack->run(secret);
		up_read(&asi_attack_sem);
	} else {
		err = -EINVAL;
	}
	return err;
}

static int asi_attack_waiting(const struct asi_attack *attack, const struct asi_secret *secret)
{
	DEFINE_WAIT(wait);
	int err;

	add_wait_queue(&asi_attack_queue, &wait);
	err = attack->run(secret);
	remove_wait_queue(&asi_attack_queue, &wait);
	return err;
}

static int asi_attack_locked(const struct asi_attack *attack, const char *mode,
			     const struct asi_secret *secret)
{
	int err;

	if (!strcmp(mode, "bh")) {
		local_bh_disable();
		err = attack->run(secret);
		local_bh_enable();
	} else if (!strcmp(mode, "irq")) {
		local_irq_disable();
		err = attack->run(secret);
		local_irq_enable();
	} else if (!strcmp(mode, "rcu")) {
		rcu_read_lock();
		err = attack->run(secret);
		rcu_read_unlock();
	} else if (!strcmp(mode, "wait")) {
		err = asi_attack_waiting(attack, secret);
	} else {
		err = asi_attack_with_lock(attack, mode, secret);
	}
	return err;
}

int asi_attack_run(const char *line, const struct asi_secret *secret)
{
	char name[32], mode[8] = "";
	const struct asi_attack *attack;

	if (sscanf(line, "locked %7s %31s", mode, name) != 2 &&
	    sscanf(line, "%31s", name) != 1)
		return -EINVAL;
	if (!strcmp(name, "prepare"))
		return asi_prepare();
	if (!strcmp(name, "wake")) {
		wake_up_all(&asi_attack_queue);
		return 0;
	}
	attack = asi_attack_of(name);
	if (!attack)
		return -EINVAL;
	if (!asi_target.code)
		return -ENXIO;
	memset(&asi_outcome, 0, sizeof(asi_outcome));
	strscpy(asi_outcome.name, name, sizeof(asi_outcome.name));
	asi_outcome.started = 1;
	asi_outcome.odd = attack->odd;
	if (*mode)
		return asi_attack_locked(attack, mode, secret);
	return attack->run(secret);
}

void asi_attack_show(struct seq_file *m)
{
	seq_printf(m, "attack %s started %d reached %d value 0x%lx function 0x%lx gadget 0x%lx middle 0x%lx behind 0x%lx inside 0x%lx code 0x%lx spin %d mutex %d sem %d waiting %d\n",
		   asi_outcome.name[0] ? asi_outcome.name : "-", asi_outcome.started,
		   asi_outcome.reached, asi_outcome.value, asi_target.function,
		   asi_target.gadget, asi_target.middle, asi_target.behind, asi_target.inside,
		   asi_target.code,
		   !arch_spin_value_unlocked(asi_attack_lock.rlock.raw_lock),
		   mutex_is_locked(&asi_attack_mutex),
		   rwsem_is_locked(&asi_attack_sem), wq_has_sleeper(&asi_attack_queue));
}

/* Who polls the file is refused there. */
__poll_t asi_attack_poll(void)
{
	asi_attack_run("call_middle", NULL);
	return 0;
}

void asi_attack_exit(void)
{
	if (!asi_code)
		return;
	/* In this order, or it would be executable and writable. */
	if (asi_set_memory("set_memory_nx", asi_code) || asi_set_memory("set_memory_rw", asi_code))
		return;
	vfree(asi_code);
	asi_code = NULL;
}
