/* SPDX-License-Identifier: MIT
 *
 * Whole commands through cli_main, with what they print: against no daemon, and against a control
 * socket with a made-up daemon behind it on a thread of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/admin.h"
#include "cli/cli.h"

/* Commands of other files are not called here. */
const struct cli_command cli_serve = {"serve", "-c FILE", "run", NULL};
const struct cli_command cli_check = {"check", "-c FILE", "check", NULL};
const struct cli_command cli_user = {"user", "", "accounts", NULL};

static const char config_text[] = "zones:\n"
				  "  public:\n"
				  "    listen: [udp:127.0.0.1:5060]\n"
				  "domains:\n"
				  "  example.com: {registrar: local}\n"
				  "events: [{file: events.jsonl}]\n"
				  "admin: {listen: unix:s}\n";

static struct {
	char dir[64], config[96], events[96], socket[96], out[96], err[96];
} at;

static void name_path(char path[static 96], const char *name)
{
	snprintf(path, 96, "%s/%s", at.dir, name);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int set_up_all(void **state UNUSED)
{
	snprintf(at.dir, sizeof(at.dir), "/tmp/rf-test-cli-XXXXXX");
	assert_non_null(mkdtemp(at.dir));
	name_path(at.config, "f.yaml");
	name_path(at.events, "events.jsonl");
	name_path(at.socket, "s");
	name_path(at.out, "out");
	name_path(at.err, "err");
	write_file(at.config, config_text);
	return 0;
}

static int tear_down_all(void **state UNUSED)
{
	const char *const paths[] = {at.config, at.events, at.socket, at.out, at.err};

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		unlink(paths[i]);
	rmdir(at.dir);
	return 0;
}

static char printed[65536], complained[65536];

static void read_back(const char *path, char text[static 65536])
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, 65535, f);
	text[n] = '\0';
	fclose(f);
}

/* cli_main with these words in a child whose output is `out` and `err`; it never returns there. The
 * word CONFIG stands for the path of the configuration. */
static pid_t start(const char *const *words, const char *out, const char *err)
{
	const char *argv[16] = {"ringfence"};
	int argc = 1;
	pid_t child;

	for (; words[argc - 1]; argc++)
		argv[argc] = strcmp(words[argc - 1], "CONFIG") ? words[argc - 1] : at.config;
	fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child > 0)
		return child;
	if (!freopen(out, "w", stdout) || !freopen(err, "w", stderr))
		_exit(99);
	argc = cli_main(argc, (char **)argv);
	fflush(NULL);
	_exit(argc);
}

