/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A profile: the text pages and the kinds of data that each system call needs,
 * and its text form.
 *
 * Logic in C++ (profile_*.cc) behind this C border; the kernel,
 * asictl and the host tests use the same objects.  Nothing here allocates or
 * sleeps: records come from the caller.
 *
 *	asi-sci-profile 1
 *	build-id 40HEX
 *	name NAME
 *	call NR text 0x12 0x14-0x2f ...
 *	call NR data KIND ACCESS
 *	end
 *
 * The first line is the first and "end" the last.  build-id and name come once
 * each, before the first call.  NR is decimal, a page is the hexadecimal number
 * of a 4 KiB page from _text, KIND a name of asi_kind_name(), ACCESS letters of
 * "rw".  A call may have any number of lines; what repeats is said once.  '#'
 * starts a comment; words are separated by blanks and tabs.
 */
#ifndef SCI_PROFILE_H
#define SCI_PROFILE_H

#include <asi/types.h>
#include <asi/port.h>
#include <asi/sci_abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SCI_PROFILE_HEADER	"asi-sci-profile"	/* first word of a profile's text */
#define SCI_MAX_TEXT_PAGES	8192	/* pages a profile can tell apart: 32 MiB of text */
#define SCI_BUILD_ID_LEN	41	/* 40 lower-case hexadecimal digits and a NUL */

/* Words of a bitmap for @pages text pages. */
#define SCI_TEXT_WORDS(pages)	(((pages) + 63) / 64)

/* What one call needs.  Zeroed storage with a zeroed bitmap is an empty record. */
struct sci_call_record {
	asi_u64 *text;				/* bit (n % 64) of word (n / 64): page n */
	asi_u32 data[ASI_NR_ACCESSES];		/* by access: bit n: enum asi_kind n */
};

/*
 * @text_pages: bits in the bitmap of every record, at most SCI_MAX_TEXT_PAGES.
 * @call: NULL for a call that has no record.  A record may be added while others
 * read or record, with a release store; it stays until nobody uses the profile.
 */
struct sci_profile_data {
	char name[SCI_PROFILE_NAME_LEN];
	char build_id[SCI_BUILD_ID_LEN];
	asi_u32 text_pages;
	struct sci_call_record *call[SCI_MAX_CALLS];
};

/*
 * Where records come from.  @get: a record for @call, which has none yet: empty,
 * its bitmap in place; NULL when memory is out.  Who asked puts it into the
 * profile.  It stays the caller's to free.
 */
struct sci_profile_storage {
	struct sci_call_record *(*get)(void *ctx, unsigned int call);
	void *ctx;
};

struct sci_profile_error {
	asi_u32 line;		/* from 1; 0: no error */
	char message[120];	/* printable, without the line */
};

/*
 * Who wants to know what a text says.  Each returns 0, or a negative errno that
 * ends the parsing; it may then set *@why, a string that outlives the call.
 * A function that is NULL is not asked.  Arguments are valid: a good name, 40
 * digits, call < SCI_MAX_CALLS, first_page <= last_page < SCI_MAX_TEXT_PAGES,
 * kind < ASI_NR_KINDS, access ASI_ACCESS_READ or _WRITE.
 */
struct sci_profile_sink {
	int (*name)(void *ctx, const char *name, const char **why);
	int (*build_id)(void *ctx, const char *build_id, const char **why);
	int (*text)(void *ctx, unsigned int call, asi_u32 first_page, asi_u32 last_page,
		    const char **why);
	int (*data)(void *ctx, unsigned int call, unsigned int kind, unsigned int access,
		    const char **why);
	void *ctx;
};

/*
 * Read one profile, first line to last.  0, -EINVAL, or what the sink returned;
 * @err, if not NULL, has the line and the reason.  The sink hears of everything
 * before the mistake: parse with all functions NULL first, or throw away what
 * was built, for all or nothing.
 */
int sci_profile_parse(const char *text, asi_size len, const struct sci_profile_sink *sink,
		      struct sci_profile_error *err);

/*
 * Put what @text says into *@p, on top of what is there; name and build id are
 * replaced.  Besides what sci_profile_parse() refuses: -E2BIG for a page that is
 * not below p->text_pages.  Both change nothing.  -ENOMEM when @storage has no
 * more: part of it may be there.
 */
int sci_profile_load(struct sci_profile_data *p, const char *text, asi_size len,
		     const struct sci_profile_storage *storage, struct sci_profile_error *err);

/*
 * Writes at most @len bytes with the NUL; returns the length that all takes,
 * without it.  May run while others record: what comes meanwhile may be left out
 * or may need more than the length of an earlier call.
 */
asi_size sci_profile_format(const struct sci_profile_data *p, char *buf, asi_size len);

/*
 * Note one need.  Atomic, for any context including NMI.  1: it is new; 0: it
 * was known; -ENOENT: the call has no record; -EINVAL: no such call, page, kind
 * or access (only ASI_ACCESS_READ and _WRITE are data).
 */
int sci_profile_record_text(struct sci_profile_data *p, unsigned int call, asi_u32 page);
int sci_profile_record_data(struct sci_profile_data *p, unsigned int call, unsigned int kind,
			    unsigned int access);

/* Does the call need it?  False for what there is not. */
bool sci_profile_has_text(const struct sci_profile_data *p, unsigned int call, asi_u32 page);
bool sci_profile_has_data(const struct sci_profile_data *p, unsigned int call,
			  unsigned int kind, unsigned int access);

/*
 * Add the needs in @from to @to.  -ESTALE: the build ids differ; -E2BIG: @from
 * has a page that @to has no room for; both change nothing.  -ENOMEM: part of it
 * may be there.
 */
int sci_profile_union(struct sci_profile_data *to, const struct sci_profile_data *from,
		      const struct sci_profile_storage *storage);

/* Pages that any call needs: word (page / 64), and how many there are. */
asi_u64 sci_profile_text_word(const struct sci_profile_data *p, asi_u32 word);
asi_u32 sci_profile_text_count(const struct sci_profile_data *p);
/* Pages that @call needs; calls that have a record with anything in it. */
asi_u32 sci_profile_call_text_count(const struct sci_profile_data *p, unsigned int call);
asi_u32 sci_profile_call_count(const struct sci_profile_data *p);

/* 1..31 of [A-Za-z0-9_.-], not "." or "..".  Reads SCI_PROFILE_NAME_LEN bytes at most. */
bool sci_profile_name_ok(const char *name);

#ifdef __cplusplus
}
#endif
#endif /* SCI_PROFILE_H */
