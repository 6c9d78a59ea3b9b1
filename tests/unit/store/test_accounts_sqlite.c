/* SPDX-License-Identifier: MIT
 *
 * The SQLite store: our own table, those of OpenSIPS and Kamailio, values, the log, and files that
 * are missing, private, broken, locked or gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite.h"

#define ALL_ALGS 7

struct place {
	char dir[64], path[96];
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	struct buf dir = BUF(p->dir), path = BUF(p->path);

	buf_add_lit(&dir, "/tmp/ringfence-test-XXXXXX");
	if (!buf_terminate(&dir) || !mkdtemp(p->dir))
		return -1;
	buf_addf(&path, "%s/accounts.db", p->dir);
	*state = p;
	return buf_terminate(&path) ? 0 : -1;
}

static int teardown(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-journal", ".old"};
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		char path[128];
		struct buf b = BUF(path);

		buf_addf(&b, "%s%s", p->path, ends[i]);
		if (buf_terminate(&b))
			(void)unlink(path);
	}
	(void)rmdir(p->dir);
	free(p);
	return 0;
}

static struct store *open_store(const struct place *p, unsigned roles)
{
	char text[STORE_WHY_MAX];
	struct buf why = BUF(text);
	struct store *s = NULL;

	if (sqlite_open(p->path, roles, 100, &why, &s) != OK)
		fail_msg("%.*s", (int)why.n, text);
	return s;
}

/* Runs SQL as another program would. */
static void other_program(const struct place *p, const char *sql)
{
	sqlite3 *db;
	char *said = NULL;

	assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &said) != SQLITE_OK)
		fail_msg("%s", said);
	sqlite3_close(db);
}

static struct digest_ha1s sample(uint8_t fill)
{
	struct digest_ha1s h = {.algs = ALL_ALGS};

	for (int i = 0; i < DIGEST_ALG_COUNT; i++)
		memset(h.ha1[i], fill + i, digest_alg_size((enum digest_alg)i));
	return h;
}

static void adding_reading_removing(void **state)
{
	struct digest_ha1s one = sample(1), two = sample(9), got;
	struct store *s = open_store(*state, STORE_ACCOUNTS | STORE_CREATE);
	struct span alice = SPAN("alice"), d = SPAN("example.com");

	assert_int_equal(store_account_get(s, alice, d, &got), ERR_NOT_FOUND);
	assert_int_equal(store_account_replace(s, alice, d, &one), ERR_NOT_FOUND);
	assert_int_equal(store_account_remove(s, alice, d), ERR_NOT_FOUND);
	assert_int_equal(store_account_add(s, alice, d, &one), OK);
	assert_int_equal(store_account_add(s, alice, d, &two), ERR_EXISTS);
	assert_int_equal(store_account_get(s, alice, d, &got), OK);
	assert_memory_equal(&got, &one, sizeof(got));
	assert_int_equal(store_account_get(s, SPAN("Alice"), d, &got), ERR_NOT_FOUND);
	assert_int_equal(store_account_get(s, alice, SPAN("example.org"), &got), ERR_NOT_FOUND);
	assert_int_equal(store_account_get(s, SPAN("alice' OR '1'='1"), d, &got), ERR_NOT_FOUND);
	assert_int_equal(store_account_replace(s, alice, d, &two), OK);
	assert_int_equal(store_account_get(s, alice, d, &got), OK);
	assert_memory_equal(&got, &two, sizeof(got));
	store_close(s);
	s = open_store(*state, STORE_ACCOUNTS);
	assert_int_equal(store_account_get(s, alice, d, &got), OK);
	assert_int_equal(store_account_remove(s, alice, d), OK);
	assert_int_equal(store_account_get(s, alice, d, &got), ERR_NOT_FOUND);
	store_close(s);
}

