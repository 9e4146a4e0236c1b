/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of sci/; nothing outside includes it. */
#ifndef SCI_SCI_H
#define SCI_SCI_H

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <asi/asi.h>
#include <asi/sci_abi.h>
#include "profile.h"

/* A profile, and the tables of all tasks that use it.  Lives until it is replaced. */
struct sci_profile {
	struct list_head list;		/* under sci_profiles_mutex */
	struct sci_profile_data data;
	struct asi_tables *tables;		/* made for the first task; under the mutex */
	bool builtin;
	atomic_t users;			/* filters; up from 0 under the mutex only */
	atomic_t tasks;			/* that have a domain */
	atomic64_t refused;
	u32 kinds[ASI_NR_ACCESSES];	/* data of all calls; 0 everywhere: not learned */
};

/* What a task asked for; constant, shared by what it forks. */
struct sci_filter {
	refcount_t refs;
	unsigned int mode;
	bool locked;
	struct sci_profile *profile;
	DECLARE_BITMAP(calls, SCI_MAX_CALLS);
};

/* profile.c */
extern struct mutex sci_profiles_mutex;
extern struct list_head sci_profiles;
int sci_profiles_init(void);
/* A profile of that name with one more user; LEARN makes it.  ERR_PTR: -ENOENT, -ENOMEM. */
struct sci_profile *sci_profile_get(const char *name, unsigned int mode);
/* Any context. */
void sci_profile_put(struct sci_profile *profile);
/* Tables for a task; for one that learns, of its own.  Process context. */
struct asi_tables *sci_profile_tables(struct sci_profile *profile, unsigned int mode);
/* Have a record for @call.  Process context. */
int sci_profile_learn(struct sci_profile *profile, unsigned int call);
/* Takes the place of an unused profile of the same name.  Process context. */
int sci_profile_import(const char *text, size_t len, struct sci_profile_error *err);
const char *sci_build_id(void);
/* Number of a page of the kernel's text, or -1. */
int sci_text_page(unsigned long address);
unsigned int sci_text_pages(void);

/* validate.c: in the fault path, like an NMI. */
bool sci_validate_fetch(struct asi_fault *fault);

/* violations.c */
/* In the fault path, like an NMI. */
void sci_note_violation(const struct asi_fault *fault, const char *action);
int sci_violations_init(struct dentry *dir);

/* sysctl.c */
/* 0, -EPERM: it takes CAP_SYS_ADMIN; -EACCES: or no_new_privs. */
int sci_may_enable(void);
int sci_sysctl_init(void);

/* debugfs.c */
int sci_debugfs_init(void);

#endif /* SCI_SCI_H */
