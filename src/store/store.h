/* SPDX-License-Identifier: MIT
 *
 * The interface of a store: accounts, small named values, the log of bindings, and what is known of
 * sources. SQLite implements it; other databases are further tables of operations. Every call may
 * block on a disk: only the storage thread (store/worker.h) and commands call them, one thread at a
 * time a store.
 *
 * Results: ERR_NOT_FOUND and ERR_EXISTS are answers; ERR_BUSY (someone else holds the database),
 * ERR_IO (it is lost, full or damaged) and ERR_NOMEM are failures, for which store_why() has a
 * sentence. After ERR_IO the store should be closed and opened again. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/buf.h"
#include "base/usec.h"
#include "guard/digest.h"

#define STORE_USER_MAX   128 /* bytes; longer names are ERR_RANGE: no account has them */
#define STORE_DOMAIN_MAX 128
#define STORE_WHY_MAX    512

/* What a store is used for: its tables are made at opening if they are missing. */
#define STORE_ACCOUNTS 1u
#define STORE_STATE    2u
/* Make the file when there is none: at start and for commands, never when a lost one is looked for.
 */
#define STORE_CREATE 4u

/* One row of a listing; spans live until the callback returns. */
struct store_account {
	struct span user, domain;
	uint8_t algs;       /* DIGEST_BIT(): hashes that are there and well-formed */
	bool password_only; /* the row has a plain password but no hash: it is not used */
};

/* What is known of one source, in bytes that the store does not look into. */
struct store_source {
	struct span key, record; /* an empty record: the row is to be removed */
};

/* Return false to stop. */
typedef bool store_source_fn(void *arg, const struct store_source *row);
typedef bool store_account_fn(void *arg, const struct store_account *a);
typedef bool store_log_fn(void *arg, uint64_t id, struct span record);

struct store;

struct store_ops {
	void (*close)(struct store *s);
	/* Still the thing that was opened? A file that was removed or replaced is ERR_IO. Cheap. */
	enum err (*probe)(struct store *s);

	enum err (*account_get)(
	    struct store *s, struct span user, struct span domain, struct digest_ha1s *out_ha1s);
	enum err (*account_add)(
	    struct store *s, struct span user, struct span domain, const struct digest_ha1s *ha1s);
	enum err (*account_replace)(
	    struct store *s, struct span user, struct span domain, const struct digest_ha1s *ha1s);
	enum err (*account_remove)(struct store *s, struct span user, struct span domain);
	enum err (*account_list)(struct store *s, store_account_fn *fn, void *arg);
	enum err (*account_algs)(struct store *s, uint8_t *out_algs);
	enum err (*alias_get)(struct store *s, struct span user, struct span domain,
	    struct buf *out_user, struct buf *out_domain);

	enum err (*meta_get)(struct store *s, struct span name, struct buf *out_value);
	enum err (*meta_put)(struct store *s, struct span name, struct span value);

	enum err (*log_append)(struct store *s, const struct span *records, size_t n);
	enum err (*log_read)(struct store *s, uint64_t after, store_log_fn *fn, void *arg);
	enum err (*log_last)(struct store *s, uint64_t *out_id);
	enum err (*log_trim)(struct store *s, uint64_t through);

	enum err (*sources_put)(
	    struct store *s, const struct store_source *rows, size_t n, usec_t wall);
	enum err (*sources_each)(struct store *s, store_source_fn *fn, void *arg);
	enum err (*sources_trim)(struct store *s, size_t most);
};

/* The head of every kind of store. */
struct store {
	const struct store_ops *ops;
	char why[STORE_WHY_MAX]; /* NUL-terminated, printable */
};

/* A sentence about the last failure: "/var/lib/x.db: cannot read account: disk I/O error". */
static inline const char *store_why(const struct store *s)
{
	return s->why;
}

/* NULL is accepted. */
static inline void store_close(struct store *s)
{
	if (s)
		s->ops->close(s);
}

NODISCARD static inline enum err store_probe(struct store *s)
{
	return s->ops->probe(s);
}