static int finish(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int run(const char *const *words)
{
	int rc = finish(start(words, at.out, at.err));

	read_back(at.out, printed);
	read_back(at.err, complained);
	return rc;
}

#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

static void test_wrong_use(void **state UNUSED)
{
	static const char *const none[] = {NULL};

	assert_int_equal(run(none), CLI_USAGE);
	assert_non_null(strstr(complained, "usage: ringfence COMMAND"));
	assert_int_equal(RUN("statsu"), CLI_USAGE);
	assert_non_null(strstr(complained, "did you mean `status`?"));
	assert_int_equal(RUN("\x1b[2Jxyzzy"), CLI_USAGE);
	assert_null(strchr(complained, '\x1b'));
	assert_int_equal(RUN("status", "--nonsense"), CLI_USAGE);
	assert_int_equal(RUN("status", "extra"), CLI_USAGE);
	assert_int_equal(RUN("explain"), CLI_USAGE);
	assert_int_equal(RUN("ban", "-c", "CONFIG"), CLI_USAGE);
	assert_int_equal(RUN("ban", "-c", "CONFIG", "192.0.2.1", "192.0.2.2"), CLI_USAGE);
	assert_int_equal(RUN("ban", "-c", "CONFIG", "example.com"), CLI_USAGE);
	assert_non_null(strstr(complained, "must be an address or a prefix"));
	assert_int_equal(RUN("ban", "-c", "CONFIG", "192.0.2.7/24"), CLI_USAGE);
	assert_non_null(strstr(complained, "did you mean 192.0.2.0/24?"));
	assert_int_equal(RUN("bans", "-c", "CONFIG", "2001:db8::1/61"), CLI_USAGE);
	assert_non_null(strstr(complained, "did you mean 2001:db8::/61?"));
	assert_int_equal(RUN("ban", "-c", "CONFIG", "192.0.2.7", "--for", "forever"), CLI_USAGE);
	assert_non_null(strstr(complained, "every ban ends"));
	assert_int_equal(RUN("ban", "-c", "CONFIG", "192.0.2.7", "--for", "366d"), CLI_USAGE);
	assert_int_equal(RUN("ban", "-c", "CONFIG", "192.0.2.7", "--for", "500ms"), CLI_USAGE);
	assert_int_equal(RUN("ban", "-c", "CONFIG", "192.0.2.7", "--reason",
			     "0123456789012345678901234567890123456789012345678"),
	    CLI_USAGE);
	assert_non_null(strstr(complained, "--reason: at most 48 bytes"));
	assert_int_equal(RUN("unban", "-c", "CONFIG"), CLI_USAGE);
	assert_int_equal(RUN("unban", "-c", "CONFIG", "192.0.2.7", "--all"), CLI_USAGE);
	assert_int_equal(RUN("standing", "-c", "CONFIG"), CLI_USAGE);
	assert_int_equal(RUN("standing", "-c", "CONFIG", "192.0.2.0/24"), CLI_USAGE);
	assert_int_equal(RUN("events", "--source", "x"), CLI_USAGE);
	assert_int_equal(RUN("events", "--reason", "auth.bad-pasword"), CLI_USAGE);
	assert_non_null(strstr(complained, "did you mean `auth.bad-password`?"));
}

static void test_help_and_version(void **state UNUSED)
{
	assert_int_equal(RUN("help"), CLI_OK);
	assert_non_null(strstr(printed, "registrations"));
	assert_int_equal(RUN("help", "events"), CLI_OK);
	assert_non_null(strstr(printed, "--follow"));
	assert_int_equal(RUN("help", "nonsense-word"), CLI_USAGE);
	assert_int_equal(RUN("--version"), CLI_OK);
	assert_int_equal(strncmp(printed, "ringfence ", 10), 0);
	assert_int_equal(RUN("status", "--help"), CLI_OK);
}

static void test_explain(void **state UNUSED)
{
	json_t *t;

	assert_int_equal(RUN("explain", "auth.bad-password"), CLI_OK);
	assert_non_null(strstr(printed, "what to do"));
	assert_int_equal(RUN("explain", "auth.bad-pass"), CLI_NO);
	assert_non_null(strstr(complained, "did you mean `auth.bad-password`?"));
	assert_int_equal(RUN("explain", "--list"), CLI_OK);
	assert_non_null(strstr(printed, "\ntxn.full\n"));
	assert_int_equal(RUN("explain", "--json", "txn.full"), CLI_OK);
	t = json_loads(printed, 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(t, "status")), 503);
	json_decref(t);
}

/* With a configuration: by which keys it is judged, and what they are set to there. */
static void test_explain_what_is_configured(void **state UNUSED)
{
	json_t *t, *configured;

	assert_int_equal(RUN("explain", "-c", "CONFIG", "flood.source"), CLI_OK);
	assert_non_null(strstr(printed, "\nconfigured\n"));
	assert_non_null(strstr(printed, "\n  controls.flood.requests              60\n"));
	assert_non_null(strstr(printed, "\n  controls.flood.window                2s\n"));
	assert_non_null(strstr(printed, "\n  standing.deny                        10\n"));
	assert_null(strstr(printed, "controls.scan"));
	assert_int_equal(RUN("explain", "-c", "CONFIG", "--json", "scan.sweep"), CLI_OK);
	t = json_loads(printed, 0, NULL);
	configured = json_object_get(t, "configured");
	assert_string_equal(
	    json_string_value(json_object_get(configured, "controls.scan.sweep")), "20");
	json_decref(t);
	/* What nothing is held against its source for has no thresholds of the score. */
	assert_int_equal(RUN("explain", "-c", "CONFIG", "overload.shed"), CLI_OK);
	assert_non_null(strstr(printed, "controls.overload.lag"));
	assert_null(strstr(printed, "standing.deny"));
	assert_int_equal(RUN("explain", "-c", "CONFIG", "call.start"), CLI_OK);
	assert_null(strstr(printed, "configured"));
	assert_int_equal(RUN("explain", "-c", "/nowhere.yaml", "call.start"), CLI_NO);
	assert_non_null(strstr(complained, "/nowhere.yaml"));
}

