/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf_help.h"

static void test_least_file_has_safe_defaults(void **state)
{
	const struct conf *c = load(LEAST);
	char host[256] = "";

	(void)state;
	assert_int_equal(c->zones_count, 1);
	assert_int_equal(c->zones[0].trust, CONF_TRUST_NONE);
	assert_int_equal(c->listeners_count, 1);
	assert_int_equal(c->listeners[0].transport, TRANSPORT_UDP);
	assert_span(c->listeners[0].sent_by, "127.0.0.1:5060");
	assert_int_equal(c->check_mode, CONF_MODE_ENFORCE);
	assert_int_equal(c->auth.mode, CONF_MODE_ENFORCE);
	assert_int_equal(c->auth.algorithms_count, 1);
	assert_int_equal(c->auth.algorithms[0], CONF_ALGORITHM_MD5);
	assert_int_equal(c->auth.nonce_lifetime, 60 * USEC_SEC);
	assert_false(c->auth.rfc2069);
	assert_span(c->accounts_store.path, "/etc/ringfence/ringfence.db");
	assert_span(c->state_store.path, "/etc/ringfence/ringfence.db");
	assert_int_equal(c->accounts_cache, 65536);
	assert_int_equal(c->accounts_cache_lifetime, 60 * USEC_SEC);
	assert_span(c->admin_socket, "/etc/ringfence/ringfence.sock");
	assert_int_equal(c->standing.mode, CONF_MODE_ENFORCE);
	assert_int_equal(c->flood.mode, CONF_MODE_ENFORCE);
	assert_int_equal(c->overload.mode, CONF_MODE_ENFORCE);
	assert_int_equal(c->standing.allow_count + c->standing.weights_count, 0);
	assert_int_equal(c->sinks_count, 1);
	assert_int_equal(c->sinks[0].kind, CONF_SINK_FILE);
	assert_span(c->sinks[0].path, "/etc/ringfence/events.jsonl");
	assert_int_equal(c->sinks[0].select.only, EVENT_SELECT_VERDICTS);
	assert_int_equal(c->peers_count + c->upstreams_count + c->routes_count, 0);
	assert_in_range(c->workers, 1, CONF_WORKERS_MAX);
	assert_int_equal(gethostname(host, sizeof(host) - 1), 0);
	assert_span(c->node, host);
	conf_put(c);
}

static void test_default_numbers(void **state)
{
	const struct conf *c = load(LEAST);

	(void)state;
	assert_int_equal(c->sip.max_message, 65535);
	assert_int_equal(c->sip.max_headers, 128);
	assert_int_equal(c->sip.max_header_name, 128);
	assert_int_equal(c->sip.max_header_value, 8192);
	assert_int_equal(c->sip.t1, 500 * USEC_MS);
	assert_int_equal(c->sip.t2, 4 * USEC_SEC);
	assert_int_equal(c->sip.t4, 5 * USEC_SEC);
	assert_true(c->sip.timer_c > 3 * USEC_MIN); /* RFC 3261 §16.6 step 11 */
	assert_int_equal(c->sip.max_forwards, 70);
	assert_int_equal(c->sip.max_breadth, 60);
	assert_int_equal(c->sip.transactions, 65536);
	assert_int_equal(c->sip.transaction_memory, 64 * 1024 * 1024);
	assert_int_equal(c->tcp.connections, 4096);
	assert_int_equal(c->tcp.connections_per_source, 64);
	assert_int_equal(c->tcp.idle, 15 * USEC_MIN);
	assert_int_equal(c->tcp.first_message, 10 * USEC_SEC);
	assert_int_equal(c->tcp.message, 10 * USEC_SEC);
	assert_int_equal(c->tcp.connect, 3 * USEC_SEC);
	assert_int_equal(c->tcp.write_queue, 256 * 1024);
	assert_int_equal(c->registrar.min_expires_s, 60);
	assert_int_equal(c->registrar.default_expires_s, 3600);
	assert_int_equal(c->registrar.max_expires_s, 7200);
	assert_int_equal(c->registrar.max_contacts, 10);
	assert_int_equal(c->registrar.max_bindings, 100000);
	assert_int_equal(c->registrar.keepalive, 0);
	conf_put(c);
}

