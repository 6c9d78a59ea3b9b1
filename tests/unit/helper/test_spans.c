/* SPDX-License-Identifier: MIT
 *
 * Prefixes that overlap: what is visible never does, and nothing that is banned is left out for
 * longer than something else bans it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "helper/spans.h"

static struct spans s;

static struct helper_ban ban(const char *text, uint32_t seconds)
{
	struct helper_ban b = {.seconds = seconds};

	assert_int_equal(prefix_parse(span_str(text), &b.what), OK);
	return b;
}

static void set(const char *text, uint32_t seconds, uint32_t now)
{
	struct helper_ban b = ban(text, seconds);

	assert_true(spans_set(&s, &b, now));
}

/* "10.0.0.0/8 60, ..." */
static void visible(uint32_t now, const char *want)
{
	char text[512];
	struct buf b = BUF(text);
	struct helper_ban v;

	for (size_t i = 0; i < s.n; i++)
		if (spans_visible(&s, i, now, &v)) {
			buf_addf(&b, "%s", b.n ? ", " : "");
			prefix_add(&b, &v.what);
			buf_addf(&b, " %u", v.seconds);
		}
	assert_true(buf_terminate(&b));
	assert_string_equal(text, want);
}

static void test_wide_hides_narrow(void **state UNUSED)
{
	memset(&s, 0, sizeof(s));
	set("10.1.0.0/16", 100, 1000);
	visible(1000, "10.1.0.0/16 100");
	set("10.0.0.0/8", 60, 1000);
	visible(1000, "10.0.0.0/8 60");
	assert_false(spans_changed(&s, 1059));
	visible(1059, "10.0.0.0/8 1");
	assert_true(spans_changed(&s, 1060));
	assert_false(spans_changed(&s, 1060));
	visible(1060, "10.1.0.0/16 40");
	visible(1100, "");
}

static void test_chains_new_ends_and_removal(void **state UNUSED)
{
	memset(&s, 0, sizeof(s));
	set("10.0.0.0/8", 10, 1000);
	set("10.1.0.0/16", 20, 1000);
	set("10.1.2.0/24", 30, 1000);
	set("2001:db8::/32", 30, 1000); /* another family: nothing of it is hidden */
	visible(1000, "10.0.0.0/8 10, 2001:db8::/32 30");
	set("10.0.0.0/8", 25, 1005);
	visible(1005, "10.0.0.0/8 25, 2001:db8::/32 25");
	assert_false(spans_changed(&s, 1020)); /* the /16 ended unseen */
	set("10.0.0.0/8", 0, 1020);
	visible(1020, "10.1.2.0/24 10, 2001:db8::/32 10");
	set("192.0.2.0/24", 0, 1020); /* was not there */
	visible(1020, "10.1.2.0/24 10, 2001:db8::/32 10");
}

static void test_no_more_than_there_is_room_for(void **state UNUSED)
{
	char text[32];
	struct helper_ban b;

	memset(&s, 0, sizeof(s));
	for (unsigned i = 0; i < SPANS_MAX; i++) {
		snprintf(text, sizeof(text), "11.%u.%u.0/24", i / 256, i % 256);
		set(text, 60, 1000);
	}
	b = ban("12.0.0.0/24", 60);
	assert_false(spans_set(&s, &b, 1000));
	b = ban("11.0.0.0/24", 90); /* a new end needs no room */
	assert_true(spans_set(&s, &b, 1000));
	b = ban("12.0.0.0/24", 60);
	assert_true(spans_set(&s, &b, 1060)); /* the others ended */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_wide_hides_narrow),
	    cmocka_unit_test(test_chains_new_ends_and_removal),
	    cmocka_unit_test(test_no_more_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
