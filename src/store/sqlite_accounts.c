/* SPDX-License-Identifier: MIT */
#include "store/sqlite_private.h"

static const char *const hash_column[DIGEST_ALG_COUNT] = {
    [DIGEST_MD5] = "ha1",
    [DIGEST_SHA256] = "ha1_sha256",
    [DIGEST_SHA512_256] = "ha1_sha512t256",
};

static struct sqlite_store *self(struct store *base)
{
	return CONTAINER_OF(base, struct sqlite_store, base);
}

/* The table of a new file: what OpenSIPS and Kamailio find in theirs, so that either can use it.
 * The password stays empty. */
static const char make_subscriber[] = "CREATE TABLE subscriber("
				      "id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,"
				      "username CHAR(64) DEFAULT '' NOT NULL,"
				      "domain CHAR(64) DEFAULT '' NOT NULL,"
				      "password CHAR(64) DEFAULT '' NOT NULL,"
				      "ha1 CHAR(64) DEFAULT '' NOT NULL,"
				      "ha1_sha256 CHAR(64) DEFAULT '' NOT NULL,"
				      "ha1_sha512t256 CHAR(64) DEFAULT '' NOT NULL,"
				      "CONSTRAINT subscriber_account_idx UNIQUE(username, domain))";

struct columns {
	size_t count; /* 0: there is no such table */
	bool username, domain, password;
	uint8_t hashes;
};

static enum err learn_columns(struct sqlite_store *s, struct columns *out_columns)
{
	struct columns c = {0};
	sqlite3_stmt *st;
	int rc;

	rc = sqlite3_prepare_v2(
	    s->db, "SELECT name FROM pragma_table_info('subscriber')", -1, &st, NULL);
	if (rc != SQLITE_OK)
		return sqlite_fail(s, "read its tables", rc);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct span name = span_of(
		    (const char *)sqlite3_column_text(st, 0), (size_t)sqlite3_column_bytes(st, 0));

		c.count++;
		c.username |= span_ieq(name, SPAN("username"));
		c.domain |= span_ieq(name, SPAN("domain"));
		c.password |= span_ieq(name, SPAN("password"));
		for (unsigned i = 0; i < DIGEST_ALG_COUNT; i++)
			if (span_ieq(name, span_str(hash_column[i])))
				c.hashes |= (uint8_t)DIGEST_BIT(i);
	}
	sqlite3_finalize(st);
	if (rc != SQLITE_DONE)
		return sqlite_fail(s, "read its tables", rc);
	*out_columns = c;
	return OK;
}

static enum err unusable(struct sqlite_store *s)
{
	struct buf why = BUF(s->base.why);

	buf_add_escaped(&why, span_str(s->path), 300);
	buf_add_lit(&why, ": its table subscriber needs the columns username, domain and ha1");
	(void)buf_terminate(&why);
	return ERR_UNSUPPORTED;
}

/* The column of each hash in the order of enum digest_alg, '' where the table has none. */
static void add_hash_columns(const struct sqlite_store *s, struct buf *sql)
{
	for (unsigned i = 0; i < DIGEST_ALG_COUNT; i++)
		buf_addf(sql, "%s%s", i ? ", " : "",
		    s->hash_columns & DIGEST_BIT(i) ? hash_column[i] : "''");
}

/* Parameters: 1 username, 2 domain, 3.. one hash an algorithm. */
static void add_insert(const struct sqlite_store *s, struct buf *sql)
{
	buf_add_lit(sql, "INSERT INTO subscriber(username, domain");
	for (unsigned i = 0; i < DIGEST_ALG_COUNT; i++)
		if (s->hash_columns & DIGEST_BIT(i))
			buf_addf(sql, ", %s", hash_column[i]);
	buf_addf(sql, "%s) VALUES(?1, ?2", s->password_column ? ", password" : "");
	for (unsigned i = 0; i < DIGEST_ALG_COUNT; i++)
		if (s->hash_columns & DIGEST_BIT(i))
			buf_addf(sql, ", ?%u", 3 + i);
	buf_addf(sql, "%s)", s->password_column ? ", ''" : "");
}

