/* SPDX-License-Identifier: MIT
 *
 * The control socket on a real loop and a real unix socket, driven from the same thread: the client
 * side never blocks, the loop is turned until the answer is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/client.h"
#include "admin/follower.h"
#include "admin/socket.h"

#define TURNS     2000000
#define FAKE_AORS 700

struct world {
	char dir[64], path[96];
	uv_loop_t loop;
	struct event_hub hub;
	struct admin_backend backend;
	struct admin_server *server;
	char why[512];
	struct buf why_buf;
	/* the fake backend */
	bool reload_fails;
	char forgotten[64];
	int64_t uid;    /* who asked */
	char text[600]; /* of each binding's contact */
};

static void fake_status(void *arg UNUSED, struct admin_status *out)
{
	out->version = SPAN("0.1.0");
	out->node = SPAN("n\"1");
	out->workers = 2;
	out->uptime = 90 * USEC_SEC;
	out->listeners_n = 1;
	out->listeners[0].text = SPAN("udp:127.0.0.1:5060");
	out->listeners[0].zone = SPAN("public");
	out->bindings = 7;
	out->bindings_max = 100;
	out->store_ok = false;
	out->store_error = SPAN("disk I/O error");
	out->totals.v[COUNTER_RECEIVED_UDP] = 12;
	out->totals.reason[REASON_AUTH_STALE] = 3;
}

static void fake_totals(void *arg UNUSED, struct counter_totals *out)
{
	out->v[COUNTER_RECEIVED_UDP] = 12;
}

static bool show(struct world *w, struct span aor, bindings_each_fn *fn, void *fn_arg)
{
	struct binding item = {
	    .contact = span_of(w->text, sizeof(w->text)), .expires_at = UINT64_MAX / 2, .q = 500};
	struct binding_set set = {.items = &item, .n = 1, .cap = 1};

	item.flow.transport = TRANSPORT_UDP;
	return fn(fn_arg, aor, &set);
}

static bool fake_registrations(void *arg, struct bindings_cursor *cursor, size_t budget UNUSED,
    bindings_each_fn *fn, void *fn_arg)
{
	while (cursor->bucket < FAKE_AORS) {
		char text[32];
		struct buf b = BUF(text);

		buf_addf(&b, "u%zu@example.com", cursor->bucket++);
		cursor->hash = UINT64_MAX - cursor->bucket;
		if (!show(arg, buf_span(&b), fn, fn_arg))
			return true;
	}
	return false;
}

static void fake_registration(void *arg, struct span aor, bindings_each_fn *fn, void *fn_arg)
{
	if (span_eq(aor, SPAN("alice@example.com")))
		show(arg, aor, fn, fn_arg);
}

static enum err fake_reload(void *arg, struct buf *messages)
{
	const struct world *w = arg;

	if (!w->reload_fails)
		return OK;
	buf_add_lit(messages, "f.yaml:1:2: one\nf.yaml:3:4: \"two\"\n");
	return ERR_SYNTAX;
}

static void fake_forget(void *arg, struct span account)
{
	struct world *w = arg;
	struct buf b = BUF(w->forgotten);

	buf_add_span(&b, account);
	assert_true(buf_terminate(&b));
}

static size_t fake_unban(
    void *arg, const struct prefix *what, const struct admin_person *who, bool *out_kernel)
{
	struct world *w = arg;

	*out_kernel = false;
	assert_null(what);
	w->uid = who->uid;
	return 0;
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	snprintf(w->dir, sizeof(w->dir), "/tmp/rf-test-admin-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/s", w->dir);
	assert_int_equal(uv_loop_init(&w->loop), 0);
	event_hub_init(&w->hub, SPAN("n1"));
	w->backend = (struct admin_backend){.arg = w,
	    .status = fake_status,
	    .totals = fake_totals,
	    .registrations = fake_registrations,
	    .registration = fake_registration,
	    .reload = fake_reload,
	    .forget_account = fake_forget,
	    .unban = fake_unban};
	w->why_buf = BUF(w->why);
	memset(w->text, 0x01, sizeof(w->text));
	assert_int_equal(
	    admin_server_new(&w->loop, w->path, &w->backend, &w->hub, &w->why_buf, &w->server), OK);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	struct stat st;

	admin_server_free(w->server);
	assert_int_not_equal(stat(w->path, &st), 0);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	event_hub_done(&w->hub);
	rmdir(w->dir);
	free(w);
	return 0;
}

