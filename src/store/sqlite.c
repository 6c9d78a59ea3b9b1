/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/sqlite_private.h"

static enum err err_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_BUSY;
	case SQLITE_NOMEM:
		return ERR_NOMEM;
	default:
		return ERR_IO;
	}
}

static const char *advice_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return "; another program holds it";
	case SQLITE_FULL:
		return "; free some space";
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return "; restore it from a copy";
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return "; the file and its folder must be writable for this user";
	default:
		return "";
	}
}

enum err sqlite_fail(struct sqlite_store *s, const char *what, int rc)
{
	struct buf why = BUF(s->base.why);
	const char *said = s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc);

	buf_add_escaped(&why, span_str(s->path), 300);
	buf_addf(&why, ": cannot %s: ", what);
	buf_add_escaped(&why, span_str(said), 120);
	buf_addf(&why, "%s", advice_of(rc));
	if (!buf_terminate(&why))
		s->base.why[sizeof(s->base.why) - 1] = '\0';
	return err_of(rc);
}

enum err sqlite_prepare(struct sqlite_store *s, enum sqlite_stmt_id id, const char *sql)
{
	int rc = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->st[id], NULL);

	return rc == SQLITE_OK ? OK : sqlite_fail(s, "prepare a query", rc);
}

enum err sqlite_run(struct sqlite_store *s, const char *what, const char *sql)
{
	int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? OK : sqlite_fail(s, what, rc);
}