static void long_names(void **state)
{
	static char name[STORE_USER_MAX + 2];
	struct digest_ha1s h = sample(1), got;
	struct store *s = open_store(*state, STORE_ACCOUNTS | STORE_CREATE);

	memset(name, 'a', sizeof(name));
	assert_int_equal(store_account_add(s, span_of(name, STORE_USER_MAX), SPAN("d"), &h), OK);
	assert_int_equal(store_account_get(s, span_of(name, STORE_USER_MAX), SPAN("d"), &got), OK);
	assert_int_equal(
	    store_account_get(s, span_of(name, STORE_USER_MAX + 1), SPAN("d"), &got), ERR_RANGE);
	assert_int_equal(
	    store_account_add(s, span_of(name, STORE_USER_MAX + 1), SPAN("d"), &h), ERR_RANGE);
	assert_int_equal(store_account_add(s, SPAN(""), SPAN("d"), &h), ERR_RANGE);
	store_close(s);
}

struct listing {
	char text[512];
	struct buf b;
	size_t stop_after;
};

static bool note(void *arg, const struct store_account *a)
{
	struct listing *l = arg;

	buf_addf(&l->b, "%.*s@%.*s %u%s;", SPAN_FMT(a->user), SPAN_FMT(a->domain), a->algs,
	    a->password_only ? " password" : "");
	return --l->stop_after > 0;
}

static void check_list(struct store *s, size_t stop_after, const char *want)
{
	struct listing l = {.stop_after = stop_after};

	l.b = buf_of(l.text, sizeof(l.text));
	assert_int_equal(store_account_list(s, note, &l), OK);
	assert_true(buf_terminate(&l.b));
	assert_string_equal(l.text, want);
}

static void listing(void **state)
{
	struct store *s = open_store(*state, STORE_ACCOUNTS | STORE_CREATE);
	struct digest_ha1s h = sample(1);

	check_list(s, 9, "");
	assert_int_equal(store_account_add(s, SPAN("zoe"), SPAN("a.example"), &h), OK);
	assert_int_equal(store_account_add(s, SPAN("bob"), SPAN("b.example"), &h), OK);
	assert_int_equal(store_account_add(s, SPAN("alice"), SPAN("b.example"), &h), OK);
	check_list(s, 9, "zoe@a.example 7;alice@b.example 7;bob@b.example 7;");
	check_list(s, 2, "zoe@a.example 7;alice@b.example 7;");
	check_list(s, 9, "zoe@a.example 7;alice@b.example 7;bob@b.example 7;");
	store_close(s);
}

#define MD5_HEX    "'00112233445566778899aabbccddeeff'"
#define SHA256_HEX "'00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff'"

/* The tables as `opensips-cli` and `kamdbctl` make them. */
static const char opensips[] =
    "CREATE TABLE subscriber (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,"
    "username CHAR(64) DEFAULT '' NOT NULL, domain CHAR(64) DEFAULT '' NOT NULL,"
    "password CHAR(25) DEFAULT '' NOT NULL, email_address CHAR(64) DEFAULT '' NOT NULL,"
    "ha1 CHAR(64) DEFAULT '' NOT NULL, ha1_sha256 CHAR(64) DEFAULT '' NOT NULL,"
    "ha1_sha512t256 CHAR(64) DEFAULT '' NOT NULL, rpid CHAR(64) DEFAULT NULL,"
    "CONSTRAINT subscriber_account_idx UNIQUE (username, domain));"
    "INSERT INTO subscriber(username, domain, ha1, ha1_sha256, ha1_sha512t256) VALUES"
    "('alice', 'example.com', " MD5_HEX ", " SHA256_HEX ", " SHA256_HEX ");";
static const char kamailio[] =
    "CREATE TABLE subscriber (id INTEGER PRIMARY KEY NOT NULL,"
    "username VARCHAR(64) DEFAULT '' NOT NULL, domain VARCHAR(64) DEFAULT '' NOT NULL,"
    "password VARCHAR(64) DEFAULT '' NOT NULL, ha1 VARCHAR(128) DEFAULT '' NOT NULL,"
    "ha1b VARCHAR(128) DEFAULT '' NOT NULL,"
    "CONSTRAINT subscriber_account_idx UNIQUE (username, domain));"
    "CREATE TABLE dbaliases (id INTEGER PRIMARY KEY NOT NULL, alias_username VARCHAR(64),"
    "alias_domain VARCHAR(64), username VARCHAR(64), domain VARCHAR(64));"
    "INSERT INTO dbaliases VALUES(1, 'sales', 'example.com', 'alice', 'example.com');"
    "INSERT INTO subscriber(username, domain, ha1) VALUES('alice', 'example.com', " MD5_HEX ");"
    "INSERT INTO subscriber(username, domain, password) VALUES('open', 'example.com', 'secret');"
    "INSERT INTO subscriber(username, domain, ha1) VALUES('bad', 'example.com', 'xyz');";