static int dial(const struct world *w)
{
	struct sockaddr_un sa;
	struct buf none = {0};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(admin_socket_address(w->path, &none, &sa), OK);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

/* Sends in whatever pieces the socket takes, turning the loop; false when the server hung up. */
static bool say(struct world *w, int fd, const char *p, size_t n)
{
	for (size_t turn = 0; n > 0 && turn < TURNS; turn++) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN)
			return false;
		if (sent > 0) {
			p += sent;
			n -= (size_t)sent;
		}
		uv_run(&w->loop, UV_RUN_NOWAIT);
	}
	return n == 0;
}

/* The next line without its newline in `line`; false when the server hung up before. */
static bool hear(struct world *w, int fd, char *line, size_t cap)
{
	size_t n = 0;

	for (size_t turn = 0; turn < TURNS; turn++) {
		ssize_t got = recv(fd, line + n, 1, 0);

		if (got == 0 || (got < 0 && errno != EAGAIN))
			return false;
		if (got < 0) {
			uv_run(&w->loop, UV_RUN_NOWAIT);
			continue;
		}
		if (line[n] == '\n') {
			line[n] = '\0';
			return true;
		}
		assert_true(++n < cap);
	}
	fail_msg("no answer");
	return false;
}

static char heard[ADMIN_REPLY_MAX + 1];

static json_t *hear_json(struct world *w, int fd)
{
	json_t *t;

	assert_true(hear(w, fd, heard, sizeof(heard)));
	t = json_loads(heard, JSON_REJECT_DUPLICATES, NULL);
	assert_true(json_is_object(t));
	return t;
}

static json_t *ask(struct world *w, int fd, const char *request)
{
	assert_true(say(w, fd, request, strlen(request)));
	assert_true(say(w, fd, "\n", 1));
	return hear_json(w, fd);
}

static bool said_ok(const json_t *t)
{
	return json_is_true(json_object_get(t, "ok"));
}

static json_int_t number(const json_t *t, const char *group, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(t, group), key));
}

static void test_status(void **state)
{
	struct world *w = *state;
	int fd = dial(w);
	json_t *t = ask(w, fd, "{\"command\":\"status\"}");

	assert_true(said_ok(t));
	assert_string_equal(json_string_value(json_object_get(t, "node")), "n\"1");
	assert_int_equal(json_integer_value(json_object_get(t, "uptime")), 90);
	assert_int_equal(number(t, "registrations", "now"), 7);
	assert_int_equal(number(t, "counters", "received.udp"), 12);
	assert_int_equal(number(t, "reasons", "auth.stale"), 3);
	assert_int_equal(json_object_size(json_object_get(t, "reasons")), 1);
	assert_int_equal(json_object_size(json_object_get(t, "counters")), COUNTER_COUNT);
	assert_true(json_is_false(json_object_get(json_object_get(t, "store"), "ok")));
	json_decref(t);
	close(fd);
}

static void test_socket_is_for_owner_and_group(void **state)
{
	struct world *w = *state;
	struct stat st;

	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
}

static void test_hostile_requests_are_refused(void **state)
{
	static const char *const rows[] = {
	    "",
	    "\r",
	    "x",
	    "{",
	    "[]",
	    "null",
	    "1",
	    "\"status\"",
	    "{}",
	    "{\"command\":1}",
	    "{\"command\":null}",
	    "{\"command\":\"statu\"}",
	    "{\"command\":\"status\\u0000\"}",
	    "{\"command\":\"status\",\"command\":\"reload\"}",
	    "{\"command\":\"registrations\",\"cursor\":\"x\"}",
	    "{\"command\":\"registrations\",\"cursor\":\"1\"}",
	    "{\"command\":\"registrations\",\"cursor\":\"-1:1\"}",
	    "{\"command\":\"registrations\",\"cursor\":\"1:99999999999999999999\"}",
	    "{\"command\":\"events\",\"reason\":\"nonsense\"}",
	    "{\"command\":\"events\",\"source\":\"nonsense\"}",
	    "{\"command\":\"forget-account\"}",
	    "{\"command\":\"forget-account\",\"account\":7}",
	    "{\"command\":\"\xff\xfe\"}",
	};
	struct world *w = *state;
	int fd = dial(w);
	json_t *t;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		t = ask(w, fd, rows[i]);
		assert_false(said_ok(t));
		assert_true(strlen(json_string_value(json_object_get(t, "error"))) > 5);
		json_decref(t);
	}
	/* And after all this the connection still serves. */
	t = ask(w, fd, "{\"command\":\"help\"}");
	assert_true(said_ok(t));
	assert_true(json_array_size(json_object_get(t, "commands")) >= 6);
	json_decref(t);
	close(fd);
}

