/* SPDX-License-Identifier: MIT
 *
 * `ringfence user`: accounts. Works on the store itself, so a daemon need not run; one that does is
 * told what changed. Of a password only the A1 hashes are kept, and those are never shown. */
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/account.h"
#include "cli/options.h"
#include "cli/password.h"
#include "cli/setup.h"
#include "cli/text.h"
#include "store/sqlite.h"

#define BUSY_MS     5000
#define SHOWN_MAX   200
#define REQUEST_MAX (ACCOUNT_USER_MAX + 1 + ACCOUNT_DOMAIN_MAX + 1)

struct user_command {
	const char *config;
	bool from_stdin, generate, force, as_json;
	struct conf *conf;
	struct store *store;
	struct account_name name;
};

static int complain(const struct buf *why)
{
	fprintf(stderr, "ringfence: %.*s\n", SPAN_FMT(buf_span(why)));
	return CLI_NO;
}

static void print_name(FILE *to, const struct account_name *name)
{
	fprintf(to, "%.*s@%.*s", SPAN_FMT(name->user), SPAN_FMT(name->domain));
}

static int refuse(const struct user_command *u, const char *because)
{
	fputs("ringfence: ", stderr);
	print_name(stderr, &u->name);
	fprintf(stderr, " %s\n", because);
	return CLI_NO;
}

static int open_store(struct user_command *u, unsigned flags)
{
	char text[STORE_WHY_MAX];
	struct buf why = BUF(text);
	int rc = cli_load_config(u->config, &u->conf);
	enum err e;

	if (rc != CLI_OK)
		return rc;
	e = sqlite_open(
	    u->conf->accounts_store.path.p, STORE_ACCOUNTS | flags, BUSY_MS, &why, &u->store);
	if (e == OK)
		return CLI_OK;
	if (why.n == 0)
		buf_add_span(&why, span_str(err_text(e)));
	if (e == ERR_NOT_FOUND)
		buf_add_lit(&why, "; `ringfence user add` makes it");
	return complain(&why);
}

/* A daemon that runs need not wait until what it knows is out of date. None running is no fault. */
static void tell_daemon(const struct user_command *u)
{
	char account[REQUEST_MAX], text[512];
	struct buf name = BUF(account), why = BUF(text);
	json_t *request, *reply = NULL;
	enum err e;

	buf_add_span(&name, u->name.user);
	buf_add_char(&name, '@');
	buf_add_span(&name, u->name.domain);
	if (!buf_terminate(&name))
		return;
	request = cli_request("forget-account");
	cli_request_text(request, "account", account);
	e = admin_call(u->conf->admin_socket.p, request, &why, &reply);
	if (e != OK && e != ERR_NOT_FOUND)
		fprintf(stderr, "ringfence: the running daemon could not be told: %.*s\n",
		    SPAN_FMT(buf_span(&why)));
	json_decref(reply);
	json_decref(request);
}

static void report(const struct user_command *u, const char *what, struct span password)
{
	char text[1024];
	struct buf b = BUF(text);
	struct json j;

	if (!u->as_json) {
		print_name(stdout, &u->name);
		printf(" %s\n", what);
		if (password.n)
			printf("password: %.*s\n", SPAN_FMT(password));
		return;
	}
	json_init(&j, &b);
	json_object_begin(&j);
	json_put_str(&j, "user", u->name.user);
	json_put_str(&j, "domain", u->name.domain);
	json_put_cstr(&j, "action", what);
	if (password.n)
		json_put_str(&j, "password", password);
	json_object_end(&j);
	printf("%.*s\n", SPAN_FMT(buf_span(&b)));
	explicit_bzero(text, sizeof(text));
}

static int read_failed(enum err e)
{
	switch ((int)e) {
	case ERR_RANGE:
		fprintf(stderr, "ringfence: a password has at most %d bytes\n", PASSWORD_MAX);
		return CLI_NO;
	case ERR_DENIED:
		fputs("ringfence: the two passwords differ\n", stderr);
		return CLI_NO;
	case ERR_UNSUPPORTED:
		fputs("ringfence: no terminal to ask for the password: give --password-stdin or "
		      "--generate\n",
		    stderr);
		return CLI_USAGE;
	default:
		fputs("ringfence: no password was given\n", stderr);
		return CLI_NO;
	}
}

