/* SPDX-License-Identifier: MIT
 *
 * One event makes exactly one record in every format, and what strangers put into its texts reads
 * back as it was: nothing that they send can end a record or begin a field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "event/field.h"
#include "event/format.h"
#include "event/select.h"

#define TEXT(lit)                    \
	{                            \
		lit, sizeof(lit) - 1 \
	}

static const struct span nasty[] = {
    TEXT("plain"),
    TEXT("a\r\nb"),
    TEXT("\nCEF:0|x|y|1|auth.ok|z|1|act=pass"),
    TEXT("x act=pass src=192.0.2.1"),
    TEXT("x|y\\|z\\=w\\\\"),
    TEXT("\"] [forged@1 a=\"b\"]"),
    TEXT("\\\"]\\"),
    TEXT("\x1b[2J\x1b]0;owned\x07"),
    TEXT("\xe2\x80\xa8\xe2\x80\xa9\xc2\x85"),
    TEXT("\xe2\x80\xaegnp.exe\xe2\x81\xa6\xd8\x9c\xef\xbb\xbf"),
    TEXT("\xff\xfe\x80\xc0\xaf"),
    TEXT("gr\xc3\xbc\xc3\x9f\x65 \xf0\x9f\x98\x80"),
    TEXT("nul\0nul"),
    TEXT("%s%n%x{{7*7}}$(id)`id`"),
    TEXT("\t\x7f\x01"),
    TEXT(""),
    TEXT("account=root source=192.0.2.99 proven=yes"),
};

static void fill(struct event *e, struct span text)
{
	struct flow f = {.transport = TRANSPORT_UDP};

	assert_int_equal(addr_parse(SPAN("203.0.113.77:5060"), 0, &f.remote), OK);
	assert_int_equal(addr_parse(SPAN("192.0.2.10:5061"), 0, &f.local), OK);
	event_init(e, EVENT_VERDICT, REASON_AUTH_BAD_PASSWORD, UINT64_C(1767225600123456));
	event_set_source(e, &f, SPAN("public"), true);
	event_set_verdict(e, EVENT_MODE_ENFORCE, EVENT_REPLY, 401);
	event_set_text(e, EVENT_TEXT_METHOD, span_of(text.p, MIN(text.n, 16)));
	event_set_text(e, EVENT_TEXT_CALL_ID, text);
	event_set_text(e, EVENT_TEXT_FROM, text);
	event_set_text(e, EVENT_TEXT_TO, text);
	event_set_text(e, EVENT_TEXT_USER_AGENT, text);
	event_set_text(e, EVENT_TEXT_ACCOUNT, text);
	event_set_evidence_text(e, text);
}

static struct span write_record(
    struct event_format f, const struct event *e, char *text, size_t cap)
{
	char line[EVENT_JSON_MAX];
	struct buf json = BUF(line), b = buf_of(text, cap);

	event_write_json(e, SPAN("edge-1"), &json);
	event_format_write(&f, e, buf_span(&json), SPAN("edge-1"), &b);
	assert_false(b.overflow);
	return buf_span(&b);
}

static void assert_one_line(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		assert_true(c >= 0x20 && c != 0x7f);
		assert_false(c == 0xc2 && (unsigned char)s.p[i + 1] < 0xa0);
		assert_false(c == 0xe2 && !memcmp(s.p + i, "\xe2\x80\xa8", 3));
	}
}

/* Takes away one layer of backslashes, up to `end` unescaped; returns the length. */
static size_t unescape(struct span s, const char *end, char *out, size_t *out_used)
{
	size_t n = 0, i = 0;

	for (; i < s.n && !strchr(end, s.p[i]); i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		out[n++] = s.p[i];
	}
	*out_used = i;
	return n;
}

static int hex(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* The octets behind utf8_add_shown. */
static size_t unshow(const char *p, size_t n, char *out)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\\' && p[i + 1] == 'x') {
			out[k++] = (char)(hex(p[i + 2]) << 4 | hex(p[i + 3]));
			i += 3;
		} else {
			i += p[i] == '\\';
			out[k++] = p[i];
		}
	}
	return k;
}