static void test_nesting_bomb(void **state)
{
	struct world *w = *state;
	static char bomb[ADMIN_LINE_MAX - 1];
	int fd = dial(w);
	json_t *t;

	memset(bomb, '[', sizeof(bomb));
	assert_true(say(w, fd, bomb, sizeof(bomb)));
	assert_true(say(w, fd, "\n", 1));
	t = hear_json(w, fd);
	assert_false(said_ok(t));
	json_decref(t);
	close(fd);
}

static void test_endless_line_is_cut_off(void **state)
{
	struct world *w = *state;
	static char line[ADMIN_LINE_MAX];
	char c[8];
	int fd = dial(w);

	memset(line, 'x', sizeof(line));
	say(w, fd, line, sizeof(line));
	assert_false(hear(w, fd, c, sizeof(c)));
	close(fd);
	uv_run(&w->loop, UV_RUN_NOWAIT);
	assert_int_equal(admin_server_clients(w->server), 0);
}

static void test_pieces_and_pipelines(void **state)
{
	static const char two[] = "{\"command\":\"help\"}\n{\"command\":\"nothing\"}\n{\"comm";
	struct world *w = *state;
	int fd = dial(w);
	json_t *t;

	for (size_t i = 0; i < sizeof(two) - 1; i++)
		assert_true(say(w, fd, two + i, 1));
	t = hear_json(w, fd);
	assert_true(said_ok(t));
	json_decref(t);
	t = hear_json(w, fd);
	assert_false(said_ok(t));
	json_decref(t);
	t = ask(w, fd, "and\":\"help\"}");
	assert_true(said_ok(t));
	json_decref(t);
	close(fd);

	/* All at once, and gone before the answers can be written. */
	fd = dial(w);
	assert_true(say(w, fd, two, sizeof(two) - 1));
	close(fd);
	for (int i = 0; i < 20; i++)
		uv_run(&w->loop, UV_RUN_NOWAIT);
	assert_int_equal(admin_server_clients(w->server), 0);
}