/* The A1s of user at domain (domain in lower case, user as it is). ERR_NOT_FOUND: no such account,
 * or one without any usable hash. */
NODISCARD static inline enum err store_account_get(
    struct store *s, struct span user, struct span domain, struct digest_ha1s *out_ha1s)
{
	return s->ops->account_get(s, user, domain, out_ha1s);
}

/* ERR_EXISTS. Hashes for which an existing table has no column are left out. */
NODISCARD static inline enum err store_account_add(
    struct store *s, struct span user, struct span domain, const struct digest_ha1s *ha1s)
{
	return s->ops->account_add(s, user, domain, ha1s);
}

/* New hashes for an account; a plain password in the row is emptied. ERR_NOT_FOUND. */
NODISCARD static inline enum err store_account_replace(
    struct store *s, struct span user, struct span domain, const struct digest_ha1s *ha1s)
{
	return s->ops->account_replace(s, user, domain, ha1s);
}

/* ERR_NOT_FOUND. */
NODISCARD static inline enum err store_account_remove(
    struct store *s, struct span user, struct span domain)
{
	return s->ops->account_remove(s, user, domain);
}

/* All accounts in the order of domain, user. */
NODISCARD static inline enum err store_account_list(
    struct store *s, store_account_fn *fn, void *arg)
{
	return s->ops->account_list(s, fn, arg);
}

/* The algorithms for which every account has a hash: offering another one would lock someone out.
 * All of them when there are no accounts and the table has the columns. Reads the whole table. */
NODISCARD static inline enum err store_account_algs(struct store *s, uint8_t *out_algs)
{
	return s->ops->account_algs(s, out_algs);
}

/* Whose alias it is (table dbaliases). ERR_NOT_FOUND, also when there is no such table. */
NODISCARD static inline enum err store_alias_get(struct store *s, struct span user,
    struct span domain, struct buf *out_user, struct buf *out_domain)
{
	return s->ops->alias_get(s, user, domain, out_user, out_domain);
}

/* Small named values (nonce keys). The value is appended to out_value; ERR_NOT_FOUND, ERR_FULL. */
NODISCARD static inline enum err store_meta_get(
    struct store *s, struct span name, struct buf *out_value)
{
	return s->ops->meta_get(s, name, out_value);
}

NODISCARD static inline enum err store_meta_put(
    struct store *s, struct span name, struct span value)
{
	return s->ops->meta_put(s, name, value);
}

/* Appends n records in one transaction: all or none. Ids grow from 1, with the order of appending.
 */
NODISCARD static inline enum err store_log_append(
    struct store *s, const struct span *records, size_t n)
{
	return s->ops->log_append(s, records, n);
}

/* Records with id > after, in order. The callback must not use the store. */
NODISCARD static inline enum err store_log_read(
    struct store *s, uint64_t after, store_log_fn *fn, void *arg)
{
	return s->ops->log_read(s, after, fn, arg);
}

/* The id of the newest record, 0 when there is none. */
NODISCARD static inline enum err store_log_last(struct store *s, uint64_t *out_id)
{
	return s->ops->log_last(s, out_id);
}

/* Removes records with id <= through. */
NODISCARD static inline enum err store_log_trim(struct store *s, uint64_t through)
{
	return s->ops->log_trim(s, through);
}

/* Writes n rows in one transaction, all or none: a key that is there gets the new record and the
 * new time. */
NODISCARD static inline enum err store_sources_put(
    struct store *s, const struct store_source *rows, size_t n, usec_t wall)
{
	return s->ops->sources_put(s, rows, n, wall);
}

/* Every row, oldest first. The callback must not use the store. */
NODISCARD static inline enum err store_sources_each(struct store *s, store_source_fn *fn, void *arg)
{
	return s->ops->sources_each(s, fn, arg);
}

/* Removes the rows that were put longest ago until there are at most `most`. Reads the whole
 * table. */
NODISCARD static inline enum err store_sources_trim(struct store *s, size_t most)
{
	return s->ops->sources_trim(s, most);
}

#endif