/* The value behind `key` up to the unescaped end is the text. */
static void assert_value(struct span record, const char *key, const char *end, struct span text)
{
	const char *at = memmem(record.p, record.n, key, strlen(key));
	char once[4096], twice[4096];
	size_t used, n;

	assert_non_null(at);
	n = unescape(span_from(record, at + strlen(key)), end, once, &used);
	n = unshow(once, n, twice);
	assert_int_equal(n, text.n);
	assert_memory_equal(twice, text.p, n);
	/* The key stands there once: nobody made another. */
	assert_null(memmem(at + 1, record.n - (size_t)(at + 1 - record.p), key, strlen(key)));
}

/* Cuts the value at " KEY=" as readers of CEF do: = in a value has a backslash. */
static struct span cef_value(struct span record, const char *key)
{
	const char *at = memmem(record.p, record.n, key, strlen(key));
	struct span rest;
	size_t i = 0;

	assert_non_null(at);
	rest = span_from(record, at + strlen(key));
	for (; i < rest.n && rest.p[i] != '='; i++)
		i += rest.p[i] == '\\';
	if (i < rest.n)
		while (i > 0 && rest.p[i] != ' ')
			i--;
	return span_of(rest.p, i);
}

static void test_cef(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(nasty); i++) {
		char text[EVENT_RECORD_MAX], once[4096], twice[4096];
		struct span r, v;
		struct event e;
		size_t n, used, pipes = 0;

		fill(&e, nasty[i]);
		r = write_record(
		    (struct event_format){.kind = EVENT_FORMAT_CEF}, &e, text, sizeof(text));
		assert_one_line(r);
		assert_true(span_starts(r, SPAN("CEF:0|ringfence|ringfence|")));
		for (size_t k = 0; k < r.n && pipes < 7; k++)
			pipes += r.p[k] == '|' && r.p[k - 1] != '\\';
		assert_int_equal(pipes, 7);
		v = cef_value(r, " suser=");
		n = unescape(v, "", once, &used);
		n = unshow(once, n, twice);
		assert_int_equal(n, nasty[i].n);
		assert_memory_equal(twice, nasty[i].p, n);
		assert_int_equal(cef_value(r, " act=").n, 5);
		assert_memory_equal(cef_value(r, " act=").p, "reply", 5);
		v = cef_value(r, " src=");
		assert_true(span_eq(v, SPAN("203.0.113.77")));
	}
}

static void test_syslog(void **state UNUSED)
{
	static const char head[] = "<133>1 2026-01-01T00:00:00.123456Z edge-1 ringfence ";

	for (size_t i = 0; i < ARRAY_LEN(nasty); i++) {
		struct event_format f = {.kind = EVENT_FORMAT_SYSLOG, .facility = 16};
		char text[EVENT_RECORD_MAX];
		struct event e;
		struct span r;
		const char *msg;
		json_t *t;

		fill(&e, nasty[i]);
		r = write_record(f, &e, text, sizeof(text));
		assert_one_line(r);
		assert_true(span_starts(r, span_str(head)));
		assert_value(r, " account=\"", "\"", nasty[i]);
		msg = memmem(r.p, r.n, "] {\"ts\":", 8);
		assert_non_null(msg);
		t = json_loadb(msg + 2, r.n - (size_t)(msg + 2 - r.p), JSON_ALLOW_NUL, NULL);
		assert_true(json_is_object(t));
		json_decref(t);
		f.cef = true;
		r = write_record(f, &e, text, sizeof(text));
		assert_one_line(r);
		assert_non_null(memmem(r.p, r.n, "] CEF:0|", 8));
	}
}

