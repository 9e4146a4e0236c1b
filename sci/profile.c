// SPDX-License-Identifier: GPL-2.0-only
/*
 * Profiles in the kernel: the list, their tables, learning and import.
 *
 * "default" is always there and knows nothing: all that its tasks touch is validated.
 * A profile that somebody learned or imported lets in what it lists, and validates
 * the rest of the text the same way.
 */
#define pr_fmt(fmt) "sci: " fmt

#include <linux/err.h>
#include <linux/buildid.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/sections.h>
#include "sci.h"
#include "sections.h"

DEFINE_MUTEX(sci_profiles_mutex);
LIST_HEAD(sci_profiles);

static char sci_own_build_id[SCI_BUILD_ID_LEN];

const char *sci_build_id(void)
{
	return sci_own_build_id;
}

unsigned int sci_text_pages(void)
{
	return PFN_UP(_etext - _text);
}

int sci_text_page(unsigned long address)
{
	unsigned long text = (unsigned long)_text;

	return address >= text && address < (unsigned long)_etext ?
	       (address - text) >> PAGE_SHIFT : -1;
}

/* ---- Life ------------------------------------------------------------- */

static struct sci_profile *sci_profile_new(const char *name)
{
	struct sci_profile *profile = kzalloc(sizeof(*profile), GFP_KERNEL);

	if (!profile)
		return NULL;
	strscpy(profile->data.name, name);
	strscpy(profile->data.build_id, sci_own_build_id);
	profile->data.text_pages = sci_text_pages();
	return profile;
}

static void sci_record_free(struct sci_call_record *record)
{
	if (record)
		kfree(record->text);
	kfree(record);
}

static void sci_profile_free(struct sci_profile *profile)
{
	unsigned int i;

	if (!profile)
		return;
	asi_destroy_tables(profile->tables);
	for (i = 0; i < SCI_MAX_CALLS; i++)
		sci_record_free(profile->data.call[i]);
	kfree(profile);
}

static struct sci_profile *sci_profile_find(const char *name)
{
	struct sci_profile *profile;

	list_for_each_entry(profile, &sci_profiles, list) {
		if (!strcmp(profile->data.name, name))
			return profile;
	}
	return NULL;
}

struct sci_profile *sci_profile_get(const char *name, unsigned int mode)
{
	struct sci_profile *profile;

	mutex_lock(&sci_profiles_mutex);
	profile = sci_profile_find(name);
	if (!profile && mode == SCI_MODE_LEARN) {
		profile = sci_profile_new(name);
		if (profile)
			list_add_tail(&profile->list, &sci_profiles);
		else
			profile = ERR_PTR(-ENOMEM);
	} else if (!profile) {
		profile = ERR_PTR(-ENOENT);
	} else if (profile->builtin && mode == SCI_MODE_LEARN) {
		profile = ERR_PTR(-EPERM);
	}
	if (!IS_ERR(profile))
		atomic_inc(&profile->users);
	mutex_unlock(&sci_profiles_mutex);
	return profile;
}

void sci_profile_put(struct sci_profile *profile)
{
	atomic_dec(&profile->users);
}

/* What is learned counts for the tasks that begin after it. */
static void sci_profile_sum(struct sci_profile *profile)
{
	const struct sci_call_record *record;
	unsigned int i, access;

	for (i = 0; i < SCI_MAX_CALLS; i++) {
		record = READ_ONCE(profile->data.call[i]);
		for (access = 0; record && access < ASI_NR_ACCESSES; access++)
			profile->kinds[access] |= record->data[access];
	}
	/* Write implies read. */
	profile->kinds[ASI_ACCESS_READ] |= profile->kinds[ASI_ACCESS_WRITE];
}

struct asi_tables *sci_profile_tables(struct sci_profile *profile, unsigned int mode)
{
	struct asi_tables *tables;

	if (mode == SCI_MODE_LEARN)
		return asi_create_tables(ASI_CLASS_SCI, profile->data.name);
	mutex_lock(&sci_profiles_mutex);
	sci_profile_sum(profile);
	tables = profile->tables;
	if (!tables) {
		tables = asi_create_tables(ASI_CLASS_SCI, profile->data.name);
		if (!IS_ERR(tables))
			profile->tables = tables;
	}
	mutex_unlock(&sci_profiles_mutex);
	return tables;
}

/* ---- Records ---------------------------------------------------------- */

static struct sci_call_record *sci_record_new(void *ctx, unsigned int call)
{
	struct sci_call_record *record = kzalloc(sizeof(*record), GFP_KERNEL);

	if (!record)
		return NULL;
	record->text = kcalloc(SCI_TEXT_WORDS(sci_text_pages()), sizeof(u64), GFP_KERNEL);
	if (record->text)
		return record;
	kfree(record);
	return NULL;
}

int sci_profile_learn(struct sci_profile *profile, unsigned int call)
{
	struct sci_call_record *record;
	int err = 0;

	if (READ_ONCE(profile->data.call[call]))
		return 0;
	mutex_lock(&sci_profiles_mutex);
	if (!profile->data.call[call]) {
		record = sci_record_new(NULL, call);
		if (record)
			/* Pairs with who records or reads: the record is whole. */
			smp_store_release(&profile->data.call[call], record);
		else
			err = -ENOMEM;
	}
	mutex_unlock(&sci_profiles_mutex);
	return err;
}

/* ---- Import ----------------------------------------------------------- */

static int sci_is_current(void *ctx, const char *build_id, const char **why)
{
	if (!strcmp(build_id, sci_own_build_id))
		return 0;
	*why = "it was made for another build of the kernel";
	return -ESTALE;
}

/* Under the mutex. */
static int sci_profile_replace(struct sci_profile *profile)
{
	struct sci_profile *old = sci_profile_find(profile->data.name);

	if (old && old->builtin)
		return -EPERM;
	if (old && atomic_read(&old->users))
		return -EEXIST;
	list_add_tail(&profile->list, &sci_profiles);
	if (old) {
		list_del(&old->list);
		sci_profile_free(old);
	}
	return 0;
}

int sci_profile_import(const char *text, size_t len, struct sci_profile_error *err)
{
	static const struct sci_profile_sink check = { .build_id = sci_is_current };
	static const struct sci_profile_storage storage = { .get = sci_record_new };
	struct sci_profile *profile;
	int ret;

	ret = sci_profile_parse(text, len, &check, err);
	if (ret)
		return ret;
	profile = sci_profile_new("");
	if (!profile)
		return -ENOMEM;
	ret = sci_profile_load(&profile->data, text, len, &storage, err);
	if (!ret) {
		mutex_lock(&sci_profiles_mutex);
		ret = sci_profile_replace(profile);
		mutex_unlock(&sci_profiles_mutex);
		if (ret)
			strscpy(err->message, ret == -EPERM ? "this profile is built in" :
							      "tasks use this profile");
	}
	if (ret)
		sci_profile_free(profile);
	return ret;
}

int __init sci_profiles_init(void)
{
	u8 id[BUILD_ID_SIZE_MAX] = {};
	struct sci_profile *profile;
	int err;

	if (sci_text_pages() > SCI_MAX_TEXT_PAGES)
		return -E2BIG;
	err = build_id_parse_buf(__start_notes, id,
				 (unsigned long)__stop_notes - (unsigned long)__start_notes);
	if (err)
		return err;
	bin2hex(sci_own_build_id, id, sizeof(id));
	profile = sci_profile_new("default");
	if (!profile)
		return -ENOMEM;
	profile->builtin = true;
	list_add_tail(&profile->list, &sci_profiles);
	return 0;
}
