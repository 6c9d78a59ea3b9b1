/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "admin/exposition.h"
#include "admin/metrics.h"

#define assert_text(b, want)                      \
	do {                                      \
		(void)buf_terminate(&(b));        \
		assert_string_equal((b).p, want); \
	} while (0)

static void test_values(void **state UNUSED)
{
	static const struct {
		struct span in;
		const char *want;
	} rows[] = {
	    {SPAN("plain"), "plain"},
	    {SPAN(""), ""},
	    {SPAN("a\"b"), "a\\\"b"},
	    {SPAN("a\\b"), "a\\\\b"},
	    {SPAN("a\nb"), "a\\nb"},
	    {SPAN("a\rb\x1b[2J"), "a\\\\x0db\\\\x1b[2J"},
	    {SPAN("\x00\x7f\xff"), "\\\\x00\\\\x7f\\\\xff"},
	    {SPAN("} 1\nforged 2"), "} 1\\nforged 2"},
	};
	char text[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b = BUF(text);

		exposition_add_value(&b, rows[i].in);
		assert_text(b, rows[i].want);
	}
}

static void test_value_is_cut(void **state UNUSED)
{
	char in[EXPOSITION_VALUE_MAX + 1], text[EXPOSITION_VALUE_MAX * 6];
	struct buf b = BUF(text);

	memset(in, 'x', sizeof(in));
	exposition_add_value(&b, span_of(in, sizeof(in)));
	assert_int_equal(b.n, EXPOSITION_VALUE_MAX + 3);
	assert_memory_equal(b.p + b.n - 3, "...", 3);
}

static void test_family(void **state UNUSED)
{
	char text[512];
	struct buf b = BUF(text);
	struct exposition x = {.b = &b};

	exposition_family(&x, SPAN("a_total"), "counter", SPAN("one,two"), SPAN("back\\slash\nx"));
	exposition_u64(&x, UINT64_MAX, (struct span[]){SPAN("1"), SPAN("\"")});
	exposition_family(&x, SPAN("b"), "gauge", SPAN(""), SPAN("B."));
	exposition_nano(&x, 1500000000, NULL);
	exposition_nano(&x, 0, NULL);
	exposition_nano(&x, 7, NULL);
	assert_text(b, "# HELP a_total back\\\\slash x\n# TYPE a_total counter\n"
		       "a_total{one=\"1\",two=\"\\\"\"} 18446744073709551615\n"
		       "# HELP b B.\n# TYPE b gauge\nb 1.5\nb 0\nb 0.000000007\n");
}

static void test_histogram(void **state UNUSED)
{
	static char text[8192];
	struct buf b = BUF(text);
	struct exposition x = {.b = &b};
	struct histogram_totals h = {.ns = 2000000300};
	struct span stage = SPAN("parse");

	h.bucket[0] = 2;
	h.bucket[1] = 1;
	h.bucket[HISTOGRAM_BUCKETS - 1] = 4;
	exposition_family(&x, SPAN("s"), "histogram", SPAN("stage"), SPAN("S."));
	exposition_histogram(&x, &h, &stage);
	(void)buf_terminate(&b);
	assert_non_null(strstr(text, "s_bucket{stage=\"parse\",le=\"0.0000001\"} 2\n"));
	assert_non_null(strstr(text, "s_bucket{stage=\"parse\",le=\"0.0000002\"} 3\n"));
	assert_non_null(strstr(text, "s_bucket{stage=\"parse\",le=\"0.1\"} 3\n"));
	assert_non_null(strstr(text, "s_bucket{stage=\"parse\",le=\"+Inf\"} 7\n"));
	assert_non_null(strstr(text, "s_sum{stage=\"parse\"} 2.0000003\n"));
	assert_non_null(strstr(text, "s_count{stage=\"parse\"} 7\n"));
}

/* A page with as much of everything as there can be. */
static void fill(struct admin_status *st, struct event_hub *hub)
{
	event_hub_init(hub, SPAN("n"));
	memset(st, 0xff, sizeof(*st));
	st->version = SPAN("9");
	st->node = SPAN("node");
	st->workers = ADMIN_WORKERS_MAX;
	st->stages_n = ADMIN_STAGES_MAX;
	st->whole_n = ADMIN_KINDS_MAX;
	st->tables_n = ADMIN_TABLES_MAX;
	st->limits.n = ADMIN_LIMITS_MAX;
	st->judge.controls_n = ADMIN_CONTROLS_MAX;
	for (size_t i = 0; i < ADMIN_STAGES_MAX; i++)
		st->stages[i].name = SPAN("a-rather-long-name-of-a-stage");
	for (size_t i = 0; i < ADMIN_KINDS_MAX; i++)
		st->whole[i].name = SPAN("a-kind");
	for (size_t i = 0; i < ADMIN_TABLES_MAX; i++)
		st->tables[i].name = "a-table-of-fixed-size";
	for (size_t i = 0; i < ADMIN_CONTROLS_MAX; i++)
		st->judge.controls[i].name = st->judge.controls[i].mode = "enforce";
	for (size_t i = 0; i < ADMIN_LIMITS_MAX; i++)
		st->limits.list[i] =
		    (struct admin_limit){.name = SPAN("0123456789012345678901234567"
						      "89012345678901234567890123"),
			.per = SPAN("source"),
			.by_load = true,
			.share = 0.5};
}

static void test_page(void **state UNUSED)
{
	static struct admin_status st;
	static char text[METRICS_MAX];
	struct metrics_http http = {.code = {200, 404}, .answers = {7, 1}};
	struct event_hub hub;
	struct metrics_input in = {&st, &hub, &http, 2000000000 * USEC_SEC};
	struct buf b = BUF(text), small = buf_of(text, 1000);

	fill(&st, &hub);
	assert_true(metrics_write(&in, &b));
	assert_true(b.n > 10000);
	assert_true(b.n < METRICS_MAX / 2); /* there is room for what comes later */
	assert_int_equal(b.p[b.n - 1], '\n');
	assert_true(buf_terminate(&b));
	assert_non_null(strstr(text, "\nringfence_http_responses_total{code=\"404\"} 1\n"));
	assert_non_null(strstr(text, "\nringfence_requests_total{method=\"invite\"} "));
	assert_non_null(strstr(text, "\nringfence_auth_ok_total "));
	assert_null(strstr(text, "ringfence_requests_invite_total"));
	assert_false(metrics_write(&in, &small));
	event_hub_done(&hub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_value_is_cut),
	    cmocka_unit_test(test_family),
	    cmocka_unit_test(test_histogram),
	    cmocka_unit_test(test_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