void sqlite_ready(sqlite3_stmt *st)
{
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

enum err sqlite_finish(struct sqlite_store *s, sqlite3_stmt *st, const char *what)
{
	int rc = sqlite3_step(st);
	enum err e = rc == SQLITE_DONE ? OK : sqlite_fail(s, what, rc);

	sqlite_ready(st);
	return e;
}

void sqlite_bind_span(sqlite3_stmt *st, int at, struct span s)
{
	sqlite3_bind_text(st, at, s.n ? s.p : "", (int)s.n, SQLITE_STATIC);
}

void sqlite_bind_blob(sqlite3_stmt *st, int at, struct span s)
{
	sqlite3_bind_blob64(st, at, s.n ? s.p : "", s.n, SQLITE_STATIC);
}

static struct sqlite_store *self(struct store *base)
{
	return CONTAINER_OF(base, struct sqlite_store, base);
}

static void close_store(struct store *base)
{
	struct sqlite_store *s = self(base);

	for (int i = 0; i < ST_COUNT; i++)
		sqlite3_finalize(s->st[i]);
	sqlite3_close(s->db);
	free(s->path);
	free(s);
}

static enum err probe(struct store *base)
{
	struct sqlite_store *s = self(base);
	struct buf why = BUF(base->why);
	struct stat st;

	if (s->in_memory || (stat(s->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino))
		return OK;
	buf_add_escaped(&why, span_str(s->path), 300);
	buf_add_lit(&why, ": the file was removed or replaced");
	(void)buf_terminate(&why);
	return ERR_IO;
}

static enum err meta_get(struct store *base, struct span name, struct buf *out_value)
{
	struct sqlite_store *s = self(base);
	sqlite3_stmt *st = s->st[ST_META_GET];
	enum err e = OK;
	int rc;

	sqlite_bind_span(st, 1, name);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		size_t n = (size_t)sqlite3_column_bytes(st, 0);

		if (n > out_value->cap - out_value->n)
			e = ERR_FULL;
		else
			buf_add(out_value, sqlite3_column_blob(st, 0), n);
	} else {
		e = rc == SQLITE_DONE ? ERR_NOT_FOUND : sqlite_fail(s, "read a value", rc);
	}
	sqlite_ready(st);
	return e;
}

static enum err meta_put(struct store *base, struct span name, struct span value)
{
	struct sqlite_store *s = self(base);
	sqlite3_stmt *st = s->st[ST_META_PUT];

	sqlite_bind_span(st, 1, name);
	sqlite_bind_blob(st, 2, value);
	return sqlite_finish(s, st, "write a value");
}

static enum err append_all(struct sqlite_store *s, const struct span *records, size_t n)
{
	sqlite3_stmt *st = s->st[ST_LOG_APPEND];
	enum err e = OK;

	for (size_t i = 0; i < n && e == OK; i++) {
		sqlite_bind_blob(st, 1, records[i]);
		e = sqlite_finish(s, st, "write the log of bindings");
	}
	return e;
}

enum err sqlite_begin(struct sqlite_store *s)
{
	return sqlite_finish(s, s->st[ST_BEGIN], "begin to write");
}

enum err sqlite_end(struct sqlite_store *s, enum err e, const char *what)
{
	if (e == OK)
		e = sqlite_finish(s, s->st[ST_COMMIT], what);
	/* Some failures (a full disk) have rolled back already; there is nothing to report then. */
	if (e != OK && !sqlite3_get_autocommit(s->db)) {
		(void)sqlite3_step(s->st[ST_ROLLBACK]);
		sqlite_ready(s->st[ST_ROLLBACK]);
	}
	return e;
}

static enum err log_append(struct store *base, const struct span *records, size_t n)
{
	struct sqlite_store *s = self(base);
	enum err e = sqlite_begin(s);

	if (e != OK)
		return e;
	return sqlite_end(s, append_all(s, records, n), "write the log of bindings");
}

static enum err log_read(struct store *base, uint64_t after, store_log_fn *fn, void *arg)
{
	struct sqlite_store *s = self(base);
	sqlite3_stmt *st = s->st[ST_LOG_READ];
	enum err e = OK;
	bool more = true;
	int rc = SQLITE_DONE;

	sqlite3_bind_int64(st, 1, (sqlite3_int64)MIN(after, (uint64_t)INT64_MAX));
	while (more && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		const void *p = sqlite3_column_blob(st, 1);

		more = fn(arg, (uint64_t)sqlite3_column_int64(st, 0),
		    span_of(p, (size_t)sqlite3_column_bytes(st, 1)));
	}
	if (more && rc != SQLITE_DONE)
		e = sqlite_fail(s, "read the log of bindings", rc);
	sqlite_ready(st);
	return e;
}

static enum err log_last(struct store *base, uint64_t *out_id)
{
	struct sqlite_store *s = self(base);
	sqlite3_stmt *st = s->st[ST_LOG_LAST];
	int rc = sqlite3_step(st);
	enum err e = OK;

	if (rc == SQLITE_ROW)
		*out_id = (uint64_t)sqlite3_column_int64(st, 0);
	else
		e = sqlite_fail(s, "read the log of bindings", rc);
	sqlite_ready(st);
	return e;
}

static enum err log_trim(struct store *base, uint64_t through)
{
	struct sqlite_store *s = self(base);
	sqlite3_stmt *st = s->st[ST_LOG_TRIM];

	sqlite3_bind_int64(st, 1, (sqlite3_int64)MIN(through, (uint64_t)INT64_MAX));
	return sqlite_finish(s, st, "trim the log of bindings");
}

static const struct store_ops sqlite_ops = {
    .close = close_store,
    .probe = probe,
    .account_get = sqlite_account_get,
    .account_add = sqlite_account_add,
    .account_replace = sqlite_account_replace,
    .account_remove = sqlite_account_remove,
    .account_list = sqlite_account_list,
    .account_algs = sqlite_account_algs,
    .alias_get = sqlite_alias_get,
    .meta_get = meta_get,
    .meta_put = meta_put,
    .log_append = log_append,
    .log_read = log_read,
    .log_last = log_last,
    .log_trim = log_trim,
    .sources_put = sqlite_sources_put,
    .sources_each = sqlite_sources_each,
    .sources_trim = sqlite_sources_trim,
};

/* Made by root, for a daemon that is someone else: the file belongs to whom its folder belongs to.
 */
static void give_to_owner_of_folder(const char *path, int fd)
{
	const char *slash = strrchr(path, '/');
	char folder[4096];
	struct buf b = BUF(folder);
	struct stat st;

	if (geteuid() != 0)
		return;
	buf_add_span(&b, slash ? span_of(path, (size_t)(slash - path) + 1) : SPAN("."));
	if (buf_terminate(&b) && stat(folder, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) != 0)
		return; /* a file system without owners */
}

/* Makes the file ourselves, so that it is private from its first moment: SQLite would follow the
 * umask. Its companions (-wal, -shm) take over the mode. */
static enum err make_file(struct sqlite_store *s, unsigned roles, bool *out_made, struct buf *why)
{
	const char *next = "; make its folder, or correct the path";
	int fd;

	*out_made = false;
	if (access(s->path, F_OK) == 0)
		return OK;
	if (!(roles & STORE_CREATE)) {
		buf_add_escaped(why, span_str(s->path), 300);
		buf_add_lit(why, ": there is no such file");
		return ERR_NOT_FOUND;
	}
	fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0) {
		give_to_owner_of_folder(s->path, fd);
		close(fd);
		*out_made = true;
		return OK;
	}
	if (errno == EEXIST)
		return OK;
	buf_add_escaped(why, span_str(s->path), 300);
	buf_addf(why, ": cannot create the file: %s%s", strerror(errno),
	    errno == ENOENT || errno == ENOTDIR ? next : "");
	return ERR_IO;
}