static void add_update(const struct sqlite_store *s, struct buf *sql)
{
	buf_addf(sql, "UPDATE subscriber SET username = ?1%s",
	    s->password_column ? ", password = ''" : "");
	for (unsigned i = 0; i < DIGEST_ALG_COUNT; i++)
		if (s->hash_columns & DIGEST_BIT(i))
			buf_addf(sql, ", %s = ?%u", hash_column[i], 3 + i);
	buf_add_lit(sql, " WHERE username = ?1 AND domain = ?2");
}

/* One row: how many accounts have any hash, and how many have each. */
static void add_count(struct buf *sql, const char *columns)
{
	buf_addf(sql,
	    "WITH h(a, b, c) AS (SELECT %s FROM subscriber), "
	    "l(a, b, c) AS (SELECT coalesce(length(a), 0) = 32, coalesce(length(b), 0) = 64, "
	    "coalesce(length(c), 0) = 64 FROM h) "
	    "SELECT count(*), sum(a), sum(b), sum(c) FROM l WHERE a OR b OR c",
	    columns);
}

static enum err prepare_built(struct sqlite_store *s, enum sqlite_stmt_id id, struct buf *sql)
{
	enum err e = buf_terminate(sql) ? sqlite_prepare(s, id, sql->p) : ERR_FULL;

	sql->n = 0;
	return e;
}

static enum err prepare_accounts(struct sqlite_store *s)
{
	char text[1024], columns[128];
	struct buf sql = BUF(text), cols = BUF(columns);
	enum err e;

	add_hash_columns(s, &cols);
	if (!buf_terminate(&cols))
		return ERR_FULL;
	buf_addf(&sql, "SELECT %s FROM subscriber WHERE username = ? AND domain = ?", columns);
	e = prepare_built(s, ST_ACCOUNT_GET, &sql);
	if (e != OK)
		return e;
	add_insert(s, &sql);
	e = prepare_built(s, ST_ACCOUNT_ADD, &sql);
	if (e != OK)
		return e;
	add_update(s, &sql);
	e = prepare_built(s, ST_ACCOUNT_REPLACE, &sql);
	if (e != OK)
		return e;
	buf_addf(&sql, "SELECT %s, username, domain, %s FROM subscriber ORDER BY domain, username",
	    columns, s->password_column ? "coalesce(password, '') <> ''" : "0");
	e = prepare_built(s, ST_ACCOUNT_LIST, &sql);
	if (e != OK)
		return e;
	add_count(&sql, columns);
	e = prepare_built(s, ST_ACCOUNT_ALGS, &sql);
	if (e != OK)
		return e;
	return sqlite_prepare(
	    s, ST_ACCOUNT_REMOVE, "DELETE FROM subscriber WHERE username = ? AND domain = ?");
}

/* dbaliases is the operator's own and optional. */
static enum err prepare_aliases(struct sqlite_store *s)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(s->db,
	    "SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view') AND name = 'dbaliases'",
	    -1, &st, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	sqlite3_finalize(st);
	if (rc == SQLITE_DONE)
		return OK;
	if (rc != SQLITE_ROW)
		return sqlite_fail(s, "read its tables", rc);
	return sqlite_prepare(s, ST_ALIAS_GET,
	    "SELECT username, domain FROM dbaliases WHERE alias_username = ? AND alias_domain = ? "
	    "LIMIT 1");
}

enum err sqlite_accounts_init(struct sqlite_store *s)
{
	struct columns c = {.count = 0};
	enum err e = learn_columns(s, &c);

	if (e == OK && c.count == 0) {
		/* Another process may have been faster; then its table is as good. */
		e = sqlite_run(s, "make its tables", make_subscriber);
		if (learn_columns(s, &c) == OK && c.count)
			e = OK;
	}
	if (e != OK)
		return e;
	if (!c.username || !c.domain || !(c.hashes & DIGEST_BIT(DIGEST_MD5)))
		return unusable(s);
	s->hash_columns = c.hashes;
	s->password_column = c.password;
	e = prepare_accounts(s);
	return e == OK ? prepare_aliases(s) : e;
}

