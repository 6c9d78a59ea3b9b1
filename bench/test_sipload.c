/* SPDX-License-Identifier: MIT
 *
 * The generator's own reading, counting and hashing: what measures must be right first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sipload/digest.h"
#include "sipload/hist.h"

#define RESPONSE                                                                           \
	"SIP/2.0 401 Unauthorized\r\n"                                                     \
	"Via: SIP/2.0/UDP 127.0.0.1:5061;rport=5061;branch=z9hG4bK-00000001000000ff01\r\n" \
	"v: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bKother\r\n"                                 \
	"f: <sip:u@bench.test>;tag=00000001000000ff\r\n"                                   \
	"To: \"A;tag=no\" <sip:u@bench.test>;tag=x.y\r\n"                                  \
	"i: abc@sipload\r\n"                                                               \
	"CSeq:  7   REGISTER\r\n"                                                          \
	"Record-Route: <sip:127.0.0.1;a=b,c;lr>, <sip:127.0.0.2;lr>\r\n"                   \
	"WWW-Authenticate: Digest realm=\"bench.test\", qop=\"auth\", algorithm=SHA-256,"  \
	" nonce=\"n,1=\"\r\n"                                                              \
	"WWW-Authenticate: Digest realm=\"bench.test\",nonce=\"n2\",stale=true\r\n"        \
	"Content-Length: 0\r\n\r\n"

static void assert_span(struct span s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	assert_memory_equal(s.p, want, s.n);
}

static void test_response_is_read(void **state)
{
	struct wire w;
	(void)state;
	assert_true(wire_read(SPAN(RESPONSE), &w));
	assert_int_equal(w.status, 401);
	assert_int_equal(w.cseq, 7);
	assert_int_equal(w.vias, 2);
	assert_span(w.method, "REGISTER");
	assert_span(w.branch, "z9hG4bK-00000001000000ff01");
	assert_span(w.call_id, "abc@sipload");
	assert_span(wire_param(w.from, SPAN(";tag=")), "00000001000000ff");
	assert_int_equal(w.routes, 2);
	assert_span(w.route[0], "<sip:127.0.0.1;a=b,c;lr>");
	assert_span(wire_uri(w.route[1]), "sip:127.0.0.2;lr");
	assert_int_equal(w.copies, 7);
	assert_int_equal(w.to_line, 3);
}

static void test_broken_messages_are_refused(void **state)
{
	static const char *const broken[] = {
	    "",
	    "SIP/2.0 200 OK\r\n\r\n",
	    "SIP/2.0 99 No\r\nVia: a;branch=1\r\nFrom: a\r\nTo: a\r\nCall-ID: a\r\nCSeq: 1 "
	    "A\r\n\r\n",
	    "SIP/2.0 200 OK\r\nVia: a\r\nFrom: a\r\nTo: a\r\nCall-ID: a\r\nCSeq: 1 A\r\n\r\n",
	    "SIP/2.0 200 OK\r\nVia: a;branch=1\r\nFrom: a\r\nTo: a\r\nCall-ID: a\r\nCSeq: x "
	    "A\r\n\r\n",
	    "INVITE sip:a SIP/2.0\r\nVia: a;branch=1\r\nFrom: a\r\nTo: a\r\nCall-ID: a\r\n"
	    "CSeq: 1 BYE\r\n\r\n",
	    "INVITE sip:a HTTP/1.1\r\nVia: a;branch=1\r\nFrom: a\r\nTo: a\r\nCall-ID: a\r\n"
	    "CSeq: 1 INVITE\r\n\r\n",
	};
	struct wire w;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(broken); i++)
		assert_false(wire_read(span_str(broken[i]), &w));
	for (size_t n = 0; n + 4 < sizeof RESPONSE; n++)
		(void)wire_read(span_of(RESPONSE, n), &w);
}

static void test_challenge_of_the_hash_is_found(void **state)
{
	struct wire w;
	struct digest d;
	struct challenge c;
	(void)state;
	assert_true(wire_read(SPAN(RESPONSE), &w));
	assert_int_equal(digest_init(&d, DIGEST_SHA256), OK);
	assert_true(digest_challenge(&d, &w, &c));
	assert_span(c.nonce, "n,1=");
	assert_true(c.qop && !c.stale);
	digest_done(&d);
	assert_int_equal(digest_init(&d, DIGEST_MD5), OK);
	assert_true(digest_challenge(&d, &w, &c));
	assert_span(c.nonce, "n2");
	assert_true(!c.qop && c.stale);
	digest_done(&d);
}

/* RFC 2617 §3.5, without the parts that newer clients add. */
static void test_ha1(void **state)
{
	struct digest d;
	char hex[DIGEST_HEX_MAX];
	(void)state;
	assert_int_equal(digest_init(&d, DIGEST_MD5), OK);
	digest_ha1(&d, SPAN("Mufasa"), SPAN("testrealm@host.com"), SPAN("Circle Of Life"), hex);
	assert_string_equal(hex, "939e7578ed9e3c518a452acee763bce9");
	digest_done(&d);
}

static void test_percentiles(void **state)
{
	static struct hist h;
	(void)state;
	assert_int_equal(hist_percentile_ns(&h, 50), 0);
	for (uint64_t ns = 1; ns <= 100000; ns++)
		hist_add(&h, ns * 100);
	for (unsigned p = 1; p <= 100; p++) {
		uint64_t want = (uint64_t)p * 100000, got = hist_percentile_ns(&h, p);
		assert_in_range(got, want, want + want / 100);
	}
	assert_int_equal(hist_percentile_ns(&h, 100), 10000000);
	assert_int_equal(hist_mean_ns(&h), 5000050);
	hist_add(&h, UINT64_MAX);
	assert_int_equal(h.max_ns, UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_response_is_read),
	    cmocka_unit_test(test_broken_messages_are_refused),
	    cmocka_unit_test(test_challenge_of_the_hash_is_found),
	    cmocka_unit_test(test_ha1),
	    cmocka_unit_test(test_percentiles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