static void test_no_daemon(void **state UNUSED)
{
	static const char *const commands[] = {"status", "registrations", "bans", "reload"};

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		assert_int_equal(RUN(commands[i], "-c", "CONFIG"), CLI_NO);
		assert_non_null(strstr(complained, "no daemon is running"));
		assert_int_equal(RUN(commands[i], "-c", "/nowhere.yaml"), CLI_NO);
		assert_non_null(strstr(complained, "/nowhere.yaml"));
	}
	assert_int_equal(RUN("events", "--follow", "-c", "CONFIG"), CLI_NO);
	assert_non_null(strstr(complained, "no daemon is running"));
}

static void test_events_of_the_file(void **state UNUSED)
{
	unlink(at.events);
	assert_int_equal(RUN("events", "-c", "CONFIG"), CLI_NO);
	assert_non_null(strstr(complained, "events.jsonl"));
	write_file(at.events, "{\"ts\":\"1\",\"reason\":\"auth.stale\",\"account\":\"alice@x\"}\n"
			      "{\"ts\":\"2\",\"reason\":\"auth.replay\",\"account\":\"bob@x\"}\n"
			      "rubbish\n"
			      "{\"ts\":\"3\",\"reason\":\"route.not-found\"}\n"
			      "{\"ts\":\"4\",\"reason\":\"auth.stale\"}\n");
	assert_int_equal(RUN("events", "-c", "CONFIG"), CLI_OK);
	assert_string_equal(printed, "1 auth.stale: account=alice@x\n2 auth.replay: account=bob@x\n"
				     "3 route.not-found:\n4 auth.stale:\n");
	assert_non_null(strstr(complained, "1 lines are no events"));
	assert_int_equal(
	    RUN("events", "-c", "CONFIG", "-n", "1", "--reason", "auth.stale"), CLI_OK);
	assert_string_equal(printed, "4 auth.stale:\n");
	assert_int_equal(RUN("events", "-c", "CONFIG", "--account", "alice", "--json"), CLI_OK);
	assert_string_equal(
	    printed, "{\"ts\":\"1\",\"reason\":\"auth.stale\",\"account\":\"alice@x\"}\n");
}

static void test_full_disk_behind_output(void **state UNUSED)
{
	static const char *const words[] = {"explain", "--list", NULL};

	assert_int_equal(finish(start(words, "/dev/full", at.err)), CLI_NO);
	read_back(at.err, complained);
	assert_non_null(strstr(complained, "No space left"));
}

/* ---- with a daemon ---- */

static struct {
	uv_loop_t loop;
	uv_async_t stop;
	uv_timer_t ticker;
	struct event_hub hub;
	struct admin_server *server;
	pthread_t thread;
} daemon_;

static void fake_totals(void *arg UNUSED, struct counter_totals *out)
{
	out->v[COUNTER_RECEIVED_UDP] = 1;
}

static void fake_status(void *arg UNUSED, struct admin_status *out)
{
	out->version = SPAN("9.9");
	out->node = SPAN("edge-1");
	out->config_file = SPAN("f.yaml");
	out->workers = 1;
	out->uptime = 3700 * USEC_SEC;
	out->store_error = SPAN("disk I/O error\x1b[2J");
	out->totals.reason[REASON_AUTH_STALE] = 5;
	out->totals.reason[REASON_AUTH_REPLAY] = 50;
	out->memory_fixed = 64 << 20;
	out->judge.ledger =
	    (struct ledger_stats){.entries = 65536, .capacity = 65536, .evicted = 123456789};
	out->judge.tiers.banned = 12;
	out->judge.tiers.n[EVENT_TIER_KNOWN] = 1234567;
	out->judge.queues[EVENT_TIER_KNOWN].served = 123456789;
	out->judge.queues[EVENT_TIER_UNKNOWN].served = 123456789;
	out->judge.queues[EVENT_TIER_UNKNOWN].dropped = 123456789;
	for (size_t i = 0; i < ADMIN_CONTROLS_MAX; i++)
		out->judge.controls[out->judge.controls_n++] =
		    (struct admin_control){"overload", "observe", i * 1000000};
}