static void table_of_opensips(void **state)
{
	struct digest_ha1s h = sample(1), got;
	uint8_t algs = 0;
	struct store *s;

	other_program(*state, opensips);
	s = open_store(*state, STORE_ACCOUNTS);
	assert_int_equal(store_account_get(s, SPAN("alice"), SPAN("example.com"), &got), OK);
	assert_int_equal(got.algs, ALL_ALGS);
	assert_int_equal(got.ha1[DIGEST_SHA256][10], 0xaa);
	assert_int_equal(store_account_algs(s, &algs), OK);
	assert_int_equal(algs, ALL_ALGS);
	assert_int_equal(store_account_add(s, SPAN("bob"), SPAN("example.com"), &h), OK);
	/* One account without SHA-256: offering it would lock that one out. */
	other_program(*state, "UPDATE subscriber SET ha1_sha256 = '' WHERE username = 'alice'");
	assert_int_equal(store_account_algs(s, &algs), OK);
	assert_int_equal(algs, DIGEST_BIT(DIGEST_MD5) | DIGEST_BIT(DIGEST_SHA512_256));
	check_list(s, 9, "alice@example.com 5;bob@example.com 7;");
	store_close(s);
}

static void table_of_kamailio(void **state)
{
	struct digest_ha1s h = sample(1), got;
	char user[STORE_USER_MAX], domain[STORE_DOMAIN_MAX];
	struct buf u = BUF(user), d = BUF(domain);
	uint8_t algs = 0;
	struct store *s;

	other_program(*state, kamailio);
	s = open_store(*state, STORE_ACCOUNTS);
	assert_int_equal(store_account_get(s, SPAN("alice"), SPAN("example.com"), &got), OK);
	assert_int_equal(got.algs, DIGEST_BIT(DIGEST_MD5));
	assert_int_equal(store_account_algs(s, &algs), OK);
	assert_int_equal(algs, DIGEST_BIT(DIGEST_MD5));
	/* A plain password is never used, and a broken hash is none. */
	assert_int_equal(
	    store_account_get(s, SPAN("open"), SPAN("example.com"), &got), ERR_NOT_FOUND);
	assert_int_equal(
	    store_account_get(s, SPAN("bad"), SPAN("example.com"), &got), ERR_NOT_FOUND);
	check_list(s, 9, "alice@example.com 1;bad@example.com 0;open@example.com 0 password;");
	assert_int_equal(store_account_add(s, SPAN("open"), SPAN("example.com"), &h), ERR_EXISTS);
	assert_int_equal(store_account_replace(s, SPAN("open"), SPAN("example.com"), &h), OK);
	check_list(s, 9, "alice@example.com 1;bad@example.com 0;open@example.com 1;");
	assert_int_equal(store_account_add(s, SPAN("new"), SPAN("example.com"), &h), OK);
	assert_int_equal(store_account_get(s, SPAN("new"), SPAN("example.com"), &got), OK);
	assert_int_equal(got.algs, DIGEST_BIT(DIGEST_MD5));

	assert_int_equal(store_alias_get(s, SPAN("sales"), SPAN("example.com"), &u, &d), OK);
	assert_true(span_eq(buf_span(&u), SPAN("alice")));
	assert_true(span_eq(buf_span(&d), SPAN("example.com")));
	assert_int_equal(
	    store_alias_get(s, SPAN("sales"), SPAN("example.org"), &u, &d), ERR_NOT_FOUND);
	store_close(s);
}

