/* SPDX-License-Identifier: MIT
 *
 * A configuration told key by key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf/conf.h"

static const char config_text[] = "zones: {public: {listen: [udp:127.0.0.1:5060]}}\n"
				  "domains: {example.com: {registrar: local}}\n"
				  "controls:\n"
				  "  flood: {mode: observe, prefix_requests: off, window: 90s}\n"
				  "  auth: {rfc2069: true}\n"
				  "sip: {max_message: 16KiB}\n"
				  "registrar: {min_expires: 2m}\n";

static void add(void *arg, const char *path, struct span value)
{
	buf_addf(arg, "%s=%.*s\n", path, SPAN_FMT(value));
}

static void test_keys_with_their_values(void **state UNUSED)
{
	static const struct {
		const char *section, *line;
	} rows[] = {
	    {"controls.flood", "controls.flood.mode=observe\n"},
	    {"controls.flood", "controls.flood.prefix_requests=off\n"},
	    {"controls.flood", "controls.flood.known_requests=1200\n"},
	    {"controls.flood", "controls.flood.window=90s\n"},
	    {"controls.auth", "controls.auth.rfc2069=true\n"},
	    {"controls.auth", "controls.auth.mode=enforce\n"},
	    {"sip", "sip.max_message=16KiB\n"},
	    {"registrar", "registrar.min_expires=2m\n"},
	    {"registrar", "registrar.keepalive=off\n"},
	    {"standing", "standing.ban_max=1d\n"},
	};
	struct conf_errors errs;
	struct conf *c;

	conf_errors_init(&errs);
	assert_int_equal(conf_load_text(span_str(config_text), "x.yaml", &c, &errs), OK);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[2048];
		struct buf b = BUF(text);

		conf_keys_each(c, rows[i].section, add, &b);
		assert_true(buf_terminate(&b));
		if (!strstr(text, rows[i].line))
			fail_msg("no %s in\n%s", rows[i].line, text);
	}
	conf_put(c);
	conf_errors_done(&errs);
}

/* A section is a whole name; lists, and keys of entries, are not told. */
static void test_sections(void **state UNUSED)
{
	static const struct {
		const char *section;
		bool any;
	} rows[] = {
	    {"controls.flood", true},
	    {"controls.floo", false},
	    {"controls.flood.window", false},
	    {"zones", false},
	    {"", false},
	    {"nothing", false},
	};
	struct conf_errors errs;
	struct conf *c;

	conf_errors_init(&errs);
	assert_int_equal(conf_load_text(span_str(config_text), "x.yaml", &c, &errs), OK);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[8192];
		struct buf b = BUF(text);

		conf_keys_each(c, rows[i].section, add, &b);
		assert_false(b.overflow);
		if ((b.n > 0) != rows[i].any)
			fail_msg("%s: %.*s", rows[i].section, SPAN_FMT(buf_span(&b)));
	}
	conf_put(c);
	conf_errors_done(&errs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keys_with_their_values),
	    cmocka_unit_test(test_sections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