static bool show_binding(struct span aor, bindings_each_fn *fn, void *fn_arg)
{
	struct binding item = {.contact = SPAN("sip:\x1b@192.0.2.4:5060"),
	    .user_agent = SPAN("ua"),
	    .expires_at = UINT64_MAX / 2};
	struct binding_set set = {.items = &item, .n = 1, .cap = 1};

	item.flow.transport = TRANSPORT_UDP;
	return fn(fn_arg, aor, &set);
}

static bool fake_registrations(void *arg UNUSED, struct bindings_cursor *cursor,
    size_t budget UNUSED, bindings_each_fn *fn, void *fn_arg)
{
	/* Two pages of one. */
	show_binding(
	    cursor->bucket ? SPAN("bob@example.com") : SPAN("alice@example.com"), fn, fn_arg);
	return cursor->bucket++ == 0;
}

static void fake_registration(void *arg UNUSED, struct span aor, bindings_each_fn *fn, void *fn_arg)
{
	if (span_eq(aor, SPAN("alice@example.com")))
		show_binding(aor, fn, fn_arg);
}

static enum err fake_reload(void *arg UNUSED, struct buf *messages)
{
	buf_add_lit(messages, "f.yaml:1:1: bad\nf.yaml:2:2: worse\n");
	return ERR_SYNTAX;
}

static void fake_forget(void *arg UNUSED, struct span account UNUSED)
{
}

/* A prefix by hand, and a phone behind an address. */
static bool fake_bans(
    void *arg UNUSED, size_t *cursor, size_t budget UNUSED, standing_ban_fn *fn, void *fn_arg)
{
	struct standing_view by_hand = {
	    .banned_until = UINT64_MAX / 2, .manual = true, .reason = REASON_STANDING_MANUAL};
	struct standing_view v = {.banned_until = UINT64_MAX / 2,
	    .reason = REASON_AUTH_BAD_PASSWORD,
	    .score = 12.25f,
	    .offences = 2,
	    .dropped = 17};
	struct prefix p;
	struct addr a;

	assert_int_equal(prefix_parse(SPAN("192.0.2.0/24"), &p), OK);
	assert_int_equal(addr_parse_ip(SPAN("198.51.100.7"), &a), OK);
	v.key = ledger_key(LEDGER_DEVICE, &a, 0, 1);
	/* Two pages of one. */
	if (*cursor == 0)
		(void)fn(fn_arg, &by_hand, &p);
	else
		(void)fn(fn_arg, &v, NULL);
	return (*cursor)++ == 0;
}

static void fake_where(void *arg UNUSED, const struct standing_view *v,
    const struct prefix *prefix UNUSED, struct plan_place *out)
{
	if (v->manual)
		out->backends = 1u << HELPER_NFTABLES;
	else
		out->why = "one \x1b[2J device";
}

static enum err fake_ban(void *arg UNUSED, const struct prefix *what, usec_t time,
    const struct admin_person *who, struct buf *why, usec_t *out_time)
{
	if (what->bits != 128 || !span_eq(who->words, SPAN("tried numbers"))) {
		buf_add_lit(why, "192.0.2.0/24 contains peer carrier-a");
		return ERR_DENIED;
	}
	*out_time = time ? time : 600 * USEC_SEC;
	return OK;
}

static size_t fake_unban(void *arg UNUSED, const struct prefix *what,
    const struct admin_person *who UNUSED, bool *out_kernel)
{
	*out_kernel = false;
	if (!what)
		return 3;
	return what->bits == 128 ? 1 : 0;
}