/* Gets a password from where the options say, and judges it unless it is ours or forced. */
static int take_password(const struct user_command *u, const char *shown, struct buf *password)
{
	char text[700];
	struct buf why = BUF(text);
	bool no_words;
	enum err e;

	if (u->generate)
		e = password_generate(password);
	else if (u->from_stdin)
		e = password_read_line(password);
	else
		e = password_prompt(span_str(shown), password);
	if (e != OK)
		return read_failed(e);
	if (!password_is_possible(buf_span(password))) {
		fputs("ringfence: a password is not empty and has no control characters\n", stderr);
		return CLI_NO;
	}
	if (u->generate || u->force)
		return CLI_OK;
	buf_add_lit(&why, "the password is weak: ");
	if (password_is_good(buf_span(password), u->name.user, &no_words, &why)) {
		if (no_words)
			fputs("ringfence: note: there is no dictionary on this machine (package "
			      "cracklib-runtime): a common word would not have been noticed\n",
			    stderr);
		return CLI_OK;
	}
	buf_add_lit(&why, "; choose another, or --generate one, or insist with --force");
	return complain(&why);
}

static enum err make_ha1s(
    const struct account_name *name, struct span password, struct digest_ha1s *out_ha1s)
{
	struct digest d;
	enum err e = digest_init(&d);

	if (e != OK)
		return e;
	*out_ha1s = (struct digest_ha1s){0};
	for (unsigned i = 0; i < DIGEST_ALG_COUNT; i++) {
		digest_ha1(
		    &d, (enum digest_alg)i, name->user, name->domain, password, out_ha1s->ha1[i]);
		out_ha1s->algs |= (uint8_t)DIGEST_BIT(i);
	}
	digest_done(&d);
	return OK;
}

static void warn_foreign_domain(const struct user_command *u)
{
	if (conf_domain_find(u->conf, u->name.domain))
		return;
	fprintf(stderr,
	    "ringfence: warning: %.*s is not a domain with a local registrar in %s: nobody can log "
	    "in "
	    "there yet\n",
	    SPAN_FMT(u->name.domain), u->config);
}

static int write_account(struct user_command *u, bool is_new, struct span password)
{
	struct digest_ha1s ha1s;
	enum err e = make_ha1s(&u->name, password, &ha1s);

	if (e == OK)
		e = is_new ? store_account_add(u->store, u->name.user, u->name.domain, &ha1s)
			   : store_account_replace(u->store, u->name.user, u->name.domain, &ha1s);
	explicit_bzero(&ha1s, sizeof(ha1s));
	if (e == ERR_EXISTS)
		return refuse(u, "exists already; `ringfence user passwd` gives it a new password");
	if (e == ERR_NOT_FOUND)
		return refuse(u, "does not exist; `ringfence user add` makes it");
	if (e != OK) {
		fprintf(stderr, "ringfence: %s\n",
		    *store_why(u->store) ? store_why(u->store) : err_text(e));
		return CLI_NO;
	}
	return CLI_OK;
}

/* add and passwd: what cannot be is told before a password is asked for. */
static int set_password(struct user_command *u, const char *shown, bool is_new)
{
	char text[PASSWORD_MAX];
	struct buf password = BUF(text);
	struct digest_ha1s known;
	bool exists;
	int rc = open_store(u, is_new ? STORE_CREATE : 0);

	if (rc != CLI_OK)
		return rc;
	warn_foreign_domain(u);
	exists = is_new && store_account_get(u->store, u->name.user, u->name.domain, &known) == OK;
	explicit_bzero(&known, sizeof(known));
	if (exists)
		return refuse(u, "exists already; `ringfence user passwd` gives it a new password");
	rc = take_password(u, shown, &password);
	if (rc == CLI_OK)
		rc = write_account(u, is_new, buf_span(&password));
	if (rc == CLI_OK) {
		tell_daemon(u);
		report(u, is_new ? "added" : "changed",
		    u->generate ? buf_span(&password) : span_of(NULL, 0));
	}
	explicit_bzero(text, sizeof(text));
	return rc;
}

static int remove_account(struct user_command *u)
{
	int rc = open_store(u, 0);
	enum err e;

	if (rc != CLI_OK)
		return rc;
	e = store_account_remove(u->store, u->name.user, u->name.domain);
	if (e == ERR_NOT_FOUND)
		return refuse(u, "does not exist");
	if (e != OK) {
		fprintf(stderr, "ringfence: %s\n", store_why(u->store));
		return CLI_NO;
	}
	tell_daemon(u);
	report(u, "removed", span_of(NULL, 0));
	return CLI_OK;
}

