/* SPDX-License-Identifier: MIT
 *
 * Messages out of a stream: cut anywhere, never confused about a length, never at odds with the
 * message parser. */
#include <stdlib.h>

#include "rig.h"
#include "sip/frame.h"

#define HEAD "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\n"

/* One run over a stream that arrives in pieces of `step` octets; the outcome as text: M<length> for
 * a message, P ping, C CRLF, B<slug> bad; then the octets left over. */
static void run(struct span stream, size_t step, const struct sip_limits *limits, struct buf *out)
{
	struct sip_framer framer = {0};
	size_t have = 0, start = 0;

	while (have < stream.n) {
		enum sip_frame r = SIP_FRAME_CRLF;

		have = MIN(stream.n, have + step);
		while (r != SIP_FRAME_MORE && r != SIP_FRAME_BAD) {
			size_t n = have - start, used;
			char *exact = rig_exact(span_of(stream.p + start, n));
			struct sip_parse_error error = {SIP_BAD_NONE, 0};
			struct span msg = {NULL, 0};

			r = sip_frame_next(&framer, limits, span_of(exact, n), &used, &msg, &error);
			if (r == SIP_FRAME_MESSAGE) {
				assert_ptr_equal(msg.p, exact);
				assert_int_equal(msg.n, used);
				buf_addf(out, "M%zu ", msg.n);
			} else if (r == SIP_FRAME_PING) {
				buf_add_lit(out, "P ");
			} else if (r == SIP_FRAME_CRLF) {
				buf_add_lit(out, "C ");
			} else if (r == SIP_FRAME_BAD) {
				buf_addf(out, "B%s ", sip_bad_slug(error.reason));
				assert_true(error.at <= n);
			} else {
				assert_int_equal(used, 0);
			}
			start += used;
			free(exact);
		}
		if (r == SIP_FRAME_BAD)
			return;
	}
	buf_addf(out, "+%zu", stream.n - start);
}