static void fake_standing(void *arg UNUSED, const struct addr *source, struct admin_standing *out)
{
	out->suspect = 5;
	out->deny = 10;
	out->view.tier = EVENT_TIER_UNKNOWN;
	if (source->port == 0)
		return;
	out->found = true;
	out->view = (struct standing_view){.tier = EVENT_TIER_DENIED,
	    .proven = true,
	    .score = 12.25f,
	    .unproven = 1,
	    .banned_until = UINT64_MAX / 2,
	    .held_until = UINT64_MAX / 2,
	    .suspect_until = UINT64_MAX / 2,
	    .known_until = UINT64_MAX / 2,
	    .offences = 2,
	    .failures = 4,
	    .dropped = 9,
	    .seen = 1,
	    .reason = REASON_AUTH_UNKNOWN_USER};
	snprintf(out->exempt, sizeof(out->exempt), "peer \x1b[2J");
}

static const struct admin_backend backend = {
    .status = fake_status,
    .totals = fake_totals,
    .registrations = fake_registrations,
    .registration = fake_registration,
    .bans = fake_bans,
    .where = fake_where,
    .ban = fake_ban,
    .unban = fake_unban,
    .standing = fake_standing,
    .reload = fake_reload,
    .forget_account = fake_forget,
};

static void on_tick(uv_timer_t *t UNUSED)
{
	struct event e;

	event_init(&e, EVENT_VERDICT, REASON_AUTH_REPLAY, 1);
	event_hub_emit(&daemon_.hub, &e);
}

static void on_stop(uv_async_t *a)
{
	admin_server_free(daemon_.server);
	uv_close((uv_handle_t *)&daemon_.ticker, NULL);
	uv_close((uv_handle_t *)a, NULL);
}

static void *serve(void *arg UNUSED)
{
	uv_run(&daemon_.loop, UV_RUN_DEFAULT);
	return NULL;
}

static int start_daemon(void **state UNUSED)
{
	char why[256];
	struct buf b = BUF(why);

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(uv_loop_init(&daemon_.loop), 0);
	event_hub_init(&daemon_.hub, SPAN("edge-1"));
	uv_async_init(&daemon_.loop, &daemon_.stop, on_stop);
	uv_timer_init(&daemon_.loop, &daemon_.ticker);
	uv_timer_start(&daemon_.ticker, on_tick, 1, 1);
	assert_int_equal(
	    admin_server_new(&daemon_.loop, at.socket, &backend, &daemon_.hub, &b, &daemon_.server),
	    OK);
	return pthread_create(&daemon_.thread, NULL, serve, NULL);
}

static int stop_daemon(void **state UNUSED)
{
	uv_async_send(&daemon_.stop);
	pthread_join(daemon_.thread, NULL);
	assert_int_equal(uv_loop_close(&daemon_.loop), 0);
	event_hub_done(&daemon_.hub);
	return 0;
}

/* No line is wider than a terminal, and nothing in it moves the cursor. */
static void check_screen(void)
{
	size_t column = 0;

	for (const char *p = printed; *p; p++) {
		assert_true(*p == '\n' || (unsigned char)*p >= 0x20);
		column = *p == '\n' ? 0 : column + 1;
		assert_true(column <= 80);
	}
}

static void test_status(void **state UNUSED)
{
	json_t *t;

	assert_int_equal(RUN("status", "-c", "CONFIG"), CLI_OK);
	check_screen();
	assert_non_null(strstr(printed, "ringfence 9.9 on edge-1"));
	assert_non_null(strstr(printed, "up 1 h 1 min"));
	assert_non_null(strstr(printed, "FAILS"));
	assert_non_null(strstr(printed, "64.0 MiB"));
	assert_true(strstr(printed, "auth.replay") < strstr(printed, "auth.stale"));
	assert_non_null(strstr(printed, "ledger          65536 of at most 65536 entries"));
	assert_non_null(strstr(printed, "refusing        12 banned"));
	assert_non_null(
	    strstr(printed, "\ntier              sources      served      refused      dropped\n"
			    "  known           1234567   123456789            0            0\n"
			    "  unknown               0   123456789            0    123456789\n"));
	assert_null(strstr(printed, "  trusted"));
	assert_non_null(strstr(printed, "overload observe,"));
	assert_non_null(strstr(printed, "overload observe (would have refused 1000000)"));
	assert_int_equal(RUN("status", "-c", "CONFIG", "--json"), CLI_OK);
	t = json_loads(printed, 0, NULL);
	assert_true(json_is_true(json_object_get(t, "ok")));
	json_decref(t);
}