static enum err state_init(struct sqlite_store *s)
{
	/* AUTOINCREMENT: an id is never given twice, not even after everything was trimmed. */
	static const char tables[] =
	    "CREATE TABLE IF NOT EXISTS ringfence_meta("
	    "name TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;"
	    "CREATE TABLE IF NOT EXISTS binding_log("
	    "id INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB NOT NULL);";
	static const struct {
		enum sqlite_stmt_id id;
		const char *sql;
	} queries[] = {
	    {ST_META_GET, "SELECT value FROM ringfence_meta WHERE name = ?"},
	    {ST_META_PUT, "INSERT OR REPLACE INTO ringfence_meta(name, value) VALUES(?, ?)"},
	    {ST_LOG_APPEND, "INSERT INTO binding_log(data) VALUES(?)"},
	    {ST_LOG_READ, "SELECT id, data FROM binding_log WHERE id > ? ORDER BY id"},
	    {ST_LOG_LAST, "SELECT coalesce(max(id), 0) FROM binding_log"},
	    {ST_LOG_TRIM, "DELETE FROM binding_log WHERE id <= ?"},
	    {ST_BEGIN, "BEGIN IMMEDIATE"},
	    {ST_COMMIT, "COMMIT"},
	    {ST_ROLLBACK, "ROLLBACK"},
	};
	enum err e = sqlite_run(s, "make its tables", tables);

	for (size_t i = 0; i < ARRAY_LEN(queries) && e == OK; i++)
		e = sqlite_prepare(s, queries[i].id, queries[i].sql);
	return e == OK ? sqlite_sources_init(s) : e;
}

/* A database of someone else's that only holds accounts keeps its journal mode. Nothing is kept in
 * a folder for temporary files: the daemon may have none. */
static enum err pragmas(struct sqlite_store *s, unsigned roles, bool made)
{
	enum err e = sqlite_run(
	    s, "open the database", "PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY");

	if (e == OK && (made || (roles & STORE_STATE)))
		e = sqlite_run(s, "open the database", "PRAGMA journal_mode=WAL");
	return e;
}

static enum err open_file(struct sqlite_store *s, unsigned roles, int busy_ms, struct buf *why)
{
	struct stat st = {0};
	bool made = false;
	enum err e;
	int rc;

	e = s->in_memory ? OK : make_file(s, roles, &made, why);
	if (e != OK)
		return e;
	rc = sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK && !s->in_memory && stat(s->path, &st) != 0)
		rc = SQLITE_CANTOPEN;
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	if (rc != SQLITE_OK) {
		e = sqlite_fail(s, "open the database", rc);
	} else {
		sqlite3_busy_timeout(s->db, busy_ms);
		e = pragmas(s, roles, made);
	}
	if (e == OK && (roles & STORE_STATE))
		e = state_init(s);
	if (e == OK && (roles & STORE_ACCOUNTS))
		e = sqlite_accounts_init(s);
	if (e != OK)
		buf_add_span(why, span_str(s->base.why));
	return e;
}

enum err sqlite_open(
    const char *path, unsigned roles, int busy_ms, struct buf *why, struct store **out_s)
{
	struct sqlite_store *s = calloc(1, sizeof(*s));
	enum err e = ERR_NOMEM;

	if (!s)
		return ERR_NOMEM;
	s->base.ops = &sqlite_ops;
	s->path = strdup(path);
	s->in_memory = strcmp(path, ":memory:") == 0;
	if (s->path)
		e = open_file(s, roles, busy_ms, why);
	if (e != OK) {
		close_store(&s->base);
		return e;
	}
	*out_s = &s->base;
	return OK;
}