static void no_aliases(void **state)
{
	struct store *s = open_store(*state, STORE_ACCOUNTS | STORE_CREATE);
	char user[8], domain[8];
	struct buf u = BUF(user), d = BUF(domain);
	uint8_t algs = 0;

	assert_int_equal(store_alias_get(s, SPAN("a"), SPAN("b"), &u, &d), ERR_NOT_FOUND);
	assert_int_equal(store_account_algs(s, &algs), OK);
	assert_int_equal(algs, ALL_ALGS);
	store_close(s);
}

static bool note_record(void *arg, uint64_t id, struct span record)
{
	struct listing *l = arg;

	buf_addf(&l->b, "%u:%.*s;", (unsigned)id, SPAN_FMT(record));
	return --l->stop_after > 0;
}

static void check_log(struct store *s, uint64_t after, size_t stop_after, const char *want)
{
	struct listing l = {.stop_after = stop_after};

	l.b = buf_of(l.text, sizeof(l.text));
	assert_int_equal(store_log_read(s, after, note_record, &l), OK);
	assert_true(buf_terminate(&l.b));
	assert_string_equal(l.text, want);
}

static void values_and_log(void **state)
{
	const struct span records[] = {SPAN("one"), SPAN("two"), SPAN("three")};
	struct store *s = open_store(*state, STORE_STATE | STORE_CREATE);
	char value[8];
	struct buf b = BUF(value);
	uint64_t last = 99;

	assert_int_equal(store_meta_get(s, SPAN("keys"), &b), ERR_NOT_FOUND);
	assert_int_equal(store_meta_put(s, SPAN("keys"), span_of("\0\1\2", 3)), OK);
	assert_int_equal(store_meta_put(s, SPAN("keys"), span_of("\0\1\2\3", 4)), OK);
	assert_int_equal(store_meta_get(s, SPAN("keys"), &b), OK);
	assert_true(span_eq(buf_span(&b), span_of("\0\1\2\3", 4)));
	b.n = 5;
	assert_int_equal(store_meta_get(s, SPAN("keys"), &b), ERR_FULL);

	assert_int_equal(store_log_last(s, &last), OK);
	assert_int_equal(last, 0);
	check_log(s, 0, 9, "");
	assert_int_equal(store_log_append(s, records, 3), OK);
	assert_int_equal(store_log_append(s, records, 0), OK);
	check_log(s, 0, 9, "1:one;2:two;3:three;");
	check_log(s, 2, 9, "3:three;");
	check_log(s, 0, 1, "1:one;");
	assert_int_equal(store_log_trim(s, 2), OK);
	check_log(s, 0, 9, "3:three;");
	assert_int_equal(store_log_trim(s, UINT64_MAX), OK);
	store_close(s);
	s = open_store(*state, STORE_STATE);
	assert_int_equal(store_log_append(s, records, 1), OK);
	check_log(s, 0, 9, "4:one;");
	assert_int_equal(store_log_last(s, &last), OK);
	assert_int_equal(last, 4);
	store_close(s);
}

