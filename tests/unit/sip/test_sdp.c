/* SPDX-License-Identifier: MIT
 *
 * Session descriptions: what is read, what is refused, truncation at every octet. */
#include <stdlib.h>

#include "rig.h"
#include "sip/sdp.h"

#define V   "v=0\r\n"
#define O   "o=- 1 1 IN IP4 192.0.2.1\r\n"
#define S   "s=-\r\n"
#define C   "c=IN IP4 192.0.2.1\r\n"
#define T   "t=0 0\r\n"
#define M   "m=audio 4000 RTP/AVP 0 8\r\n"
#define TOP V O S C T

static enum sip_bad parse(struct span text, struct sip_sdp *sdp)
{
	char *exact = rig_exact(text);
	struct sip_parse_error error = {SIP_BAD_NONE, 0};
	struct span rest;
	struct sip_sdp_media m;
	size_t n = 0;

	if (sip_sdp_parse(span_of(exact, text.n), &sip_limits_default, sdp, &error) == SIP_OK) {
		rest = sdp->media;
		while (sip_sdp_next_media(&rest, &m) == SIP_OK)
			n++;
		assert_int_equal(n, sdp->n_media);
		error.reason = SIP_BAD_NONE;
	}
	assert_true(error.at <= text.n);
	free(exact);
	return error.reason;
}

static void test_read(void **state)
{
	static const char text[] =
	    V "o=alice 28908 0028 IN IP6 2001:db8::1\r\ns=A call\nc=IN IP4 224.2.1.1/127/3\r\n"
	      "b=AS:64\r\n" T "a=sendonly\r\n" M "c=IN IP4 192.0.2.9\r\na=rtpmap:0 PCMU/8000\r\n"
	      "a=inactive\r\nm=video 49170/2 RTP/SAVPF 31\r\ni=x\r\nm=image 0 udptl t38";
	struct sip_parse_error error;
	struct sip_sdp sdp;
	struct sip_sdp_media m;
	struct span rest, fmt;

	(void)state;
	assert_int_equal(sip_sdp_parse(SPAN_OF(text), &sip_limits_default, &sdp, &error), SIP_OK);
	assert_int_equal(sdp.n_media, 3);
	assert_int_equal(sdp.direction, SIP_SDP_SENDONLY);
	assert_span(sdp.connection.address, "224.2.1.1");
	assert_span(sdp.origin_host, "2001:db8::1");
	assert_span(sdp.session_name, "A call");
	rest = sdp.media;
	assert_int_equal(sip_sdp_next_media(&rest, &m), SIP_OK);
	assert_span(m.media, "audio");
	assert_int_equal(m.port, 4000);
	assert_int_equal(m.n_fmts, 2);
	assert_int_equal(m.direction, SIP_SDP_INACTIVE);
	assert_span(m.connection.address, "192.0.2.9");
	assert_int_equal(sip_sdp_next_fmt(&m.fmts, &fmt), SIP_OK);
	assert_span(fmt, "0");
	assert_int_equal(sip_sdp_next_fmt(&m.fmts, &fmt), SIP_OK);
	assert_span(fmt, "8");
	assert_int_equal(sip_sdp_next_fmt(&m.fmts, &fmt), SIP_END);
	assert_int_equal(sip_sdp_next_media(&rest, &m), SIP_OK);
	assert_int_equal(m.port_count, 2);
	assert_span(m.proto, "RTP/SAVPF");
	assert_span(m.lines, "i=x\r\n");
	assert_int_equal(sip_sdp_next_media(&rest, &m), SIP_OK);
	assert_int_equal(m.port, 0);
	assert_span(m.lines, "");
	assert_int_equal(sip_sdp_next_media(&rest, &m), SIP_END);
}