static const char everything[] =
    "zones:\n"
    "  public:\n"
    "    listen: [udp:0.0.0.0:5060, tcp:192.0.2.1:5070, \"udp:[2001:db8::1]:5060\"]\n"
    "    advertise: SIP.example.com:5080\n"
    "    require_tls: false\n"
    "  core: {trust: network, listen: [\"udp:10.0.0.10:5060\", \"tcp:[::1]:5060\"]}\n"
    "domains: {Example.com: {registrar: local}, b.example: , \"192.0.2.1\": {}, \"[::1]\": {}}\n"
    "peers:\n"
    "  carrier: {zone: public, sources: [198.51.100.7, 2001:db8:7::/48]}\n"
    "  net: {zone: core, sources: [10.0.0.0/8], target: \"sip:[::1]:5090;transport=TCP\"}\n"
    "  silent: {zone: core, sources: [172.16.0.0/12]}\n"
    "upstreams:\n"
    "  pbx:\n"
    "    zone: core\n"
    "    targets: [{uri: sip:10.0.0.22, backup: true}, sip:10.0.0.20, {uri: "
    "\"SIP:10.0.0.21:5070\"}]\n"
    "routes:\n"
    "  - {from: carrier, to: pbx}\n"
    "  - {from: core, match: \"+*\", domain: Other.example, to: carrier}\n"
    "accounts: {store: sqlite:/var/lib/a.db, cache: 100, cache_lifetime: 2h}\n"
    "state: {store: \"sqlite:sub/b.db\"}\n"
    "controls:\n"
    "  check: {mode: observe}\n"
    "  auth: {mode: off, algorithms: [SHA-512-256, MD5, SHA-256], nonce_lifetime: 5m, rfc2069: "
    "true}\n"
    "events: [{stdout: true, only: [drop, change]}, {file: /var/log/e}, {file: e}]\n"
    "admin: {listen: unix:/run/r.sock}\n"
    "node: edge-1\n"
    "workers: 64\n"
    "registrar: {min_expires: 1s, default_expires: 1d, max_expires: 30d, keepalive: 30s}\n";

static void test_places_are_taken_over(void **state)
{
	struct conf_errors errs;
	const struct conf *c = load_with(everything, &errs);

	(void)state;
	assert_int_equal(errs.warnings, 3); /* check observes, auth is off, rfc2069 */
	assert_int_equal(c->listeners_count, 5);
	assert_int_equal(c->zones[1].first_listener, 3);
	assert_int_equal(c->zones[1].listeners, 2);
	assert_span(c->listeners[0].sent_by, "SIP.example.com:5080");
	assert_true(addr_is_unspecified(&c->listeners[0].addr));
	assert_int_equal(c->listeners[1].transport, TRANSPORT_TCP);
	assert_int_equal(c->listeners[1].addr.port, 5070);
	assert_int_equal(c->listeners[1].port, 5080);
	assert_span(c->listeners[4].host, "[::1]");
	assert_span(c->listeners[4].sent_by, "[::1]:5060");
	assert_int_equal(c->listeners[4].zone, 1);
	assert_span(c->domains[0].name, "example.com");
	assert_int_equal(c->domains_count, 4);
	conf_put(c);
	conf_errors_done(&errs);
}

static void test_trunks_are_taken_over(void **state)
{
	struct conf_errors errs;
	const struct conf *c = load_with(everything, &errs);

	(void)state;
	assert_true(c->peers[0].has_target);
	assert_span(c->peers[0].target.uri, "sip:198.51.100.7:5060");
	assert_int_equal(c->peers[0].target.addr.port, 5060);
	assert_int_equal(c->peers[0].sources_count, 2);
	assert_int_equal(c->peers[1].target.transport, TRANSPORT_TCP);
	assert_int_equal(c->peers[1].target.addr.port, 5090);
	assert_int_equal(c->peers[1].zone, 1);
	assert_false(c->peers[2].has_target);
	assert_int_equal(c->upstreams[0].targets_count, 3);
	assert_span(c->upstreams[0].targets[0].uri, "sip:10.0.0.20");
	assert_span(c->upstreams[0].targets[1].uri, "SIP:10.0.0.21:5070");
	assert_span(c->upstreams[0].targets[2].uri, "sip:10.0.0.22");
	assert_false(c->upstreams[0].targets[1].backup);
	assert_true(c->upstreams[0].targets[2].backup);
	assert_int_equal(c->routes[0].from_peer, 0);
	assert_int_equal(c->routes[0].to_upstream, 0);
	assert_int_equal(c->routes[0].to_peer, CONF_NONE);
	assert_int_equal(c->routes[1].from_zone, 1);
	assert_int_equal(c->routes[1].to_peer, 0);
	assert_span(c->routes[1].match, "+*");
	assert_span(c->routes[1].domain, "other.example");
	conf_put(c);
	conf_errors_done(&errs);
}