/* A file that somebody is editing must not hide the daemon. */
static void test_broken_configuration(void **state UNUSED)
{
	char broken[96];

	name_path(broken, "broken.yaml");
	write_file(broken, "admin: {listen: unix:s}\nbogus: 1\nzones: [7]\n");
	assert_int_equal(RUN("status", "-c", broken), CLI_OK);
	write_file(broken, "zones: {\n");
	assert_int_equal(RUN("status", "-c", broken), CLI_NO);
	assert_non_null(strstr(complained, "ringfence.sock"));
	unlink(broken);
}

static void test_registrations(void **state UNUSED)
{
	assert_int_equal(RUN("registrations", "-c", "CONFIG"), CLI_OK);
	check_screen();
	assert_non_null(strstr(printed, "alice@example.com\n    sip:\\x1b@192.0.2.4:5060\n"));
	assert_non_null(strstr(printed, "bob@example.com\n"));
	assert_non_null(strstr(printed, "2 registrations of 2 accounts"));
	assert_int_equal(
	    RUN("registrations", "-c", "CONFIG", "alice@example.com", "--json"), CLI_OK);
	assert_non_null(strstr(printed, "\"aor\":\"alice@example.com\""));
	assert_int_equal(RUN("registrations", "-c", "CONFIG", "carol@example.com"), CLI_NO);
	assert_non_null(strstr(complained, "not registered: carol@example.com"));
}

static void test_bans(void **state UNUSED)
{
	assert_int_equal(RUN("bans", "-c", "CONFIG"), CLI_OK);
	check_screen();
	assert_non_null(strstr(printed, "192.0.2.0/24\n    standing.manual, ends in "));
	assert_non_null(strstr(printed, "198.51.100.7 (one device behind it)\n    "
					"auth.bad-password, ends in "));
	assert_non_null(strstr(printed, "\n        offence 2, score 12.2, 17 messages refused\n"));
	assert_non_null(strstr(printed, "\n        in the ledger and nftables\n"));
	assert_non_null(strstr(printed, "\n        in the ledger only: one \\x1b[2J device\n"));
	assert_non_null(strstr(printed, "\n2 bans\n"));
	assert_int_equal(RUN("bans", "-c", "CONFIG", "198.51.100.0/24", "--json"), CLI_OK);
	assert_non_null(strstr(printed, "\"source\":\"198.51.100.7\",\"kind\":\"device\""));
	assert_null(strchr(strchr(printed, '\n') + 1, '\n'));
	assert_int_equal(RUN("bans", "-c", "CONFIG", "203.0.113.7"), CLI_NO);
	assert_non_null(strstr(complained, "not banned: 203.0.113.7"));
}

static void test_ban(void **state UNUSED)
{
	assert_int_equal(
	    RUN("ban", "-c", "CONFIG", "192.0.2.7", "--reason", "tried numbers"), CLI_OK);
	assert_string_equal(printed, "192.0.2.7 is banned for 10 min 0 s\n");
	assert_int_equal(RUN("ban", "-c", "CONFIG", "192.0.2.7", "--reason", "tried numbers",
			     "--for", "2h", "--json"),
	    CLI_OK);
	assert_string_equal(
	    printed, "{\"source\":\"192.0.2.7\",\"expires_in\":7200,\"ok\":true}\n");
	assert_int_equal(
	    RUN("ban", "-c", "CONFIG", "192.0.2.0/24", "--reason", "tried numbers"), CLI_NO);
	assert_string_equal(complained, "ringfence: 192.0.2.0/24 contains peer carrier-a\n");
	assert_string_equal(printed, "");
}

static void test_unban(void **state UNUSED)
{
	assert_int_equal(RUN("unban", "-c", "CONFIG", "192.0.2.7"), CLI_OK);
	assert_string_equal(printed, "1 ban ended\n");
	assert_int_equal(RUN("unban", "-c", "CONFIG", "192.0.2.0/24"), CLI_NO);
	assert_non_null(strstr(complained, "not banned: 192.0.2.0/24"));
	assert_int_equal(RUN("unban", "-c", "CONFIG", "--all", "--reason", "x"), CLI_OK);
	assert_string_equal(printed, "3 bans ended\n");
	assert_int_equal(RUN("unban", "-c", "CONFIG", "--all", "--json"), CLI_OK);
	assert_string_equal(printed, "{\"ended\":3,\"ok\":true}\n");
}

