/* SPDX-License-Identifier: MIT
 *
 * What the parts of the SQLite store share: sqlite.c opens the file and keeps values and the log,
 * sqlite_accounts.c speaks to the tables of accounts, sqlite_sources.c to that of sources. */
#ifndef STORE_SQLITE_PRIVATE_H
#define STORE_SQLITE_PRIVATE_H

#include <sqlite3.h>
#include <sys/stat.h>

#include "store/sqlite.h"

enum sqlite_stmt_id {
	ST_BEGIN,
	ST_COMMIT,
	ST_ROLLBACK,
	ST_META_GET,
	ST_META_PUT,
	ST_LOG_APPEND,
	ST_LOG_READ,
	ST_LOG_LAST,
	ST_LOG_TRIM,
	ST_ACCOUNT_GET,
	ST_ACCOUNT_ADD,
	ST_ACCOUNT_REPLACE,
	ST_ACCOUNT_REMOVE,
	ST_ACCOUNT_LIST,
	ST_ACCOUNT_ALGS,
	ST_ALIAS_GET,
	ST_SOURCE_PUT,
	ST_SOURCE_REMOVE,
	ST_SOURCE_EACH,
	ST_SOURCE_TRIM,
	ST_COUNT
};

struct sqlite_store {
	struct store base; /* first */
	sqlite3 *db;
	sqlite3_stmt *st[ST_COUNT]; /* NULL: what it needs is not in this file */
	char *path;
	bool in_memory;
	dev_t dev;
	ino_t ino;
	uint8_t hash_columns; /* DIGEST_BIT() of the columns that `subscriber` has */
	bool password_column;
};

/* Records "PATH: WHAT: the library's words" and what to do next, as the store's `why`; returns the
 * error that rc stands for. */
enum err sqlite_fail(struct sqlite_store *s, const char *what, int rc);

/* Prepares one statement that is kept. */
enum err sqlite_prepare(struct sqlite_store *s, enum sqlite_stmt_id id, const char *sql);

/* Runs text of our own that gives no rows. */
enum err sqlite_run(struct sqlite_store *s, const char *what, const char *sql);

/* Runs a statement that gives no rows, then makes it ready for its next use. */
enum err sqlite_finish(struct sqlite_store *s, sqlite3_stmt *st, const char *what);

/* Around statements that are to happen all or not at all. sqlite_end commits when e is OK, else
 * takes everything back; returns e, or what committing said. */
enum err sqlite_begin(struct sqlite_store *s);
enum err sqlite_end(struct sqlite_store *s, enum err e, const char *what);

void sqlite_bind_span(sqlite3_stmt *st, int at, struct span s);
void sqlite_bind_blob(sqlite3_stmt *st, int at, struct span s);
void sqlite_ready(sqlite3_stmt *st); /* reset, forget bindings */

/* Makes `subscriber` if it is missing, learns its columns, prepares. */
enum err sqlite_accounts_init(struct sqlite_store *s);

enum err sqlite_account_get(
    struct store *base, struct span user, struct span domain, struct digest_ha1s *out_ha1s);
enum err sqlite_account_add(
    struct store *base, struct span user, struct span domain, const struct digest_ha1s *ha1s);
enum err sqlite_account_replace(
    struct store *base, struct span user, struct span domain, const struct digest_ha1s *ha1s);
enum err sqlite_account_remove(struct store *base, struct span user, struct span domain);
enum err sqlite_account_list(struct store *base, store_account_fn *fn, void *arg);
enum err sqlite_account_algs(struct store *base, uint8_t *out_algs);
enum err sqlite_alias_get(struct store *base, struct span user, struct span domain,
    struct buf *out_user, struct buf *out_domain);

/* Makes the table of sources if it is missing, prepares. */
enum err sqlite_sources_init(struct sqlite_store *s);

enum err sqlite_sources_put(
    struct store *base, const struct store_source *rows, size_t n, usec_t wall);
enum err sqlite_sources_each(struct store *base, store_source_fn *fn, void *arg);
enum err sqlite_sources_trim(struct store *base, size_t most);

#endif
