/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ASI_TEST_H
#define ASI_TEST_H

#include <linux/types.h>

struct asi;
struct dentry;
struct file;
struct seq_file;

/* main.c: what was written, with a 0 behind it, or an error.  Process context. */
ssize_t asi_test_line(char *line, size_t size, const char __user *ubuf, size_t len);

/* A secret, and where it lies. */
struct asi_secret {
	char kind[24];
	unsigned long address;
	unsigned long expected;
};

/* What became of one attempt to read it. */
struct asi_attempt {
	bool fired;
	bool inside_before;	/* restricted when the read started */
	bool inside_after;	/* and when it had ended */
	bool faulted;
	unsigned long value;
	unsigned long root;	/* CR3's table at the time */
	bool reachable;		/* mapped in that table */
	struct asi *domain;
};

/* plant.c; process context. */
int asi_plant(struct asi_secret *secret, const char *what, int pid,
	      unsigned long va);
void asi_unplant_all(void);
int asi_plant_free_mapped(struct asi_secret *secret, struct asi *domain);

/* guest.c: an object that KVM keeps for a guest of process @pid; its first vCPU's. */
int asi_plant_guest(struct asi_secret *secret, const char *what, int pid);
/* The file of that vCPU, which is its private_data, or an error; fput() follows. */
struct file *asi_guest_of(int pid);
/* The same guest has a device assigned from now on, for all that KVM knows. */
int asi_assign_device(int pid);
/* The processor has MMIO Stale Data from now on, for all that KVM knows. */
void asi_leak_to_devices(void);

/* probe.c: read the secret in the next VM exit of process @tgid (0: any). */
int asi_probe_init(void);
void asi_probe_exit(void);
int asi_probe_fire(int tgid, const struct asi_secret *secret,
		   struct asi_attempt *attempt);
/*
 * Call @fn in the next VM exits of process @tgid until it returns true, for some seconds;
 * with preemption off and inside, as a rule.  What it touches should be the module's.
 * Process context.
 */
int asi_probe_call(int tgid, bool (*fn)(void *arg), void *arg);
/* Read it right here, in the unrestricted kernel. */
void asi_probe_here(const struct asi_secret *secret, struct asi_attempt *attempt);

/*
 * corrupt.c: make a domain and do @what to it.  "end" and the next call take
 * it away.  What the oracle has to find afterwards:
 *
 *   global frame executable writable user cache free unmapped borrowed percpu
 *   quarantine secret		the entry is wrong, by hand
 *   nothing			nothing
 *   freed freed_object vunmapped uncached deadstack fenced
 *				nothing, as long as isolation works: the memory
 *				or object is freed, unmapped, made uncached, its task ends,
 *				KFENCE hides it
 *	memmap			nothing, whatever the kernel does with its memory map
 */
int asi_corrupt(const char *what, const struct asi_secret *secret);
void asi_corrupt_end(void);

/* memmap.c: some of each section of the memory map; an object of KFENCE's, which is freed then. */
int asi_map_memory_map(struct asi *domain);
int asi_map_fenced(struct asi *domain);
/* Registers behind all memory, whose mapping is gone when this returns. */
int asi_map_registers(struct asi *domain);

/*
 * states.c: stay in a strict domain for @ms milliseconds on the running CPU,
 * with interrupts arriving; counts how often the records were wrong.
 */
int asi_states_run(unsigned int ms, u64 *rounds, u64 *wrong);

/*
 * stale.c: let a CPU hold the translation of a page that is freed.  @enters:
 * it asks to be inside again before each read, which is when it has to notice.
 */
struct asi_stale {
	bool stayed;	/* the CPU was inside all the time */
	bool reused;	/* the page was given to somebody else meanwhile */
	bool seen;	/* whose content was read */
};

int asi_stale_run(bool enters, struct asi_stale *result);
/*
 * lazy.c: the same for a page of the calling process and a CPU that idles inside.
 * @result->stayed: it did, until the page was freed.
 */
int asi_lazy_run(struct asi_stale *result);

/*
 * tables.c: grow a domain by @count user addresses 2 MiB apart, of which it is told that
 * it may touch @mib MiB (0: nothing); then take them away.
 */
struct asi_growth {
	unsigned int tables;	/* after growing */
	unsigned int charged;	/* of these to the caller's memory cgroup */
	unsigned int outside;	/* touches that left */
	unsigned int left;	/* tables in the end */
};

int asi_growth_run(unsigned int count, unsigned int mib, struct asi_growth *result);

/*
 * attack.c: do in this system call what @line says; some attacks are at @secret.
 * Does not return when isolation stops the task.
 */
int asi_attack_run(const char *line, const struct asi_secret *secret);
__poll_t asi_attack_poll(void);
void asi_attack_show(struct seq_file *m);
void asi_attack_exit(void);

/*
 * asleep.c: in the domain of process @tgid, a task that slept there has died, and the
 * scheduler goes to another that has its task_struct, and a stack that is not mapped.
 */
struct asi_asleep {
	bool inside;	/* before that */
	bool stayed;	/* and still after it */
};

int asi_asleep_run(int tgid, struct asi_asleep *result);

/* patch.c: the file "patch" in @dir; and none of what it does. */
void asi_patch_init(struct dentry *dir);
void asi_patch_exit(void);

/* entries.c: the file "entries" in @dir. */
void asi_entries_init(struct dentry *dir);
/* payload.c: the file "payload" in @dir. */
void asi_payload_init(struct dentry *dir);
void asi_payload_exit(void);
/* accessors.c: "WHO FUNCTION FD AT" of that file, and what came of the last one. */
int asi_call_accessor(const char *line);
extern bool asi_accessor_reached;
/* beside.c: the file "beside" in @dir. */
void asi_beside_init(struct dentry *dir);
/* wake.c: the file "wake" in @dir. */
void asi_wake_init(struct dentry *dir);
void asi_wake_exit(void);
/* xom.c: the file "xom" in @dir. */
void asi_xom_init(struct dentry *dir);
void asi_xom_exit(void);
/*
 * torture.c: random operations for @ms milliseconds in @workers threads, or in
 * the calling one for 0.  Several calls at a time are welcome.
 */
int asi_torture_init(void);
void asi_torture_exit(void);
int asi_torture_run(u32 seed, unsigned int ms, unsigned int workers);
void asi_torture_show(struct seq_file *m);

#endif /* ASI_TEST_H */