/* Reads the hashes of a row from its first columns; false when none is well-formed. */
static bool read_hashes(sqlite3_stmt *st, struct digest_ha1s *out_ha1s)
{
	*out_ha1s = (struct digest_ha1s){0};
	for (unsigned i = 0; i < DIGEST_ALG_COUNT; i++) {
		struct span hex = span_of((const char *)sqlite3_column_text(st, (int)i),
		    (size_t)sqlite3_column_bytes(st, (int)i));

		if (hex_decode(hex, out_ha1s->ha1[i], digest_alg_size((enum digest_alg)i)))
			out_ha1s->algs |= (uint8_t)DIGEST_BIT(i);
	}
	return out_ha1s->algs != 0;
}

static bool name_fits(struct span user, struct span domain)
{
	return user.n && user.n <= STORE_USER_MAX && domain.n <= STORE_DOMAIN_MAX;
}

enum err sqlite_account_get(
    struct store *base, struct span user, struct span domain, struct digest_ha1s *out_ha1s)
{
	struct sqlite_store *s = self(base);
	sqlite3_stmt *st = s->st[ST_ACCOUNT_GET];
	struct digest_ha1s ha1s;
	enum err e = ERR_NOT_FOUND;
	int rc;

	if (!name_fits(user, domain))
		return ERR_RANGE;
	sqlite_bind_span(st, 1, user);
	sqlite_bind_span(st, 2, domain);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW && read_hashes(st, &ha1s)) {
		*out_ha1s = ha1s;
		e = OK;
	} else if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
		e = sqlite_fail(s, "read an account", rc);
	}
	sqlite_ready(st);
	return e;
}

static enum err write_account(struct sqlite_store *s, sqlite3_stmt *st, struct span user,
    struct span domain, const struct digest_ha1s *ha1s)
{
	char hex[DIGEST_ALG_COUNT][2 * DIGEST_MAX];
	enum err e = OK;
	int rc;

	if (!name_fits(user, domain))
		return ERR_RANGE;
	sqlite_bind_span(st, 1, user);
	sqlite_bind_span(st, 2, domain);
	for (unsigned i = 0; i < DIGEST_ALG_COUNT; i++) {
		struct buf b = BUF(hex[i]);

		if (!(s->hash_columns & DIGEST_BIT(i)))
			continue;
		if (ha1s->algs & DIGEST_BIT(i))
			buf_add_hex(&b, ha1s->ha1[i], digest_alg_size((enum digest_alg)i));
		sqlite_bind_span(st, 3 + (int)i, buf_span(&b));
	}
	rc = sqlite3_step(st);
	if ((rc & 0xff) == SQLITE_CONSTRAINT &&
	    sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_UNIQUE)
		e = ERR_EXISTS;
	else if (rc != SQLITE_DONE)
		e = sqlite_fail(s, "write an account", rc);
	else if (sqlite3_changes(s->db) == 0)
		e = ERR_NOT_FOUND;
	sqlite_ready(st);
	explicit_bzero(hex, sizeof(hex));
	return e;
}

/* Asked for, too, because a table of another program may lack the UNIQUE index. */
static enum err check_absent(struct sqlite_store *s, struct span user, struct span domain)
{
	sqlite3_stmt *st = s->st[ST_ACCOUNT_GET];
	enum err e = OK;
	int rc;

	sqlite_bind_span(st, 1, user);
	sqlite_bind_span(st, 2, domain);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		e = ERR_EXISTS;
	else if (rc != SQLITE_DONE)
		e = sqlite_fail(s, "read an account", rc);
	sqlite_ready(st);
	return e;
}

enum err sqlite_account_add(
    struct store *base, struct span user, struct span domain, const struct digest_ha1s *ha1s)
{
	struct sqlite_store *s = self(base);
	enum err e = name_fits(user, domain) ? check_absent(s, user, domain) : ERR_RANGE;

	return e == OK ? write_account(s, s->st[ST_ACCOUNT_ADD], user, domain, ha1s) : e;
}