static void print_row_json(const struct store_account *a)
{
	char text[4096];
	struct buf b = BUF(text);
	struct json j;

	json_init(&j, &b);
	json_object_begin(&j);
	json_put_str(&j, "user", a->user);
	json_put_str(&j, "domain", a->domain);
	json_key(&j, "algorithms");
	json_array_begin(&j);
	for (unsigned i = DIGEST_ALG_COUNT; i-- > 0;)
		if (a->algs & DIGEST_BIT(i))
			json_str(&j, digest_alg_name((enum digest_alg)i));
	json_array_end(&j);
	json_put_bool(&j, "usable", a->algs != 0);
	json_object_end(&j);
	printf("%.*s\n", SPAN_FMT(buf_span(&b)));
}

static bool print_row(void *arg, const struct store_account *a)
{
	const struct user_command *u = arg;

	if (u->as_json) {
		print_row_json(a);
		return true;
	}
	text_print_escaped(stdout, a->user, SHOWN_MAX);
	putchar('@');
	text_print_escaped(stdout, a->domain, SHOWN_MAX);
	for (unsigned i = DIGEST_ALG_COUNT; i-- > 0;)
		if (a->algs & DIGEST_BIT(i))
			printf(" %s", digest_alg_name((enum digest_alg)i).p);
	if (a->password_only)
		fputs(
		    " (not usable: it has only a plain password; `ringfence user passwd` mends it)",
		    stdout);
	else if (!a->algs)
		fputs(" (not usable: it has no hash; `ringfence user passwd` mends it)", stdout);
	putchar('\n');
	return true;
}

static int list_accounts(struct user_command *u)
{
	int rc = open_store(u, 0);

	if (rc != CLI_OK)
		return rc;
	if (store_account_list(u->store, print_row, u) == OK)
		return CLI_OK;
	fprintf(stderr, "ringfence: %s\n", store_why(u->store));
	return CLI_NO;
}

static int parse_name(struct user_command *u, const char *text)
{
	char said[256];
	struct buf why = BUF(said);

	if (account_name_parse(span_str(text), &u->name, &why))
		return CLI_OK;
	fputs("ringfence: `", stderr);
	text_print_escaped(stderr, span_str(text), SHOWN_MAX);
	fprintf(stderr, "`: %.*s\n", SPAN_FMT(buf_span(&why)));
	return CLI_USAGE;
}

static int dispatch(struct user_command *u, int operands, char **operand)
{
	const char *verb = operands > 0 ? operand[0] : "";
	bool sets = strcmp(verb, "add") == 0 || strcmp(verb, "passwd") == 0;
	bool removes = strcmp(verb, "remove") == 0;
	bool password_options = u->from_stdin || u->generate || u->force;

	if ((!sets && password_options) || (u->from_stdin && u->generate))
		return cli_usage(&cli_user);
	if (strcmp(verb, "list") == 0)
		return operands == 1 ? list_accounts(u) : cli_usage(&cli_user);
	if (operands > 0 && !sets && !removes) {
		fputs("ringfence: there is no `user ", stderr);
		text_print_escaped(stderr, span_str(verb), SHOWN_MAX);
		fputs("`: add, passwd, remove or list\n", stderr);
		return CLI_USAGE;
	}
	if (operands != 2)
		return cli_usage(&cli_user);
	if (parse_name(u, operand[1]) != CLI_OK)
		return CLI_USAGE;
	return sets ? set_password(u, operand[1], verb[0] == 'a') : remove_account(u);
}

static int run(int argc, char **argv)
{
	struct user_command u = {.config = CLI_DEFAULT_CONFIG};
	const struct cli_option options[] = {
	    CLI_CONFIG_OPTION(&u.config),
	    CLI_JSON_OPTION(&u.as_json),
	    {"password-stdin", 0, CLI_FLAG, &u.from_stdin},
	    {"generate", 0, CLI_FLAG, &u.generate},
	    {"force", 0, CLI_FLAG, &u.force},
	};
	int first, rc = cli_parse(&cli_user, argc, argv, options, ARRAY_LEN(options), 2, &first);

	if (rc != CLI_OK)
		return rc == CLI_HELP ? CLI_OK : rc;
	rc = dispatch(&u, argc - first, argv + first);
	store_close(u.store);
	conf_put(u.conf);
	return rc;
}

const struct cli_command cli_user = {"user",
    "add|passwd USER@DOMAIN [-c FILE] [--password-stdin | --generate] [--force] [--json]\n"
    "       ringfence user remove USER@DOMAIN [-c FILE] [--json]\n"
    "       ringfence user list [-c FILE] [--json]",
    "accounts: add, passwd, remove, list", run};