static void test_standing(void **state)
{
	struct conf_errors errs;
	const struct conf *c =
	    load_with(LEAST "standing:\n  allow: [192.0.2.0/24, \"2001:db8::1\"]\n"
			    "  weights: {auth.bad-password: 0, scan.decoy: 1000}\n  ban: 5m\n"
			    "controls:\n  flood: {requests: 10, wide_requests: off}\n"
			    "  overload: {retry_after: 1m}\nenforce: [ledger]\n",
		&errs);

	(void)state;
	assert_int_equal(c->standing.allow_count, 2);
	assert_int_equal(c->standing.allow[0].bits, 96 + 24);
	assert_int_equal(c->standing.allow[1].bits, 128);
	assert_int_equal(c->standing.weights_count, 2);
	assert_int_equal(c->standing.weights[0].reason, REASON_AUTH_BAD_PASSWORD);
	assert_int_equal(c->standing.weights[0].weight, 0);
	assert_int_equal(c->standing.weights[1].reason, REASON_SCAN_DECOY);
	assert_int_equal(c->standing.weights[1].weight, 1000);
	assert_int_equal(c->standing.ban, 5 * USEC_MIN);
	assert_int_equal(c->standing.ban_max, 24 * 60 * USEC_MIN);
	assert_int_equal(c->flood.requests, 10);
	assert_int_equal(c->flood.suspect_requests, 10); /* never more than a stranger's */
	assert_int_equal(c->flood.known_requests, 1200);
	assert_int_equal(c->flood.wide_requests, 0);
	assert_int_equal(c->overload.retry_after, USEC_MIN);
	conf_put(c);
	assert_int_equal(errs.warnings, 1); /* such a weight bans at once */
	conf_errors_done(&errs);
	c = load(LEAST "controls:\n  flood: {requests: 2000}\n");
	assert_int_equal(c->flood.suspect_requests, 20);
	assert_int_equal(c->flood.known_requests, 2000);
	conf_put(c);
}