static void test_streams(void **state)
{
	static const struct {
		const char *in;
		const char *out; /* the message's length is that of `in` where it says M */
	} rows[] = {
	    {HEAD "Content-Length: 0\r\n\r\n", "M+0"},
	    {HEAD "l:0\n\n", "M+0"},
	    {HEAD "Content-Length: 5\r\n\r\nhello", "M+0"},
	    {HEAD "Content-Length :\r\n 5\r\n\r\nhello", "M+0"},
	    {HEAD "Content-Length: 00000000000000000005\r\n\r\nhello", "M+0"},
	    {HEAD "Content-Length: 5\r\n \r\n\r\nhello", "M+0"},
	    {HEAD "Content-Length: 5\r\n\r\nhel", "+"},
	    {HEAD "Content-Length: 5\r\n", "+"},
	    {HEAD "\r\n", "Bno-content-length "},
	    {HEAD "Content-Length: -1\r\n\r\n", "Bcontent-length "},
	    {HEAD "Content-Length: +1\r\n\r\n", "Bcontent-length "},
	    {HEAD "Content-Length: 1 0\r\n\r\n", "Bcontent-length "},
	    {HEAD "Content-Length: 0x1\r\n\r\n", "Bcontent-length "},
	    {HEAD "Content-Length: 1,1\r\n\r\n", "Bcontent-length "},
	    {HEAD "Content-Length: 1;x\r\n\r\n", "Bcontent-length "},
	    {HEAD "Content-Length:\r\n\r\n", "Bcontent-length "},
	    {HEAD "Content-Length: 4294967296\r\n\r\n", "Bcontent-length "},
	    {HEAD "Content-Length: 4294967301\r\n\r\n", "Bcontent-length "},
	    {HEAD "Content-Length: 18446744073709551616\r\n\r\n", "Bcontent-length "},
	    {HEAD "Content-Length: 21400000000000\r\n\r\n", "Bcontent-length "},
	    {HEAD "Content-Length: 000000000000000000005\r\n\r\n", "Bcontent-length "},
	    {HEAD "Content-Length: 4294967295\r\n\r\n", "Bbody-long "},
	    {HEAD "Content-Length: 2147483648\r\n\r\n", "Bbody-long "},
	    {HEAD "Content-Length: 65530\r\n\r\n", "Bmessage-long "},
	    {HEAD "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", "Bduplicate "},
	    {HEAD "Content-Length: 0\r\nl: 5\r\n\r\n", "Bduplicate "},
	    {HEAD "l : 0\r\ncontent-length\t: 5\r\n\r\n", "Bduplicate "},
	    {HEAD "X: a\rb\r\nl: 0\r\n\r\n", "Bbare-cr "},
	    {HEAD "X: a\x01\r\nl: 0\r\n\r\n", "Bcontrol "},
	    {HEAD "nonsense\r\nl: 0\r\n\r\n", "Bheader-name "},
	    {"\r\n", "C +0"},
	    {"\r\n\r\n", "P +0"},
	    {"\r\n\r\n\r\n", "P C +0"},
	    {"\r\n\r\n\r\n\r\n", "P P +0"},
	    {"\r", "+1"},
	    {"\rX", "Bbare-cr "},
	    {"\n", "Bnot-sip "},
	    {"\x16\x03\x01", "Bnot-sip "},
	    {" x", "Bnot-sip "},
	};
	char got[256], want[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span in = span_str(rows[i].in);
		struct buf expect = BUF(want);

		if (rows[i].out[0] == 'M')
			buf_addf(&expect, "M%zu +0", in.n);
		else if (!strcmp(rows[i].out, "+"))
			buf_addf(&expect, "+%zu", in.n);
		else
			buf_addf(&expect, "%s", rows[i].out);
		assert_true(buf_terminate(&expect));
		for (size_t step = 1; step <= in.n; step++) {
			struct buf out = BUF(got);

			run(in, step, &sip_limits_default, &out);
			/* A ping that comes in pieces is told as a CRLF and a ping. */
			if (rows[i].out[0] == 'P' && step < in.n)
				continue;
			assert_span(buf_span(&out), want);
		}
	}
}

static void test_ping_in_pieces(void **state)
{
	char text[64];
	struct buf out = BUF(text);

	(void)state;
	run(SPAN("\r\n\r\n"), 1, &sip_limits_default, &out);
	assert_span(buf_span(&out), "C P +0");
	out.n = 0;
	run(SPAN("\r\n\r\n\r\n\r\n\r\n"), 2, &sip_limits_default, &out);
	assert_span(buf_span(&out), "C P C P C +0");
	out.n = 0;
	run(SPAN("\r\n\r\n\r\n"), 3, &sip_limits_default, &out);
	assert_span(buf_span(&out), "C P C +0");
}

/* Several messages and keep-alives in one segment, and split at every octet. */
static void test_pipeline(void **state)
{
	static const char stream[] =
	    HEAD "l: 0\r\n\r\n\r\n" HEAD "l: 2\r\n\r\nab\r\n\r\n" HEAD "l: 0\r\n\r\n";
	char all[128], piece[128];
	struct buf want = BUF(all);

	(void)state;
	run(SPAN_OF(stream), sizeof(stream), &sip_limits_default, &want);
	assert_true(span_starts(buf_span(&want), SPAN("M")));
	for (size_t step = 4; step < sizeof(stream); step++) {
		struct buf out = BUF(piece);

		run(SPAN_OF(stream), step, &sip_limits_default, &out);
		/* Where a piece ends inside the ping it is told as CRLF and ping. */
		if (out.n == want.n)
			assert_true(span_eq(buf_span(&out), buf_span(&want)));
	}
}