static void test_fail2ban(void **state UNUSED)
{
	static const char *const ends[] = {" spare=no", " spare=yes"};
	static const char head[] =
	    "2026-01-01T00:00:00.123456Z ringfence[edge-1]: auth.bad-password "
	    "source=203.0.113.77 proven=yes transport=udp port=5060 account=";

	for (size_t i = 0; i < ARRAY_LEN(nasty); i++) {
		char text[EVENT_RECORD_MAX], back[256];
		size_t n = 0;
		struct event e;
		struct span r, tail;

		fill(&e, nasty[i]);
		e.spare = i % 2;
		r = write_record(
		    (struct event_format){.kind = EVENT_FORMAT_FAIL2BAN}, &e, text, sizeof(text));
		assert_true(span_starts(r, span_str(head)));
		r = span_from(r, r.p + sizeof(head) - 1);
		tail = span_str(ends[e.spare]);
		assert_true(r.n > tail.n);
		r.n -= tail.n;
		assert_memory_equal(r.p + r.n, tail.p, tail.n);
		for (size_t k = 0; k < r.n; k++) {
			char c = r.p[k];

			assert_true(c > ' ' && c < 0x7f && c != '=' && c != ':');
			if (c == '%') {
				char pair[3] = {r.p[k + 1], r.p[k + 2], 0};

				c = (char)strtoul(pair, NULL, 16);
				k += 2;
			}
			back[n++] = c;
		}
		if (nasty[i].n == 0)
			continue; /* "-" */
		assert_int_equal(n, nasty[i].n);
		assert_memory_equal(back, nasty[i].p, n);
	}
}

static unsigned u16_at(const char *p)
{
	return (unsigned)(unsigned char)p[0] << 8 | (unsigned char)p[1];
}

/* Walks the chunks; gives the value of one. */
static struct span hep_chunk(struct span r, unsigned vendor, unsigned type)
{
	struct span found = {NULL, 0};
	size_t i = 6;

	assert_memory_equal(r.p, "HEP3", 4);
	assert_int_equal(u16_at(r.p + 4), r.n);
	while (i < r.n) {
		size_t n = u16_at(r.p + i + 4);

		assert_true(n >= 6 && i + n <= r.n);
		if (u16_at(r.p + i) == vendor && u16_at(r.p + i + 2) == type)
			found = span_of(r.p + i + 6, n - 6);
		i += n;
	}
	assert_int_equal(i, r.n);
	return found;
}

static void test_hep(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(nasty); i++) {
		struct event_format f = {.kind = EVENT_FORMAT_HEP, .capture_id = 7};
		char text[EVENT_RECORD_MAX];
		struct event e;
		struct span r;

		fill(&e, nasty[i]);
		r = write_record(f, &e, text, sizeof(text));
		assert_true(span_eq(hep_chunk(r, 0, 0x11), nasty[i]));
		assert_true(span_eq(hep_chunk(r, 0, 3), span_of("\xcb\x00\x71\x4d", 4)));
		assert_true(span_eq(hep_chunk(r, 0, 4), span_of("\xc0\x00\x02\x0a", 4)));
		assert_int_equal(u16_at(hep_chunk(r, 0, 7).p), 5060);
		assert_int_equal(u16_at(hep_chunk(r, 0, 8).p), 5061);
		assert_int_equal(hep_chunk(r, 0, 11).p[0], 100);
		assert_true(span_eq(hep_chunk(r, 0x5246, 1), SPAN("reply")));
		assert_true(span_eq(hep_chunk(r, 0x5246, 2), SPAN("auth.bad-password")));
	}
}

/* Environment: only words of ours, each once; then the JSON. */
static void test_exec(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(nasty); i++) {
		char text[EVENT_RECORD_MAX];
		struct event e;
		struct span r;
		size_t at = 0;
		json_t *t;

		fill(&e, nasty[i]);
		r = write_record(
		    (struct event_format){.kind = EVENT_FORMAT_EXEC}, &e, text, sizeof(text));
		while (text[at]) {
			assert_memory_equal(text + at, "RINGFENCE_", 10);
			if (nasty[i].n > 3)
				assert_null(strstr(text + at, nasty[i].p));
			at += strlen(text + at) + 1;
		}
		assert_non_null(memmem(text, at, "RINGFENCE_SOURCE_IP=203.0.113.77", 33));
		assert_non_null(memmem(text, at, "RINGFENCE_REASON=auth.bad-password", 35));
		t = json_loadb(r.p + at + 1, r.n - at - 1, JSON_ALLOW_NUL, NULL);
		assert_true(json_is_object(t));
		json_decref(t);
	}
}