static void file_is_private(void **state)
{
	const struct place *p = *state;
	mode_t before = umask(0);
	struct store *s = open_store(p, STORE_ACCOUNTS | STORE_STATE | STORE_CREATE);
	struct stat st;

	umask(before);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	store_close(s);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void refused(const char *path, unsigned roles, enum err want, const char *words)
{
	char text[STORE_WHY_MAX + 1];
	struct buf why = buf_of(text, STORE_WHY_MAX);
	struct store *s = NULL;

	assert_int_equal(sqlite_open(path, roles, 0, &why, &s), want);
	assert_null(s);
	text[why.n] = '\0';
	if (!strstr(text, words) || !strstr(text, path))
		fail_msg("\"%s\" does not tell \"%s\"", text, words);
}

static void files_that_cannot_be(void **state)
{
	const struct place *p = *state;

	refused(p->path, STORE_ACCOUNTS, ERR_NOT_FOUND, "no such file");
	refused("/tmp/ringfence-no-such-folder/x.db", STORE_ACCOUNTS | STORE_CREATE, ERR_IO,
	    "make its folder");
	refused(p->dir, STORE_ACCOUNTS, ERR_IO, "cannot open");
	write_file(p->path,
	    "This is not a database, however long one looks at it. It is a text that "
	    "is longer than the head of a database would be, and a little more.");
	refused(p->path, STORE_ACCOUNTS, ERR_IO, "not a database");
	(void)unlink(p->path);
	other_program(p, "CREATE TABLE subscriber(name TEXT, secret TEXT)");
	refused(p->path, STORE_ACCOUNTS, ERR_UNSUPPORTED, "needs the columns");
}

static void locked(void **state)
{
	struct store *s = open_store(*state, STORE_ACCOUNTS | STORE_STATE | STORE_CREATE);
	const struct place *p = *state;
	struct digest_ha1s h = sample(1);
	struct span record = SPAN("x");
	sqlite3 *db;

	assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(store_account_add(s, SPAN("a"), SPAN("b"), &h), ERR_BUSY);
	assert_int_equal(store_log_append(s, &record, 1), ERR_BUSY);
	assert_non_null(strstr(store_why(s), "another program holds it"));
	assert_int_equal(store_account_get(s, SPAN("a"), SPAN("b"), &h), ERR_NOT_FOUND);
	sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	sqlite3_close(db);
	assert_int_equal(store_account_add(s, SPAN("a"), SPAN("b"), &h), OK);
	assert_int_equal(store_log_append(s, &record, 1), OK);
	store_close(s);
}

/* A batch that fails in its middle, as on a full disk: nothing of it stays, and the store works on.
 */
static void failed_batch(void **state)
{
	const struct span records[] = {SPAN("small"), SPAN("too big")};
	struct store *s = open_store(*state, STORE_STATE | STORE_CREATE);

	assert_int_equal(store_log_append(s, records, 1), OK);
	other_program(*state, "CREATE TRIGGER full BEFORE INSERT ON binding_log "
			      "WHEN length(new.data) > 5 BEGIN SELECT raise(FAIL, 'full'); END");
	assert_int_equal(store_log_append(s, records, 2), ERR_IO);
	check_log(s, 0, 9, "1:small;");
	assert_int_equal(store_log_append(s, records, 1), OK);
	store_close(s);
}

static void file_gone_or_replaced(void **state)
{
	struct store *s = open_store(*state, STORE_ACCOUNTS | STORE_CREATE);
	const struct place *p = *state;
	char old[128];
	struct buf b = BUF(old);

	buf_addf(&b, "%s.old", p->path);
	assert_true(buf_terminate(&b));
	assert_int_equal(store_probe(s), OK);
	assert_int_equal(rename(p->path, old), 0);
	assert_int_equal(store_probe(s), ERR_IO);
	assert_non_null(strstr(store_why(s), "removed or replaced"));
	write_file(p->path, "");
	assert_int_equal(store_probe(s), ERR_IO);
	assert_int_equal(rename(old, p->path), 0);
	assert_int_equal(store_probe(s), OK);
	store_close(s);
	store_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(adding_reading_removing, setup, teardown),
	    cmocka_unit_test_setup_teardown(long_names, setup, teardown),
	    cmocka_unit_test_setup_teardown(listing, setup, teardown),
	    cmocka_unit_test_setup_teardown(table_of_opensips, setup, teardown),
	    cmocka_unit_test_setup_teardown(table_of_kamailio, setup, teardown),
	    cmocka_unit_test_setup_teardown(no_aliases, setup, teardown),
	    cmocka_unit_test_setup_teardown(values_and_log, setup, teardown),
	    cmocka_unit_test_setup_teardown(file_is_private, setup, teardown),
	    cmocka_unit_test_setup_teardown(files_that_cannot_be, setup, teardown),
	    cmocka_unit_test_setup_teardown(locked, setup, teardown),
	    cmocka_unit_test_setup_teardown(failed_batch, setup, teardown),
	    cmocka_unit_test_setup_teardown(file_gone_or_replaced, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