/* CVE-2026-45103's shape: a second message in the body must never be taken for one. */
static void test_smuggling(void **state)
{
	static const char *const lengths[] = {"4294967296", "4294967297", "8589934592", "-0", "+0",
	    "0 ", " 0", "0\t", "0\r\n 0", "0\r\n\t5", "00", "0x0", "0.0", "", "0,0"};
	char text[2048], result[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct buf b = BUF(text), out = BUF(result);
		size_t head;

		buf_addf(&b, HEAD "Content-Length:%s\r\n\r\n", lengths[i]);
		head = b.n;
		buf_add_lit(&b, "REGISTER sip:h SIP/2.0\r\nl: 0\r\n\r\n");
		run(buf_span(&b), b.n, &sip_limits_default, &out);
		/* Either the stream is over, or the length was truly nought. */
		if (result[0] == 'M') {
			char want[32];
			struct buf w = BUF(want);

			buf_addf(&w, "M%zu ", head);
			assert_true(span_starts(buf_span(&out), buf_span(&w)));
		} else {
			assert_int_equal(result[0], 'B');
		}
	}
}

static void test_limits(void **state)
{
	struct sip_limits limits = sip_limits_default;
	static char text[70000];
	char result[128];
	struct buf b = BUF(text), out = BUF(result);

	(void)state;
	limits.start_line = 100;
	while (b.n < 200)
		buf_add_char(&b, 'A');
	run(buf_span(&b), 10, &limits, &out);
	assert_span(buf_span(&out), "Bstart-line-long ");
	/* Headers without end, line by line. */
	b.n = out.n = 0;
	buf_add_lit(&b, HEAD);
	while (b.n < sip_limits_default.message + 100)
		buf_add_lit(&b, "X: y\r\n");
	run(buf_span(&b), 1000, &sip_limits_default, &out);
	assert_span(buf_span(&out), "Bmessage-long ");
	b.n = out.n = 0;
	limits.body = 10;
	buf_add_lit(&b, HEAD "l: 11\r\n\r\n");
	run(buf_span(&b), 1000, &limits, &out);
	assert_span(buf_span(&out), "Bbody-long ");
}

/* The framer and the parser read the same: what is framed is parsed to its last octet, with the
 * same body, for all messages that can be made of these pieces. */
static void test_agreement(void **state)
{
	static const char *const pieces[] = {"\r\n", "\n", "\r", " ", "l: 1", "Content-Length : 2",
	    "X: \"a\\", "X:", "\r\n ", "\"", ":", "\r\n\r\n"};
	const size_t k = ARRAY_LEN(pieces);
	char text[512];

	(void)state;
	for (size_t i = 0; i < k * k * k * k * k; i++) {
		struct buf b = BUF(text);
		struct sip_framer framer = {0};
		struct sip_parse_error error;
		struct span msg;
		struct rig rig;
		size_t used;
		char *exact;

		buf_add_lit(&b, "OPTIONS sip:h SIP/2.0\r\n");
		for (size_t j = 0, rest = i; j < 5; j++, rest /= k)
			buf_add_span(&b, span_str(pieces[rest % k]));
		buf_add_lit(&b, "\r\nl: 0\r\n\r\nxyz");
		exact = rig_exact(buf_span(&b));
		if (sip_frame_next(&framer, &sip_limits_default, span_of(exact, b.n), &used, &msg,
			&error) == SIP_FRAME_MESSAGE) {
			rig_read(&rig, msg);
			assert_int_equal(rig.parsed, SIP_OK);
			assert_int_equal(rig.msg.text.n, msg.n);
			assert_int_equal(rig.msg.content_length, rig.msg.body.n);
			assert_int_equal(sip_msg_count(&rig.msg, SIP_HEADER_CONTENT_LENGTH), 1);
			rig_done(&rig);
		}
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_streams),
	    cmocka_unit_test(test_ping_in_pieces),
	    cmocka_unit_test(test_pipeline),
	    cmocka_unit_test(test_smuggling),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_agreement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