static void test_rows(void **state)
{
	static const struct {
		const char *text;
		enum sip_bad reason;
	} rows[] = {
	    {TOP M, SIP_BAD_NONE},
	    {TOP, SIP_BAD_NONE},
	    {V O S T M C, SIP_BAD_NONE},
	    {V O S T T T M C, SIP_BAD_NONE},
	    {V O "s= \r\n" C T M "\r\n\r\n", SIP_BAD_NONE},
	    {TOP "m=audio 0 RTP/AVP 0\r\n", SIP_BAD_NONE},
	    {V O S T "m=audio 0 RTP/AVP 0\r\n", SIP_BAD_NONE},
	    {TOP M "a=rtpmap:101 telephone-event/8000", SIP_BAD_NONE},
	    {TOP M "a=fmtp:101 0-15\r\na=send\r\n", SIP_BAD_NONE},
	    {"", SIP_BAD_SDP},
	    {"v=1\r\n" O S, SIP_BAD_SDP},
	    {O V S, SIP_BAD_SDP},
	    {V S C T M, SIP_BAD_SDP_ORIGIN},
	    {V O C T M, SIP_BAD_SDP},
	    {V O O S C T, SIP_BAD_SDP_ORIGIN},
	    {V "o=- 1 1 IN IP4\r\n" S, SIP_BAD_SDP_ORIGIN},
	    {V "o=- 1 1 IN IP4 h x\r\n" S, SIP_BAD_SDP_ORIGIN},
	    {V "o=\r\n" S, SIP_BAD_SDP_ORIGIN},
	    {V O S "c=\r\n", SIP_BAD_SDP_CONNECTION},
	    {V O S "c=IN\r\n", SIP_BAD_SDP_CONNECTION},
	    {V O S "c=IN IP4\r\n", SIP_BAD_SDP_CONNECTION},
	    {V O S "c=IN IP4 \r\n", SIP_BAD_SDP_CONNECTION},
	    {V O S "c=IN IP4 /127\r\n", SIP_BAD_SDP_CONNECTION},
	    {V O S T M, SIP_BAD_SDP_CONNECTION},
	    {V O S "t=0\r\n", SIP_BAD_SDP},
	    {V O S "t=a b\r\n", SIP_BAD_SDP},
	    {V O S "b=AS\r\n", SIP_BAD_SDP_BANDWIDTH},
	    {"b=AS\r\n" V O S, SIP_BAD_SDP},
	    {V O S "b=AS:\r\n", SIP_BAD_SDP_BANDWIDTH},
	    {V O S "b=AS:-1\r\n", SIP_BAD_SDP_BANDWIDTH},
	    {V O S "b=:1\r\n", SIP_BAD_SDP_BANDWIDTH},
	    {V O S "b=", SIP_BAD_SDP_BANDWIDTH},
	    {TOP M "a=", SIP_BAD_SDP_ATTRIBUTE},
	    {TOP M "a=:x", SIP_BAD_SDP_ATTRIBUTE},
	    {TOP M "a=fmtp:", SIP_BAD_SDP_ATTRIBUTE},
	    {TOP M "a=rtpmap:101", SIP_BAD_SDP_ATTRIBUTE},
	    {TOP M "a=rtpmap:101 ", SIP_BAD_SDP_ATTRIBUTE},
	    {TOP M "a=rtpmap:x y", SIP_BAD_SDP_ATTRIBUTE},
	    {TOP M "a=rtpmap:4294967296 y", SIP_BAD_SDP_ATTRIBUTE},
	    {TOP "m=audio\r\n", SIP_BAD_SDP_MEDIA},
	    {TOP "m=audio 4000 RTP/AVP\r\n", SIP_BAD_SDP_MEDIA},
	    {TOP "m=audio 4000 RTP/AVP \r\n", SIP_BAD_SDP_MEDIA},
	    {TOP "m=audio 65536 RTP/AVP 0\r\n", SIP_BAD_SDP_MEDIA},
	    {TOP "m=audio -1 RTP/AVP 0\r\n", SIP_BAD_SDP_MEDIA},
	    {TOP "m=audio 4294967296 RTP/AVP 0\r\n", SIP_BAD_SDP_MEDIA},
	    {TOP "m=audio 4000/0 RTP/AVP 0\r\n", SIP_BAD_SDP_MEDIA},
	    {TOP "m=audio 4000/ RTP/AVP 0\r\n", SIP_BAD_SDP_MEDIA},
	    {TOP "m=audio 4000 RTP/AVP 0  8\r\n", SIP_BAD_SDP_MEDIA},
	    {TOP "m =audio 4000 RTP/AVP 0\r\n", SIP_BAD_SDP},
	    {TOP M "v=0\r\n", SIP_BAD_SDP},
	    {TOP M "s=x\r\n", SIP_BAD_SDP},
	    {TOP M "\r\nContent-Length: 0\r\n", SIP_BAD_SDP},
	    {TOP M "x\r\n", SIP_BAD_SDP},
	    {TOP M "q=x\r\n", SIP_BAD_SDP},
	    {TOP M "i=a\rb\r\n", SIP_BAD_SDP},
	    {"testing=123\r\n", SIP_BAD_SDP},
	};
	struct sip_sdp sdp;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		rig_assert_reason(
		    parse(span_str(rows[i].text), &sdp), rows[i].reason, rows[i].text);
	rig_assert_reason(parse(SPAN(V O S "i=a\0b\r\n"), &sdp), SIP_BAD_SDP, "NUL");
}

static void test_limits(void **state)
{
	struct sip_limits limits = sip_limits_default;
	struct sip_parse_error error;
	static char text[65536];
	struct buf b = BUF(text);
	struct sip_sdp sdp;
	struct sip_sdp_media m;
	struct span rest;

	(void)state;
	limits.sdp_media = 2;
	limits.sdp_lines = 8;
	assert_int_equal(sip_sdp_parse(SPAN(TOP M M), &limits, &sdp, &error), SIP_OK);
	assert_int_equal(sip_sdp_parse(SPAN(TOP M M M), &limits, &sdp, &error), SIP_BAD);
	rig_assert_reason(error.reason, SIP_BAD_SDP_LINES, "media");
	assert_int_equal(
	    sip_sdp_parse(SPAN(TOP M "a=x\r\na=x\r\na=x\r\n"), &limits, &sdp, &error), SIP_BAD);
	rig_assert_reason(error.reason, SIP_BAD_SDP_LINES, "lines");
	/* A hundred payloads, and ten thousand. */
	buf_add_lit(&b, TOP "m=audio 4000 RTP/AVP");
	for (unsigned i = 0; i < 10000; i++)
		buf_addf(&b, " %u", i);
	buf_add_lit(&b, "\r\n");
	assert_int_equal(sip_sdp_parse(buf_span(&b), &sip_limits_default, &sdp, &error), SIP_OK);
	rest = sdp.media;
	assert_int_equal(sip_sdp_next_media(&rest, &m), SIP_OK);
	assert_int_equal(m.n_fmts, 10000);
}

static void test_truncated(void **state)
{
	static const struct span text = {TOP M
	    "b=AS:64\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv",
	    sizeof(TOP M "b=AS:64\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv") - 1};
	struct sip_sdp sdp;

	(void)state;
	for (size_t n = 0; n <= text.n; n++)
		(void)parse(span_of(text.p, n), &sdp);
	assert_int_equal(parse(text, &sdp), SIP_BAD_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_read),
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