/* Half of all addresses, and once more: nobody would ever be banned. */
static void test_wide_allow(void **state)
{
	static const struct {
		const char *allow;
		size_t warnings;
	} rows[] = {
	    {"[0.0.0.0/1, 128.0.0.0/1]", 2},
	    {"[10.0.0.0/7]", 1},
	    {"[10.0.0.0/8, 192.0.2.1]", 0},
	    {"[\"2000::/3\"]", 1},
	    {"[\"2000::/15\"]", 1},
	    {"[\"2001::/16\", \"2001:db8::/32\", \"::1\"]", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf_errors errs;
		struct conf *c = NULL;
		char text[512];

		snprintf(text, sizeof(text), LEAST "standing: {allow: %s}\n", rows[i].allow);
		conf_errors_init(&errs);
		assert_int_equal(conf_load_text(span_str(text), "test.yaml", &c, &errs), OK);
		if (errs.warnings != rows[i].warnings)
			fail_msg("%s: %zu warnings", rows[i].allow, (size_t)errs.warnings);
		conf_errors_done(&errs);
		conf_put(c);
	}
}

static void test_scan_and_guessing(void **state)
{
	const struct conf *c = load(LEAST);
	const struct conf_scan *s = &c->scan;
	const struct conf_guessing *g = &c->guessing;

	(void)state;
	assert_int_equal(s->mode, CONF_MODE_ENFORCE);
	assert_int_equal(s->decoys_count, 0);
	assert_int_equal(s->signatures_file.n, 0);
	assert_true(s->signatures_count > 0);
	assert_int_equal(s->users, 10);
	assert_int_equal(s->sweep, 20);
	assert_int_equal(s->methods, 5);
	assert_int_equal(s->window, USEC_MIN);
	assert_int_equal(g->mode, CONF_MODE_ENFORCE);
	assert_int_equal(g->pair, 5);
	assert_int_equal(g->source, 10);
	assert_int_equal(g->account, 20);
	assert_int_equal(g->prefix, 100);
	assert_int_equal(g->window, 10 * USEC_MIN);
	assert_int_equal(g->lock, 10 * USEC_MIN);
	conf_put(c);
	c = load(LEAST "controls:\n  scan: {decoys: [Admin, \"100\"], users: off, sweep: 1}\n"
		       "  guessing: {pair: off, account: 7, lock: 1h}\n");
	assert_int_equal(c->scan.decoys_count, 2);
	assert_span(c->scan.decoys[0], "admin");
	assert_span(c->scan.decoys[1], "100");
	assert_int_equal(c->scan.users, 0);
	assert_int_equal(c->scan.sweep, 1);
	assert_int_equal(c->guessing.pair, 0);
	assert_int_equal(c->guessing.account, 7);
	assert_int_equal(c->guessing.lock, 60 * USEC_MIN);
	conf_put(c);
	c = load(LEAST "controls: {scan: {decoys: root}}\n");
	assert_int_equal(c->scan.decoys_count, 1);
	assert_span(c->scan.decoys[0], "root");
	conf_put(c);
}

static void test_choices_are_taken_over(void **state)
{
	struct conf_errors errs;
	const struct conf *c = load_with(everything, &errs);

	(void)state;
	assert_span(c->accounts_store.path, "/var/lib/a.db");
	assert_span(c->state_store.path, "/etc/ringfence/sub/b.db");
	assert_int_equal(c->accounts_cache, 100);
	assert_int_equal(c->accounts_cache_lifetime, 7200 * USEC_SEC);
	assert_int_equal(c->check_mode, CONF_MODE_OBSERVE);
	assert_int_equal(c->auth.mode, CONF_MODE_OFF);
	assert_int_equal(c->auth.algorithms_count, 3);
	assert_int_equal(c->auth.algorithms[0], CONF_ALGORITHM_SHA512_256);
	assert_int_equal(c->auth.algorithms[2], CONF_ALGORITHM_SHA256);
	assert_true(c->auth.rfc2069);
	assert_int_equal(c->sinks[0].kind, CONF_SINK_STDOUT);
	assert_int_equal(c->sinks[0].select.only, 1u << EVENT_DROP | EVENT_SELECT_CHANGE);
	assert_span(c->sinks[1].path, "/var/log/e");
	assert_span(c->sinks[2].path, "/etc/ringfence/e");
	assert_span(c->admin_socket, "/run/r.sock");
	assert_span(c->node, "edge-1");
	assert_int_equal(c->workers, 64);
	assert_int_equal(c->registrar.min_expires_s, 1);
	assert_int_equal(c->registrar.default_expires_s, 86400);
	assert_int_equal(c->registrar.max_expires_s, 30 * 86400);
	assert_int_equal(c->registrar.keepalive, 30 * USEC_SEC);
	conf_put(c);
	conf_errors_done(&errs);
}

static void test_sections_of_comments_are_defaults(void **state)
{
	const struct conf *c = load(LEAST "sip:\n  # t1: 1s\ncontrols:\n  auth:\n  check: ~\n"
					  "events:\npeers:\nroutes:\nadmin:\n");

	(void)state;
	assert_int_equal(c->sip.t1, 500 * USEC_MS);
	assert_int_equal(c->auth.mode, CONF_MODE_ENFORCE);
	assert_int_equal(c->auth.algorithms_count, 1);
	assert_int_equal(c->sinks_count, 1);
	assert_span(c->admin_socket, "/etc/ringfence/ringfence.sock");
	conf_put(c);
	c = load(LEAST "events: []\n");
	assert_int_equal(c->sinks_count, 0);
	conf_put(c);
}

/* What YAML would take for numbers and truths is what its key says. */
static void test_types_come_from_the_schema(void **state)
{
	const struct conf *c = load("zones: {1: {listen: [udp:127.0.0.1:5060]}}\n"
				    "domains: {\"10.0.0.1\": {}, on: {}}\n"
				    "node: 1e3\nworkers: \"2\"\n");

	(void)state;
	assert_span(c->zones[0].name, "1");
	assert_span(c->domains[1].name, "on");
	assert_span(c->node, "1e3");
	assert_int_equal(c->workers, 2);
	conf_put(c);
}

static void test_a_byte_order_mark_and_windows_lines_are_fine(void **state)
{
	const struct conf *c =
	    load("\xef\xbb\xbfzones:\r\n  public: {listen: [udp:127.0.0.1:5060]}\r\n"
		 "domains: {a.example: {}} # \xc3\xa4\tb\r\n");

	(void)state;
	assert_span(c->domains[0].name, "a.example");
	conf_put(c);
}

static void test_the_last_reference_frees(void **state)
{
	const struct conf *c = load(LEAST);

	(void)state;
	assert_ptr_equal(conf_get(c), c);
	conf_put(c);
	assert_int_equal(c->zones_count, 1); /* still there */
	conf_put(c);
	conf_put(NULL);
}

static void test_a_file_on_disk_gives_the_folder(void **state)
{
	char path[] = "/tmp/ringfence-conf-XXXXXX";
	int fd = mkstemp(path);
	struct conf_errors errs;
	struct conf *c = NULL;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, LEAST, strlen(LEAST)), strlen(LEAST));
	close(fd);
	conf_errors_init(&errs);
	assert_int_equal(conf_load(path, &c, &errs), OK);
	assert_span(c->dir, "/tmp");
	assert_span(c->file, path);
	assert_span(c->state_store.path, "/tmp/ringfence.db");
	conf_put(c);
	conf_errors_done(&errs);
	unlink(path);
}