static void test_standing(void **state UNUSED)
{
	static const char *const said[] = {"tier            denied, proven",
	    "exempt          peer \\x1b[2J: never banned", "banned for", "held for", "suspect for",
	    "score           12.2 (suspect from 5, banned from 10)", "unproven score  1.0",
	    "offences        2\n", "failed log-ins  4 of late", "refused unread  9", "known for",
	    "last seen", "last reason     auth.unknown-user"};

	assert_int_equal(RUN("standing", "-c", "CONFIG", "192.0.2.7:5060"), CLI_OK);
	check_screen();
	for (size_t i = 0; i < ARRAY_LEN(said); i++)
		if (!strstr(printed, said[i]))
			fail_msg("%s not in:\n%s", said[i], printed);
	assert_int_equal(RUN("standing", "-c", "CONFIG", "192.0.2.7"), CLI_OK);
	assert_non_null(strstr(printed, "tier            unknown, not proven"));
	assert_non_null(strstr(printed, "nothing is known of it\n"));
	assert_int_equal(RUN("standing", "-c", "CONFIG", "192.0.2.7", "--json"), CLI_OK);
	assert_non_null(strstr(printed, "\"found\":false,\"tier\":\"unknown\""));
}

static void test_reload_refused(void **state UNUSED)
{
	assert_int_equal(RUN("reload", "-c", "CONFIG"), CLI_NO);
	assert_non_null(strstr(complained, "f.yaml:1:1: bad\nf.yaml:2:2: worse\n"));
	assert_non_null(strstr(complained, "the old one stays in use"));
}

/* Reads from the command what it shows live, until it is enough, and ends it. */
static void test_follow(void **state UNUSED)
{
	static const char *const words[] = {
	    "events", "-c", "CONFIG", "--follow", "-n", "0", "--reason", "auth.replay", NULL};
	char line[512], path[96];
	int status;
	pid_t child;
	FILE *in;

	name_path(path, "fifo");
	assert_int_equal(mkfifo(path, 0600), 0);
	child = start(words, path, at.err);
	in = fopen(path, "r");
	assert_non_null(in);
	for (int i = 0; i < 3; i++) {
		assert_non_null(fgets(line, sizeof(line), in));
		assert_non_null(strstr(line, "auth.replay: pass"));
	}
	kill(child, SIGKILL);
	fclose(in);
	waitpid(child, &status, 0);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest alone[] = {
	    cmocka_unit_test(test_wrong_use),
	    cmocka_unit_test(test_help_and_version),
	    cmocka_unit_test(test_explain),
	    cmocka_unit_test(test_explain_what_is_configured),
	    cmocka_unit_test(test_no_daemon),
	    cmocka_unit_test(test_events_of_the_file),
	    cmocka_unit_test(test_full_disk_behind_output),
	};
	const struct CMUnitTest served[] = {
	    cmocka_unit_test_setup_teardown(test_status, start_daemon, stop_daemon),
	    cmocka_unit_test_setup_teardown(test_broken_configuration, start_daemon, stop_daemon),
	    cmocka_unit_test_setup_teardown(test_registrations, start_daemon, stop_daemon),
	    cmocka_unit_test_setup_teardown(test_bans, start_daemon, stop_daemon),
	    cmocka_unit_test_setup_teardown(test_ban, start_daemon, stop_daemon),
	    cmocka_unit_test_setup_teardown(test_unban, start_daemon, stop_daemon),
	    cmocka_unit_test_setup_teardown(test_standing, start_daemon, stop_daemon),
	    cmocka_unit_test_setup_teardown(test_reload_refused, start_daemon, stop_daemon),
	    cmocka_unit_test_setup_teardown(test_follow, start_daemon, stop_daemon),
	};
	int failed = cmocka_run_group_tests(alone, set_up_all, tear_down_all);

	return failed + cmocka_run_group_tests(served, set_up_all, tear_down_all);
}
