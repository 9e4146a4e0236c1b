/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * System-call isolation as user space asks for it:
 *
 *	prctl(PR_SYSCALL_ISOLATION, PR_SCI_..., argument, 0, 0)
 *
 * It takes CAP_SYS_ADMIN or, when the sysctl kernel.unprivileged_syscall_isolation
 * is 1, no_new_privs.  It concerns the calling thread, starts with its next system
 * call and is inherited over fork, clone and exec.
 *
 *	EOPNOTSUPP	the kernel was not booted with asi=on sci=on
 *	EPERM		no CAP_SYS_ADMIN, and the sysctl is 0, which is asked first; locked;
 *			or SCI_MODE_LEARN without CAP_SYS_ADMIN, or for "default"
 *	EACCES		the sysctl is 1: neither CAP_SYS_ADMIN nor no_new_privs
 *	EINVAL		unknown operation, size, mode or flag; no call in the set; a
 *			profile's name that is none
 *	ENOENT		no profile of that name; SCI_MODE_LEARN makes it
 *	EFAULT, ENOMEM
 *
 * What fails changes nothing.
 */
#ifndef ASI_SCI_ABI_H
#define ASI_SCI_ABI_H

#define PR_SYSCALL_ISOLATION	0x53434900

#define PR_SCI_ENABLE		1	/* argument: struct sci_config * */
#define PR_SCI_GET		2	/* fills it; mode 0: not isolated */
#define PR_SCI_LOCK		3	/* no ENABLE or DISABLE from now on */
#define PR_SCI_DISABLE		4

#define SCI_MODE_LEARN		1	/* record what calls need, refuse nothing new */
#define SCI_MODE_ENFORCE	2
#define SCI_MODE_LOG		3	/* record what would be refused, and let the call go on */

#define SCI_FLAG_LOCKED		1	/* GET only */

#define SCI_PROFILE_NAME_LEN	32	/* with its NUL; [A-Za-z0-9_.-], not "." or ".." */
#define SCI_MAX_CALLS		512

struct sci_config {
	unsigned int size;		/* sizeof(struct sci_config) */
	unsigned int mode;		/* SCI_MODE_... */
	unsigned int flags;		/* ENABLE: 0; GET: SCI_FLAG_... */
	unsigned int pad;		/* 0 */
	char profile[SCI_PROFILE_NAME_LEN];
	/* Which calls run isolated: bit (nr % 64) of word (nr / 64). */
	unsigned long long syscalls[SCI_MAX_CALLS / 64];
};

#endif /* ASI_SCI_ABI_H */
