/* SPDX-License-Identifier: MIT
 *
 * Names of headers and methods, reasons, limits: the tables. */
#include <ctype.h>

#include "rig.h"
#include "sip/build.h"

static const struct {
	enum sip_header_id id;
	const char *name;
	char compact;
} all[] = {
#define ROW(id, name, compact, flags) {SIP_HEADER_##id, name, compact},
    SIP_HEADER_TABLE(ROW)
#undef ROW
};

static void test_every_name(void **state)
{
	char text[64];

	(void)state;
	assert_int_equal(ARRAY_LEN(all) + 1, SIP_HEADER_COUNT);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		size_t n = strlen(all[i].name);

		assert_span(sip_header_name(all[i].id), all[i].name);
		assert_int_equal(sip_header_compact(all[i].id), all[i].compact);
		/* Any case. */
		assert_int_equal(sip_header_from(span_str(all[i].name)), all[i].id);
		for (size_t j = 0; j <= n; j++)
			text[j] = (char)toupper((unsigned char)all[i].name[j]);
		assert_int_equal(sip_header_from(span_of(text, n)), all[i].id);
		for (size_t j = 0; j <= n; j++)
			text[j] = (char)tolower((unsigned char)all[i].name[j]);
		assert_int_equal(sip_header_from(span_of(text, n)), all[i].id);
		/* Any one octet changed, added or taken away is another name. */
		for (size_t j = 0; j < n; j++) {
			char kept = text[j];

			for (int c = 0; c < 256; c++) {
				text[j] = (char)c;
				if (tolower(c) != kept)
					assert_int_not_equal(
					    sip_header_from(span_of(text, n)), all[i].id);
			}
			text[j] = kept;
		}
		if (n > 2) /* "t" is To */
			assert_int_not_equal(sip_header_from(span_of(text, n - 1)), all[i].id);
		text[n] = 'x';
		assert_int_not_equal(sip_header_from(span_of(text, n + 1)), all[i].id);
	}
}

static void test_compact(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		char name = (char)c;
		enum sip_header_id want = SIP_HEADER_OTHER;

		for (size_t i = 0; i < ARRAY_LEN(all); i++)
			if (all[i].compact && all[i].compact == tolower(c))
				want = all[i].id;
		assert_int_equal(sip_header_from(span_of(&name, 1)), want);
	}
	assert_int_equal(sip_header_from(SPAN("")), SIP_HEADER_OTHER);
	assert_int_equal(sip_header_from(SPAN("X-Unknown")), SIP_HEADER_OTHER);
	assert_int_equal(
	    sip_header_from(SPAN("P-Preferred-Identity-And-More-Of-It")), SIP_HEADER_OTHER);
	assert_int_equal(sip_header_name(SIP_HEADER_OTHER).n, 0);
	assert_int_equal(sip_header_flags(SIP_HEADER_OTHER), 0);
}

static void test_flags(void **state)
{
	(void)state;
	assert_int_equal(
	    sip_header_flags(SIP_HEADER_CALL_ID), SIP_HEADER_SINGLE | SIP_HEADER_MANDATORY);
	assert_int_equal(sip_header_flags(SIP_HEADER_VIA), SIP_HEADER_LIST | SIP_HEADER_MANDATORY);
	assert_int_equal(sip_header_flags(SIP_HEADER_CONTENT_LENGTH), SIP_HEADER_SINGLE);
	/* A comma in a challenge or in credentials separates parameters. */
	assert_int_equal(sip_header_flags(SIP_HEADER_AUTHORIZATION), 0);
}

static void test_methods(void **state)
{
	(void)state;
	for (enum sip_method m = SIP_METHOD_INVITE; m < SIP_METHOD_COUNT; m++) {
		struct span name = sip_method_name(m);
		char lower[16];

		assert_int_equal(sip_method_from(name), m);
		for (size_t i = 0; i < name.n; i++)
			lower[i] = (char)tolower((unsigned char)name.p[i]);
		assert_int_equal(sip_method_from(span_of(lower, name.n)), SIP_METHOD_UNKNOWN);
		assert_int_equal(sip_method_from(span_of(name.p, name.n - 1)), SIP_METHOD_UNKNOWN);
	}
	assert_int_equal(sip_method_from(SPAN("")), SIP_METHOD_UNKNOWN);
	assert_int_equal(sip_method_from(SPAN("Rion-TER")), SIP_METHOD_UNKNOWN);
	assert_int_equal(sip_method_from(SPAN("UNKNOWN")), SIP_METHOD_UNKNOWN);
	assert_span(sip_method_name(SIP_METHOD_UNKNOWN), "UNKNOWN");
}

/* Slugs are a contract: all there, lower case, no two alike. */
static void test_reasons(void **state)
{
	(void)state;
	for (enum sip_bad i = SIP_BAD_NONE; i < SIP_BAD_COUNT; i++) {
		const char *slug = sip_bad_slug(i);

		assert_non_null(slug);
		assert_true(strlen(sip_bad_text(i)) > 5);
		for (const char *c = slug; *c; c++)
			assert_true(
			    islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '-');
		for (enum sip_bad j = SIP_BAD_NONE; j < i; j++)
			assert_string_not_equal(slug, sip_bad_slug(j));
	}
	assert_int_equal(sip_bad_status(SIP_BAD_VERSION), 505);
	assert_int_equal(sip_bad_status(SIP_BAD_URI_SCHEME), 416);
	assert_int_equal(sip_bad_status(SIP_BAD_URI_LONG), 414);
	assert_int_equal(sip_bad_status(SIP_BAD_BODY_LONG), 413);
	assert_int_equal(sip_bad_status(SIP_BAD_HOPS), 483);
	assert_int_equal(sip_bad_status(SIP_BAD_TO), 400);
}

static void test_phrases(void **state)
{
	(void)state;
	assert_span(sip_status_phrase(100), "Trying");
	assert_span(sip_status_phrase(404), "Not Found");
	assert_span(sip_status_phrase(407), "Proxy Authentication Required");
	assert_span(sip_status_phrase(499), "Bad Request");
	assert_span(sip_status_phrase(699), "Busy Everywhere");
	assert_span(sip_status_phrase(0), "Unknown");
	assert_span(sip_status_phrase(700), "Unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_name),
	    cmocka_unit_test(test_compact),
	    cmocka_unit_test(test_flags),
	    cmocka_unit_test(test_methods),
	    cmocka_unit_test(test_reasons),
	    cmocka_unit_test(test_phrases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