/* A daemon is spoken to while its file is being edited. */
static void test_the_socket_of_a_wrong_file(void **state)
{
	static const struct {
		const char *text, *socket;
	} rows[] = {
	    {LEAST, "ringfence.sock"},
	    {LEAST "admin: {listen: unix:r.sock}\nsip: {t1: fast}\n", "r.sock"},
	    {LEAST "admin: {listen: unix:r.sock}\nsip: [\n", "ringfence.sock"},
	    {LEAST "admin: {listen: nowhere}\n", "ringfence.sock"},
	    {"", "ringfence.sock"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char path[] = "/tmp/ringfence-conf-XXXXXX", text[256], wanted[64];
		struct buf b = BUF(text), w = BUF(wanted);
		int fd = mkstemp(path);

		assert_true(fd >= 0);
		assert_int_equal(
		    write(fd, rows[i].text, strlen(rows[i].text)), strlen(rows[i].text));
		close(fd);
		assert_int_equal(conf_find_socket(path, &b), OK);
		buf_addf(&w, "/tmp/%s", rows[i].socket);
		assert_true(buf_terminate(&b) && buf_terminate(&w));
		assert_string_equal(text, wanted);
		unlink(path);
	}
}

static void test_paths_without_a_folder_stay(void **state)
{
	struct conf_errors errs;
	struct conf *c = NULL;

	(void)state;
	conf_errors_init(&errs);
	assert_int_equal(conf_load_text(span_str(LEAST), "r.yaml", &c, &errs), OK);
	assert_span(c->dir, ".");
	assert_span(c->state_store.path, "ringfence.db");
	conf_put(c);
	c = NULL;
	assert_int_equal(conf_load_text(span_str(LEAST), "/r.yaml", &c, &errs), OK);
	assert_span(c->state_store.path, "/ringfence.db");
	conf_put(c);
	conf_errors_done(&errs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_least_file_has_safe_defaults),
	    cmocka_unit_test(test_default_numbers),
	    cmocka_unit_test(test_places_are_taken_over),
	    cmocka_unit_test(test_trunks_are_taken_over),
	    cmocka_unit_test(test_standing),
	    cmocka_unit_test(test_wide_allow),
	    cmocka_unit_test(test_scan_and_guessing),
	    cmocka_unit_test(test_choices_are_taken_over),
	    cmocka_unit_test(test_sections_of_comments_are_defaults),
	    cmocka_unit_test(test_types_come_from_the_schema),
	    cmocka_unit_test(test_a_byte_order_mark_and_windows_lines_are_fine),
	    cmocka_unit_test(test_the_last_reference_frees),
	    cmocka_unit_test(test_a_file_on_disk_gives_the_folder),
	    cmocka_unit_test(test_the_socket_of_a_wrong_file),
	    cmocka_unit_test(test_paths_without_a_folder_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