/* The longest texts, all of octets that need the longest escape, fit into a record. */
static void test_longest(void **state UNUSED)
{
	char long_text[1000], text[EVENT_RECORD_MAX];
	struct event e;

	memset(long_text, 0xff, sizeof(long_text));
	fill(&e, span_of(long_text, sizeof(long_text)));
	for (unsigned k = EVENT_FORMAT_JSON; k <= EVENT_FORMAT_EXEC; k++)
		for (unsigned cef = 0; cef < 2; cef++) {
			struct event_format f = {.kind = (enum event_format_kind)k, .cef = cef};

			assert_true(write_record(f, &e, text, sizeof(text)).n > 100);
		}
}

static void test_offences(void **state UNUSED)
{
	static const struct {
		enum reason reason;
		enum event_mode mode;
		bool counts;
	} rows[] = {
	    {REASON_AUTH_CHALLENGE, EVENT_MODE_ENFORCE, false},
	    {REASON_AUTH_STALE, EVENT_MODE_ENFORCE, false},
	    {REASON_AUTH_OK, EVENT_MODE_ENFORCE, false},
	    {REASON_AUTH_FORGED_NONCE, EVENT_MODE_ENFORCE, false},
	    {REASON_AUTH_WRONG_SOURCE, EVENT_MODE_ENFORCE, false},
	    {REASON_AUTH_BAD_PASSWORD, EVENT_MODE_ENFORCE, true},
	    {REASON_AUTH_BAD_PASSWORD, EVENT_MODE_OBSERVE, false},
	    {REASON_AUTH_UNKNOWN_USER, EVENT_MODE_ENFORCE, true},
	    {REASON_SCAN_SIGNATURE, EVENT_MODE_ENFORCE, true},
	    {REASON_GUESSING_ACCOUNT, EVENT_MODE_ENFORCE, false},
	    {REASON_STANDING_BANNED, EVENT_MODE_ENFORCE, true},
	    {REASON_STANDING_BANNED, EVENT_MODE_OBSERVE, false},
	    {REASON_STANDING_UNBANNED, EVENT_MODE_ENFORCE, false},
	    {REASON_DAEMON_START, EVENT_MODE_ENFORCE, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct event e;

		fill(&e, SPAN("x"));
		e.reason = (uint16_t)rows[i].reason;
		e.mode = (uint8_t)rows[i].mode;
		assert_int_equal(event_is_offence(&e), rows[i].counts);
	}
}

static void test_select(void **state UNUSED)
{
	struct event_select s = event_select_all();
	struct event e;

	fill(&e, SPAN("x"));
	assert_true(event_select_wants(&s, &e));
	assert_int_equal(event_select_add_reason(&s, SPAN("aut")), ERR_NOT_FOUND);
	assert_int_equal(event_select_add_reason(&s, SPAN("")), ERR_NOT_FOUND);
	assert_true(event_select_wants(&s, &e));
	assert_int_equal(event_select_add_reason(&s, SPAN("scan")), OK);
	assert_false(event_select_wants(&s, &e));
	assert_int_equal(event_select_add_reason(&s, SPAN("auth.")), OK);
	assert_true(event_select_wants(&s, &e));
	s.tiers = 1u << EVENT_TIER_DENIED;
	assert_false(event_select_wants(&s, &e));
	e.tier = EVENT_TIER_DENIED;
	assert_true(event_select_wants(&s, &e));
	e.reason = REASON_COUNT - 1;
	assert_false(event_select_wants(&s, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cef),
	    cmocka_unit_test(test_syslog),
	    cmocka_unit_test(test_fail2ban),
	    cmocka_unit_test(test_hep),
	    cmocka_unit_test(test_exec),
	    cmocka_unit_test(test_longest),
	    cmocka_unit_test(test_offences),
	    cmocka_unit_test(test_select),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
