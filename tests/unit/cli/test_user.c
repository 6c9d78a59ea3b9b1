/* SPDX-License-Identifier: MIT
 *
 * `ringfence user` as a person or a program calls it, each call in a process of its own, against a
 * configuration and a store in a folder of the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/account.h"
#include "cli/cli.h"
#include "cli/password.h"
#include "store/sqlite.h"

#define ARGS_MAX 8
#define GOOD     "quite-A-long.phrase 77\n"

static struct {
	char dir[64], config[96], db[96], in[96], out[96], err[96];
} at;

static char printed[16384], complained[16384];

static void put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void get_file(const char *path, char text[static 16384])
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, 16383, f);
	text[n] = '\0';
	fclose(f);
}

static int setup(void **state UNUSED)
{
	snprintf(at.dir, sizeof(at.dir), "/tmp/ringfence-test-XXXXXX");
	assert_non_null(mkdtemp(at.dir));
	snprintf(at.config, sizeof(at.config), "%s/r.yaml", at.dir);
	snprintf(at.db, sizeof(at.db), "%s/accounts.db", at.dir);
	snprintf(at.in, sizeof(at.in), "%s/in", at.dir);
	snprintf(at.out, sizeof(at.out), "%s/out", at.dir);
	snprintf(at.err, sizeof(at.err), "%s/err", at.dir);
	put_file(at.config, "zones:\n"
			    "  public:\n"
			    "    listen: [udp:127.0.0.1:5060]\n"
			    "domains:\n"
			    "  example.com: {registrar: local}\n"
			    "accounts: {store: \"sqlite:accounts.db\"}\n"
			    "admin: {listen: unix:s}\n");
	return 0;
}

static int teardown(void **state UNUSED)
{
	const char *const paths[] = {at.config, at.db, at.in, at.out, at.err};

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		(void)unlink(paths[i]);
	return rmdir(at.dir);
}

static void redirect(const char *path, int flags, int to)
{
	int fd = open(path, flags, 0600);

	if (fd < 0 || dup2(fd, to) < 0)
		_exit(99);
	close(fd);
}

/* Words are split at blanks; "-c FILE" is added. Returns the exit code. */
static int call(const char *words, const char *input)
{
	char text[256], *argv[ARGS_MAX + 4] = {text};
	int argc = 0, status;
	pid_t child;

	snprintf(text, sizeof(text), "user %s", words);
	for (char *save, *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		assert_true(argc < ARGS_MAX);
		argv[argc++] = w;
	}
	argv[argc++] = (char[]){"-c"};
	argv[argc++] = at.config;
	put_file(at.in, input);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		redirect(at.in, O_RDONLY, STDIN_FILENO);
		redirect(at.out, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
		redirect(at.err, O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
		status = cli_user.run(argc, argv);
		fflush(NULL);
		_exit(status);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	get_file(at.out, printed);
	get_file(at.err, complained);
	return WEXITSTATUS(status);
}

/* One story, told in order. An empty text: nothing must be said. */
static const struct {
	const char *words, *input;
	int code;
	const char *says, *complains;
} story[] = {
    {"list", "", 1, "", "there is no such file; `ringfence user add` makes it"},
    {"remove alice@example.com", "", 1, "", "no such file"},
    {"add alice@example.com --password-stdin", GOOD, 0, "alice@example.com added\n", ""},
    {"add alice@example.com --password-stdin", GOOD, 1, "", "exists already"},
    {"add alice@EXAMPLE.com --generate", "", 1, "", "exists already"},
    {"add bob@example.com --password-stdin", "secret\n", 1, "", "shorter than 10"},
    {"add bob@example.com --password-stdin", "bobbobbobbob\n", 1, "", "the password is weak"},
    {"add bob@example.com --password-stdin", "\n", 1, "", "not empty"},
    {"add bob@example.com --password-stdin --force", "\n", 1, "", "not empty"},
    {"add bob@example.com --password-stdin --force", "a\tb\n", 1, "", "control characters"},
    {"add bob@example.com --password-stdin", "", 1, "", "no password was given"},
    {"list", "", 0, "alice@example.com SHA-512-256 SHA-256 MD5\n", ""},
    {"add bob@example.com --password-stdin --force", "secret\r\n", 0, "bob@example.com added\n",
	""},
    {"passwd bob@example.com --password-stdin --json", GOOD, 0,
	"{\"user\":\"bob\",\"domain\":\"example.com\",\"action\":\"changed\"}\n", ""},
    {"passwd carol@example.com --password-stdin", GOOD, 1, "", "does not exist"},
    {"add carol@example.net --password-stdin", GOOD, 0, "carol@example.net added\n",
	"warning: example.net is not a domain"},
    {"list --json", "", 0,
	"{\"user\":\"alice\",\"domain\":\"example.com\",\"algorithms\":[\"SHA-512-256\",\"SHA-"
	"256\","
	"\"MD5\"],\"usable\":true}\n"
	"{\"user\":\"bob\",\"domain\":\"example.com\",\"algorithms\":[\"SHA-512-256\",\"SHA-256\","
	"\"MD5\"],\"usable\":true}\n"
	"{\"user\":\"carol\",\"domain\":\"example.net\",\"algorithms\":[\"SHA-512-256\",\"SHA-"
	"256\","
	"\"MD5\"],\"usable\":true}\n",
	""},
    {"remove carol@example.net", "", 0, "carol@example.net removed\n", ""},
    {"remove carol@example.net", "", 1, "", "does not exist"},
    {"list", "", 0,
	"alice@example.com SHA-512-256 SHA-256 MD5\nbob@example.com SHA-512-256 SHA-256 MD5\n", ""},
    {"", "", 2, "", "usage: ringfence user"},
    {"add", "", 2, "", "usage"},
    {"list alice@example.com", "", 2, "", "usage"},
    {"rename alice@example.com", "", 2, "", "there is no `user rename`"},
    {"add a@example.com b@example.com", "", 2, "", "too many"},
    {"add a@example.com --generate --password-stdin", "", 2, "", "usage"},
    {"remove a@example.com --generate", "", 2, "", "usage"},
    {"list --force", "", 2, "", "usage"},
    {"add alice --generate", "", 2, "", "write user@domain"},
    {"add sip:alice@example.com --generate", "", 2, "", "without sip:"},
    {"add dave@example.com", "", 2, "", "no terminal"},
};

static void story_in_order(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(story); i++) {
		int code = call(story[i].words, story[i].input);
		bool quiet = *story[i].complains == '\0';

		if (code != story[i].code || strcmp(printed, story[i].says) != 0 ||
		    !strstr(complained, story[i].complains) || quiet != (*complained == '\0'))
			fail_msg(
			    "%zu, user %s: %d\n%s%s", i, story[i].words, code, printed, complained);
	}
}

/* What is printed is what works: the stored hashes are of that very password. */
static void generated_password(void **state UNUSED)
{
	struct digest_ha1s ha1s;
	struct span password;
	uint8_t want[DIGEST_MAX];
	struct store *s;
	struct digest d;
	char text[512];
	struct buf why = BUF(text);

	assert_int_equal(call("add eve@Example.COM --generate", ""), 0);
	password = span_trim(span_str(strstr(printed, "password: ") + 10));
	assert_int_equal(password.n, PASSWORD_GENERATED);
	assert_int_equal(sqlite_open(at.db, STORE_ACCOUNTS, 0, &why, &s), OK);
	assert_int_equal(store_account_get(s, SPAN("eve"), SPAN("example.com"), &ha1s), OK);
	assert_int_equal(digest_init(&d), OK);
	for (int i = 0; i < DIGEST_ALG_COUNT; i++) {
		digest_ha1(
		    &d, (enum digest_alg)i, SPAN("eve"), SPAN("example.com"), password, want);
		assert_memory_equal(want, ha1s.ha1[i], digest_alg_size((enum digest_alg)i));
	}
	digest_done(&d);
	store_close(s);
}

/* No password that came in, and no hash, stands anywhere but in the store's columns. */
static void nothing_leaks(void **state UNUSED)
{
	static char db[1 << 20];
	struct stat st;
	FILE *f;
	size_t n;

	assert_int_equal(call("add zoe@example.com --password-stdin", GOOD), 0);
	assert_null(strstr(printed, "phrase"));
	assert_null(strstr(complained, "phrase"));
	assert_int_equal(stat(at.db, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	f = fopen(at.db, "r");
	assert_non_null(f);
	n = fread(db, 1, sizeof(db), f);
	fclose(f);
	assert_null(memmem(db, n, "quite-A-long", 12));
	assert_non_null(memmem(db, n, "zoe", 3));
}

static void names(void **state UNUSED)
{
	static const struct {
		const char *text;
		bool good;
		const char *user, *domain;
	} rows[] = {
	    {"alice@example.com", true, "alice", "example.com"},
	    {"Alice.B@EXAMPLE.com", true, "Alice.B", "example.com"},
	    {"+4930123;x=y@10.0.0.1", true, "+4930123;x=y", "10.0.0.1"},
	    {"a@[2001:DB8::1]", true, "a", "[2001:db8::1]"},
	    {"a@localhost", true, "a", "localhost"},
	    {"@example.com", false, NULL, NULL},
	    {"a@", false, NULL, NULL},
	    {"a@b@c", false, NULL, NULL},
	    {"a b@c", false, NULL, NULL},
	    {"a%41@c", false, NULL, NULL},
	    {"a\"@c", false, NULL, NULL},
	    {"\xc3\xa4@c", false, NULL, NULL},
	    {"a@b_c", false, NULL, NULL},
	    {"a@b..c", false, NULL, NULL},
	    {"a@.b", false, NULL, NULL},
	    {"a@b.", false, NULL, NULL},
	    {"a@-b", false, NULL, NULL},
	    {"a@b-", false, NULL, NULL},
	    {"a@b:5060", false, NULL, NULL},
	    {"a@[::1", false, NULL, NULL},
	    {"a@[10.0.0.1]", false, NULL, NULL},
	    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b", false, NULL,
		NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct account_name name;
		char text[256];
		struct buf why = BUF(text);
		bool good = account_name_parse(span_str(rows[i].text), &name, &why);

		if (good != rows[i].good || good != (why.n == 0))
			fail_msg("%s: %.*s", rows[i].text, (int)why.n, text);
		if (good) {
			assert_true(span_eq(name.user, span_str(rows[i].user)));
			assert_true(span_eq(name.domain, span_str(rows[i].domain)));
		}
	}
}

static void generated_differ(void **state UNUSED)
{
	char one[PASSWORD_MAX], two[PASSWORD_MAX], text[512];
	struct buf a = BUF(one), b = BUF(two), why = BUF(text);
	bool no_words;

	assert_int_equal(password_generate(&a), OK);
	assert_int_equal(password_generate(&b), OK);
	assert_int_equal(a.n, PASSWORD_GENERATED);
	assert_false(span_eq(buf_span(&a), buf_span(&b)));
	for (size_t i = 0; i < a.n; i++)
		assert_null(strchr("0O1lIo", a.p[i]));
	if (!password_is_good(buf_span(&a), SPAN("alice"), &no_words, &why))
		fail_msg("%.*s", (int)why.n, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(story_in_order, setup, teardown),
	    cmocka_unit_test_setup_teardown(generated_password, setup, teardown),
	    cmocka_unit_test_setup_teardown(nothing_leaks, setup, teardown),
	    cmocka_unit_test(names),
	    cmocka_unit_test(generated_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
