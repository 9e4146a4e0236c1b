// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs asi_test/wake: write milliseconds, after which the machine wakes up
 * from suspend to idle.  Emulated clocks have no alarm that does.
 */
#include <linux/debugfs.h>
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/suspend.h>
#include "asi_test.h"

static struct hrtimer asi_wake_timer;

static enum hrtimer_restart asi_wake_now(struct hrtimer *timer)
{
	pm_system_wakeup();
	return HRTIMER_NORESTART;
}

static int wake_set(void *unused, u64 ms)
{
	hrtimer_start(&asi_wake_timer, ms_to_ktime(ms), HRTIMER_MODE_REL_HARD);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(wake_fops, NULL, wake_set, "%llu\n");

void asi_wake_init(struct dentry *dir)
{
	hrtimer_init(&asi_wake_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	asi_wake_timer.function = asi_wake_now;
	debugfs_create_file_unsafe("wake", 0200, dir, NULL, &wake_fops);
}

void asi_wake_exit(void)
{
	hrtimer_cancel(&asi_wake_timer);
}
