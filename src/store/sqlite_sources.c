/* SPDX-License-Identifier: MIT */
#include "store/sqlite_private.h"

static struct sqlite_store *self(struct store *base)
{
	return CONTAINER_OF(base, struct sqlite_store, base);
}

enum err sqlite_sources_init(struct sqlite_store *s)
{
	static const char table[] = "CREATE TABLE IF NOT EXISTS source_standing("
				    "key BLOB PRIMARY KEY NOT NULL, data BLOB NOT NULL, "
				    "changed INTEGER NOT NULL) WITHOUT ROWID;";
	static const struct {
		enum sqlite_stmt_id id;
		const char *sql;
	} queries[] = {
	    {ST_SOURCE_PUT,
		"INSERT OR REPLACE INTO source_standing(key, data, changed) VALUES(?, ?, ?)"},
	    {ST_SOURCE_REMOVE, "DELETE FROM source_standing WHERE key = ?"},
	    {ST_SOURCE_EACH, "SELECT key, data FROM source_standing ORDER BY changed"},
	    {ST_SOURCE_TRIM,
		"DELETE FROM source_standing WHERE key IN (SELECT key FROM source_standing "
		"ORDER BY changed DESC LIMIT -1 OFFSET ?)"},
	};
	enum err e = sqlite_run(s, "make its tables", table);

	for (size_t i = 0; i < ARRAY_LEN(queries) && e == OK; i++)
		e = sqlite_prepare(s, queries[i].id, queries[i].sql);
	return e;
}

static enum err put_row(struct sqlite_store *s, const struct store_source *row, usec_t wall)
{
	sqlite3_stmt *st = s->st[row->record.n ? ST_SOURCE_PUT : ST_SOURCE_REMOVE];

	sqlite_bind_blob(st, 1, row->key);
	if (row->record.n) {
		sqlite_bind_blob(st, 2, row->record);
		sqlite3_bind_int64(st, 3, (sqlite3_int64)MIN(wall, (usec_t)INT64_MAX));
	}
	return sqlite_finish(s, st, "write what is known of sources");
}

enum err sqlite_sources_put(
    struct store *base, const struct store_source *rows, size_t n, usec_t wall)
{
	struct sqlite_store *s = self(base);
	enum err e = sqlite_begin(s);

	if (e != OK)
		return e;
	for (size_t i = 0; i < n && e == OK; i++)
		e = put_row(s, &rows[i], wall);
	return sqlite_end(s, e, "write what is known of sources");
}

static struct span column(sqlite3_stmt *st, int at)
{
	const void *p = sqlite3_column_blob(st, at);

	return span_of(p, (size_t)sqlite3_column_bytes(st, at));
}

enum err sqlite_sources_each(struct store *base, store_source_fn *fn, void *arg)
{
	struct sqlite_store *s = self(base);
	sqlite3_stmt *st = s->st[ST_SOURCE_EACH];
	enum err e = OK;
	bool more = true;
	int rc = SQLITE_DONE;

	while (more && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		const struct store_source row = {column(st, 0), column(st, 1)};

		more = fn(arg, &row);
	}
	if (more && rc != SQLITE_DONE)
		e = sqlite_fail(s, "read what is known of sources", rc);
	sqlite_ready(st);
	return e;
}

enum err sqlite_sources_trim(struct store *base, size_t most)
{
	struct sqlite_store *s = self(base);
	sqlite3_stmt *st = s->st[ST_SOURCE_TRIM];

	sqlite3_bind_int64(st, 1, (sqlite3_int64)MIN(most, (size_t)INT32_MAX));
	return sqlite_finish(s, st, "trim what is known of sources");
}