static void test_clients_are_capped(void **state)
{
	struct world *w = *state;
	int fds[ADMIN_CLIENTS_MAX], one_more;
	json_t *t;

	for (size_t i = 0; i < ADMIN_CLIENTS_MAX; i++) {
		fds[i] = dial(w);
		uv_run(&w->loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(admin_server_clients(w->server), ADMIN_CLIENTS_MAX);
	one_more = dial(w);
	t = hear_json(w, one_more);
	assert_string_equal(json_string_value(json_object_get(t, "error")), "too many clients");
	json_decref(t);
	assert_false(hear(w, one_more, heard, sizeof(heard)));
	close(one_more);
	close(fds[0]);
	uv_run(&w->loop, UV_RUN_NOWAIT);
	one_more = dial(w);
	t = ask(w, one_more, "{\"command\":\"help\"}");
	assert_true(said_ok(t));
	json_decref(t);
	close(one_more);
	for (size_t i = 1; i < ADMIN_CLIENTS_MAX; i++)
		close(fds[i]);
}

static void test_registrations_by_page(void **state)
{
	struct world *w = *state;
	char request[160] = "{\"command\":\"registrations\"}";
	size_t seen = 0, pages = 0;
	int fd = dial(w);

	for (;;) {
		json_t *t = ask(w, fd, request);
		const json_t *list = json_object_get(t, "registrations");
		const char *cursor = json_string_value(json_object_get(t, "cursor"));

		assert_true(said_ok(t));
		for (size_t i = 0; i < json_array_size(list); i++) {
			char want[32];

			snprintf(want, sizeof(want), "u%zu@example.com", seen++);
			assert_string_equal(
			    json_string_value(json_object_get(json_array_get(list, i), "aor")),
			    want);
		}
		pages++;
		if (cursor)
			snprintf(request, sizeof(request),
			    "{\"command\":\"registrations\",\"cursor\":\"%s\"}", cursor);
		json_decref(t);
		if (!cursor)
			break;
	}
	assert_int_equal(seen, FAKE_AORS);
	assert_true(pages > 2);
	close(fd);
}

static void test_registrations_of_one(void **state)
{
	static const struct {
		const char *request;
		size_t n;
	} rows[] = {
	    {"{\"command\":\"registrations\",\"aor\":\"alice@example.com\"}", 1},
	    {"{\"command\":\"registrations\",\"aor\":\"bob@example.com\"}", 0},
	};
	struct world *w = *state;
	int fd = dial(w);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *t = ask(w, fd, rows[i].request);
		const json_t *list = json_object_get(t, "registrations");

		assert_true(said_ok(t));
		assert_int_equal(json_array_size(list), rows[i].n);
		if (rows[i].n)
			assert_int_equal(
			    json_string_length(json_object_get(json_array_get(list, 0), "contact")),
			    sizeof(w->text));
		json_decref(t);
	}
	close(fd);
}

static void test_reload_and_forget(void **state)
{
	struct world *w = *state;
	int fd = dial(w);
	json_t *t = ask(w, fd, "{\"command\":\"reload\"}");

	assert_true(said_ok(t));
	json_decref(t);
	w->reload_fails = true;
	t = ask(w, fd, "{\"command\":\"reload\"}");
	assert_false(said_ok(t));
	assert_int_equal(json_array_size(json_object_get(t, "messages")), 2);
	assert_string_equal(json_string_value(json_array_get(json_object_get(t, "messages"), 1)),
	    "f.yaml:3:4: \"two\"");
	json_decref(t);
	t = ask(w, fd, "{\"command\":\"forget-account\",\"account\":\"a@b\"}");
	assert_true(said_ok(t));
	assert_string_equal(w->forgotten, "a@b");
	json_decref(t);
	close(fd);
}

static void emit(struct world *w, enum reason reason, const char *account)
{
	struct event e;

	event_init(&e, EVENT_VERDICT, reason, 1);
	event_set_text(&e, EVENT_TEXT_ACCOUNT, span_str(account));
	event_hub_emit(&w->hub, &e);
}

/* The kernel says who it is; what the request says of that is nothing. */
static void test_who_asks_is_known(void **state)
{
	struct world *w = *state;
	int fd = dial(w);
	json_t *t = ask(w, fd, "{\"command\":\"unban\",\"all\":true,\"uid\":7}");

	assert_true(said_ok(t));
	assert_int_equal(w->uid, geteuid());
	json_decref(t);
	close(fd);
}

static void test_follow(void **state)
{
	struct world *w = *state;
	int fd = dial(w), gone = dial(w);
	json_t *t =
	    ask(w, fd, "{\"command\":\"events\",\"reason\":\"auth\",\"account\":\"alice\"}");

	assert_true(said_ok(t));
	json_decref(t);
	json_decref(ask(w, gone, "{\"command\":\"events\"}"));
	emit(w, REASON_AUTH_STALE, "alice@example.com");
	close(gone);
	emit(w, REASON_AUTH_STALE, "bob@example.com");
	emit(w, REASON_ROUTE_NOT_FOUND, "alice@example.com");
	emit(w, REASON_AUTH_REPLAY, "alice@example.org");
	t = hear_json(w, fd);
	assert_string_equal(json_string_value(json_object_get(t, "reason")), "auth.stale");
	json_decref(t);
	t = hear_json(w, fd);
	assert_string_equal(json_string_value(json_object_get(t, "reason")), "auth.replay");
	json_decref(t);
	/* What a follower says is ignored; when it goes, its tap goes too. */
	assert_true(say(w, fd, "{\"command\":\"help\"}\n", 19));
	emit(w, REASON_AUTH_STALE, "alice@example.com");
	json_decref(hear_json(w, fd));
	close(fd);
	for (int i = 0; i < 20; i++)
		uv_run(&w->loop, UV_RUN_NOWAIT);
	assert_true(list_empty(&w->hub.taps));
	assert_int_equal(admin_server_clients(w->server), 0);
}

/* A follower that does not read: what it misses is counted and told, and nothing grows. */
static void test_slow_follower_is_told(void **state)
{
	struct world *w = *state;
	uint64_t lines = 0, lost = 0, sent = 20000;
	int fd = dial(w);

	json_decref(ask(w, fd, "{\"command\":\"events\"}"));
	for (uint64_t i = 0; i < sent; i++) {
		emit(w, REASON_AUTH_STALE, "alice@example.com");
		if (i % 64 == 0)
			uv_run(&w->loop, UV_RUN_NOWAIT);
	}
	while (lines + lost < sent) {
		json_t *t = hear_json(w, fd);
		const json_t *n = json_object_get(t, "lost");

		if (n)
			lost += (uint64_t)json_integer_value(n);
		else
			lines++;
		json_decref(t);
	}
	assert_true(lost > 0 && lines > 100);
	assert_int_equal(lines + lost, sent);
	close(fd);
}

static void test_server_goes_while_clients_are_there(void **state)
{
	struct world *w = *state;
	int fd = dial(w), follower = dial(w);

	json_decref(ask(w, follower, "{\"command\":\"events\"}"));
	assert_true(say(w, fd, "{\"comm", 7));
	emit(w, REASON_AUTH_STALE, "x");
	/* tear_down frees the server now; the clients are closed after it. */
	admin_server_free(w->server);
	while (hear(w, follower, heard, sizeof(heard)))
		;
	close(fd);
	close(follower);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(
	    admin_server_new(&w->loop, w->path, &w->backend, &w->hub, &w->why_buf, &w->server), OK);
}

static void test_bind(void **state)
{
	struct world *w = *state;
	char other[96], longer[200];
	struct buf why = BUF(w->why);
	struct sockaddr_un sa;
	int fd, stale;
	FILE *f;

	/* Somebody listens. */
	assert_int_equal(admin_socket_bind(w->path, &why, &fd), ERR_BUSY);
	/* What a crash left. */
	snprintf(other, sizeof(other), "%s/stale", w->dir);
	assert_int_equal(admin_socket_address(other, &why, &sa), OK);
	stale = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(stale, (struct sockaddr *)&sa, sizeof(sa)), 0);
	close(stale);
	assert_int_equal(admin_socket_bind(other, &why, &fd), OK);
	close(fd);
	unlink(other);
	/* Something else of that name is left alone. */
	f = fopen(other, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(admin_socket_bind(other, &why, &fd), ERR_EXISTS);
	unlink(other);
	/* Names that a socket cannot have. */
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(admin_socket_bind(longer, &why, &fd), ERR_RANGE);
	assert_int_equal(admin_socket_bind("", &why, &fd), ERR_RANGE);
	assert_int_equal(admin_socket_bind("/nowhere/s", &why, &fd), ERR_IO);
}

struct caller {
	const char *path, *command;
	char why[512];
	enum err result;
	json_t *reply;
	atomic_bool done;
};

static void *call(void *arg)
{
	struct caller *c = arg;
	struct buf why = buf_of(c->why, sizeof(c->why) - 1);
	json_t *request = json_object();

	json_object_set_new(request, "command", json_string(c->command));
	c->result = admin_call(c->path, request, &why, &c->reply);
	c->why[why.n] = '\0';
	json_decref(request);
	atomic_store(&c->done, true);
	return NULL;
}

static void test_client(void **state)
{
	static const struct {
		const char *path, *command;
		enum err result;
		const char *why;
	} rows[] = {
	    {NULL, "help", OK, ""},
	    {NULL, "nonsense", ERR_DENIED, "unknown"},
	    {"/nowhere/socket", "help", ERR_NOT_FOUND, "no daemon is running"},
	    {"/"
	     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"help", ERR_RANGE, "too long"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct caller c = {
		    .path = rows[i].path ? rows[i].path : w->path, .command = rows[i].command};
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, call, &c), 0);
		while (!atomic_load(&c.done))
			uv_run(&w->loop, UV_RUN_NOWAIT);
		pthread_join(thread, NULL);
		assert_int_equal(c.result, rows[i].result);
		if (rows[i].result != ERR_RANGE)
			assert_non_null(strstr(c.why, rows[i].why));
		assert_true(said_ok(c.reply) == (rows[i].result == OK));
		json_decref(c.reply);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_status, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_socket_is_for_owner_and_group, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_hostile_requests_are_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_nesting_bomb, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_endless_line_is_cut_off, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_pieces_and_pipelines, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_clients_are_capped, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_registrations_by_page, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_registrations_of_one, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_reload_and_forget, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_who_asks_is_known, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_follow, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_slow_follower_is_told, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_server_goes_while_clients_are_there, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_bind, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_client, set_up, tear_down),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