enum err sqlite_account_replace(
    struct store *base, struct span user, struct span domain, const struct digest_ha1s *ha1s)
{
	struct sqlite_store *s = self(base);

	return write_account(s, s->st[ST_ACCOUNT_REPLACE], user, domain, ha1s);
}

enum err sqlite_account_remove(struct store *base, struct span user, struct span domain)
{
	struct sqlite_store *s = self(base);
	sqlite3_stmt *st = s->st[ST_ACCOUNT_REMOVE];
	enum err e;

	if (!name_fits(user, domain))
		return ERR_RANGE;
	sqlite_bind_span(st, 1, user);
	sqlite_bind_span(st, 2, domain);
	e = sqlite_finish(s, st, "remove an account");
	return e == OK && sqlite3_changes(s->db) == 0 ? ERR_NOT_FOUND : e;
}

enum err sqlite_account_list(struct store *base, store_account_fn *fn, void *arg)
{
	enum { AT_USER = DIGEST_ALG_COUNT, AT_DOMAIN, AT_PASSWORD };
	struct sqlite_store *s = self(base);
	sqlite3_stmt *st = s->st[ST_ACCOUNT_LIST];
	bool more = true;
	int rc = SQLITE_DONE;
	enum err e = OK;

	while (more && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct digest_ha1s ha1s;
		bool any = read_hashes(st, &ha1s);
		struct store_account a = {
		    .user = span_of((const char *)sqlite3_column_text(st, AT_USER),
			(size_t)sqlite3_column_bytes(st, AT_USER)),
		    .domain = span_of((const char *)sqlite3_column_text(st, AT_DOMAIN),
			(size_t)sqlite3_column_bytes(st, AT_DOMAIN)),
		    .algs = ha1s.algs,
		    .password_only = !any && sqlite3_column_int(st, AT_PASSWORD)};

		more = fn(arg, &a);
	}
	if (more && rc != SQLITE_DONE)
		e = sqlite_fail(s, "list the accounts", rc);
	sqlite_ready(st);
	return e;
}

enum err sqlite_account_algs(struct store *base, uint8_t *out_algs)
{
	struct sqlite_store *s = self(base);
	sqlite3_stmt *st = s->st[ST_ACCOUNT_ALGS];
	int rc = sqlite3_step(st);
	enum err e = OK;

	if (rc == SQLITE_ROW) {
		sqlite3_int64 all = sqlite3_column_int64(st, 0);
		uint8_t algs = 0;

		for (unsigned i = 0; i < DIGEST_ALG_COUNT; i++)
			if ((s->hash_columns & DIGEST_BIT(i)) &&
			    sqlite3_column_int64(st, 1 + (int)i) == all)
				algs |= (uint8_t)DIGEST_BIT(i);
		*out_algs = algs;
	} else {
		e = sqlite_fail(s, "read the accounts", rc);
	}
	sqlite_ready(st);
	return e;
}

enum err sqlite_alias_get(struct store *base, struct span user, struct span domain,
    struct buf *out_user, struct buf *out_domain)
{
	struct sqlite_store *s = self(base);
	sqlite3_stmt *st = s->st[ST_ALIAS_GET];
	enum err e = ERR_NOT_FOUND;
	int rc;

	if (!st)
		return ERR_NOT_FOUND;
	if (!name_fits(user, domain))
		return ERR_RANGE;
	sqlite_bind_span(st, 1, user);
	sqlite_bind_span(st, 2, domain);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		size_t nu = (size_t)sqlite3_column_bytes(st, 0);
		size_t nd = (size_t)sqlite3_column_bytes(st, 1);

		e = ERR_RANGE;
		if (nu <= out_user->cap - out_user->n && nd <= out_domain->cap - out_domain->n) {
			buf_add(out_user, (const char *)sqlite3_column_text(st, 0), nu);
			buf_add(out_domain, (const char *)sqlite3_column_text(st, 1), nd);
			e = OK;
		}
	} else if (rc != SQLITE_DONE) {
		e = sqlite_fail(s, "read an alias", rc);
	}
	sqlite_ready(st);
	return e;
}
