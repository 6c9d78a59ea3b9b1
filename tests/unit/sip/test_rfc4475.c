/* SPDX-License-Identifier: MIT
 *
 * RFC 4475: every message is handled as the RFC says. Messages are read as datagrams. */
#include <stdlib.h>

#include "rig.h"
#include "sip/auth.h"
#include "sip/sdp.h"

struct row {
	const char *name;
	enum sip_bad parse; /* what sip_msg_parse says */
	enum sip_bad check; /* what sip_check says */
	uint16_t status;    /* the answer; 0: none */
	void (*meaning)(const struct rig *rig);
};

/* §3.1.1.1 */
static void wsinv(const struct rig *rig)
{
	struct sip_values it = sip_values_of(&rig->msg, SIP_HEADER_VIA);
	struct sip_nameaddr contact;
	struct sip_param param;
	struct sip_via via;
	struct sip_sdp sdp;
	struct sip_parse_error error;
	char text[64];
	struct buf out = BUF(text);
	uint16_t q;

	assert_int_equal(rig->msg.max_forwards, 68);
	assert_int_equal(rig->msg.cseq, 9);
	assert_int_equal(rig->msg.content_length, 150);
	assert_span(rig->parts.to_tag, "1918181833n");
	assert_span(rig->parts.from_tag, "98asjd8");
	sip_unquote(rig->parts.from.display, &out);
	assert_span(buf_span(&out), "J Rosenberg \\\"");
	assert_true(sip_uri_param(&rig->parts.uri, SPAN("unknownparam"), &param));
	assert_int_equal(sip_values_next_via(&it, &sip_limits_default, &via), SIP_OK);
	assert_span(via.sent_by.text, "192.0.2.2");
	assert_span(via.branch, "390skdjuw");
	assert_false(sip_via_is_rfc3261(&via));
	assert_int_equal(sip_values_next_via(&it, &sip_limits_default, &via), SIP_OK);
	assert_span(via.sent_by.text, "spindle.example.com");
	assert_int_equal(via.transport_id, TRANSPORT_TCP);
	assert_span(via.branch, "z9hG4bK9ikj8");
	assert_int_equal(sip_values_next_via(&it, &sip_limits_default, &via), SIP_OK);
	assert_span(via.branch, "z9hG4bK30239");
	assert_int_equal(sip_values_next_via(&it, &sip_limits_default, &via), SIP_END);
	assert_span(sip_msg_value(&rig->msg, SIP_HEADER_SUBJECT), "");
	assert_int_equal(
	    sip_nameaddr_parse(sip_msg_value(&rig->msg, SIP_HEADER_CONTACT), &contact), SIP_OK);
	assert_span(contact.uri, "sip:jdrosen@example.com");
	assert_int_equal(sip_nameaddr_q(&contact, &q), SIP_OK);
	assert_int_equal(q, 330);
	assert_true(sip_nameaddr_param(&contact, SPAN("newparam"), &param));
	assert_span(param.value, "newvalue");
	assert_true(sip_nameaddr_param(&contact, SPAN("secondparam"), &param));
	assert_false(param.has_value);
	assert_int_equal(sip_sdp_parse(rig->msg.body, &sip_limits_default, &sdp, &error), SIP_OK);
	assert_int_equal(sdp.n_media, 2);
}

/* §3.1.1.2 */
static void intmeth(const struct rig *rig)
{
	assert_int_equal(rig->msg.method, SIP_METHOD_UNKNOWN);
	assert_span(rig->msg.method_name, "!interesting-Method0123456789_*+`.%indeed'~");
	assert_span(rig->parts.uri.user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
	assert_span(rig->parts.uri.password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
	assert_span(rig->parts.uri.host.text, "example.com");
	assert_int_equal(rig->parts.to.display.n, 20);
	assert_span(rig->parts.from.display, "token1~` token2'+_ token3*%!.-");
	assert_span(rig->parts.from_tag, "_token~1'+`*%!-.");
	assert_int_equal(rig->msg.max_forwards, 255);
	assert_non_null(sip_msg_find(&rig->msg, SPAN("EXTENSIONHEADER-!.%*+_`'~")));
}

/* §3.1.1.3 */
static void esc01(const struct rig *rig)
{
	char text[128];
	struct buf out = BUF(text);
	struct sip_nameaddr contact;
	struct sip_parse_error error;
	struct sip_param param;
	struct sip_uri uri;

	assert_int_equal(sip_uri_write_aor(&rig->parts.uri, &out), OK);
	assert_span(buf_span(&out), "sip:sips%3Auser%40example.com@example.net");
	out.n = 0;
	assert_int_equal(sip_uri_write_aor(&rig->parts.to_uri, &out), OK);
	assert_span(buf_span(&out), "sip:user@example.com");
	assert_int_equal(
	    sip_nameaddr_parse(sip_msg_value(&rig->msg, SIP_HEADER_CONTACT), &contact), SIP_OK);
	assert_int_equal(sip_uri_parse(contact.uri, &sip_limits_default, &uri, &error), SIP_OK);
	assert_true(sip_uri_param(&uri, SPAN("lr"), &param));
	assert_true(sip_uri_param(&uri, SPAN("name"), &param));
	assert_span(param.value, "v%61lue%25%34%31");
}

/* §3.1.1.4: two contacts that differ only behind a NUL are two. */
static void escnull(const struct rig *rig)
{
	struct sip_values it = sip_values_of(&rig->msg, SIP_HEADER_CONTACT);
	struct sip_nameaddr a, b;
	struct sip_uri x, y;
	struct sip_parse_error error;

	assert_int_equal(sip_values_next_nameaddr(&it, &a), SIP_OK);
	assert_int_equal(sip_values_next_nameaddr(&it, &b), SIP_OK);
	assert_int_equal(sip_uri_parse(a.uri, &sip_limits_default, &x, &error), SIP_OK);
	assert_int_equal(sip_uri_parse(b.uri, &sip_limits_default, &y, &error), SIP_OK);
	assert_false(sip_uri_equal(&x, &y));
	assert_false(sip_user_equal(x.user, y.user));
}

/* §3.1.1.5: %47 is no escape in a method or a header name. */
static void esc02(const struct rig *rig)
{
	assert_int_equal(rig->msg.method, SIP_METHOD_UNKNOWN);
	assert_int_equal(sip_msg_count(&rig->msg, SIP_HEADER_CONTACT), 2);
	assert_span(rig->parts.to.display, "%Z%45");
}

/* §3.1.1.6 */
static void lwsdisp(const struct rig *rig)
{
	assert_span(rig->parts.from.display, "caller");
	assert_span(rig->parts.from_tag, "323");
}

/* §3.1.1.7 */
static void longreq(const struct rig *rig)
{
	assert_int_equal(sip_msg_count(&rig->msg, SIP_HEADER_VIA), 34);
	assert_int_equal(rig->parts.to_uri.host.port, 6000);
	assert_int_equal(rig->msg.body.n, 150);
}

/* §3.1.1.8: what follows in the datagram is not part of the request. */
static void dblreq(const struct rig *rig)
{
	assert_int_equal(rig->msg.method, SIP_METHOD_REGISTER);
	assert_int_equal(rig->msg.body.n, 0);
	assert_span(rig->msg.call_id, "dblreq.0ha0isndaksdj99sdfafnl3lk233412");
}

/* §3.1.1.9 */
static void semiuri(const struct rig *rig)
{
	assert_span(rig->parts.uri.user, "user;par=u%40example.net");
	assert_int_equal(rig->parts.uri.params.n, 0);
	assert_true(sip_msg_lists(&rig->msg, SIP_HEADER_ACCEPT, SPAN("message/sipfrag")));
}

/* §3.1.1.10 */
static void transports(const struct rig *rig)
{
	static const enum transport want[] = {
	    TRANSPORT_UDP, TRANSPORT_NONE, TRANSPORT_TLS, TRANSPORT_NONE, TRANSPORT_TCP};
	struct sip_values it = sip_values_of(&rig->msg, SIP_HEADER_VIA);
	struct sip_via via;

	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		assert_int_equal(sip_values_next_via(&it, &sip_limits_default, &via), SIP_OK);
		assert_int_equal(via.transport_id, want[i]);
	}
}

/* §3.1.1.11: octets of any value in the body. */
static void mpart01(const struct rig *rig)
{
	assert_non_null(memchr(rig->msg.body.p, '\0', rig->msg.body.n));
	assert_int_equal(rig->msg.body.n, rig->msg.content_length);
}

/* §3.1.1.12 */
static void unreason(const struct rig *rig)
{
	assert_int_equal(rig->msg.status, 200);
	assert_true(span_starts(rig->msg.phrase, SPAN("= 2**3 * 5**2 \xd0\xbd")));
	assert_int_equal(rig->msg.method, SIP_METHOD_INVITE);
}

/* §3.1.1.13 */
static void noreason(const struct rig *rig)
{
	assert_int_equal(rig->msg.status, 100);
	assert_int_equal(rig->msg.phrase.n, 0);
}

/* §3.2.1: the cookie alone is a branch that says nothing. */
static void badbranch(const struct rig *rig)
{
	assert_span(rig->msg.via.branch, "z9hG4bK");
}

/* §3.3.4: well-formed; the registrar has no use for such an address-of-record. */
static void unksm2(const struct rig *rig)
{
	assert_int_equal(rig->parts.to_uri.kind, SIP_SCHEME_OTHER);
	assert_int_equal(rig->parts.from_uri.kind, SIP_SCHEME_OTHER);
}

/* §3.3.5: whether to answer 420 is for those who know what they support. */
static void bext01(const struct rig *rig)
{
	assert_true(
	    sip_msg_lists(&rig->msg, SIP_HEADER_PROXY_REQUIRE, SPAN("norDoAnyProxiesSupportThis")));
	assert_int_equal(rig->msg.via.transport_id, TRANSPORT_TLS);
}

/* §3.3.7 */
static void regaut01(const struct rig *rig)
{
	struct sip_parse_error error;
	struct sip_auth auth;

	assert_int_equal(
	    sip_auth_parse_credentials(sip_msg_value(&rig->msg, SIP_HEADER_AUTHORIZATION),
		&sip_limits_default, &auth, &error),
	    SIP_BAD);
	rig_assert_reason(error.reason, SIP_BAD_AUTH_SCHEME, "regaut01");
}

/* §3.3.10: two Vias in a response; the second one is not for us to believe. */
static void bcast(const struct rig *rig)
{
	assert_int_equal(sip_msg_count(&rig->msg, SIP_HEADER_VIA), 2);
	assert_int_equal(rig->msg.status, 200);
}

/* §3.3.11: valid until somebody wants to forward it. */
static void zeromf(const struct rig *rig)
{
	struct sip_finding finding;

	assert_int_equal(sip_check_forward(&rig->msg, &finding), SIP_BAD);
	assert_int_equal(finding.status, 483);
}

/* §3.3.12: without brackets it is a header parameter. */
static void cparam01(const struct rig *rig)
{
	struct sip_nameaddr contact;
	struct sip_param param;

	assert_int_equal(
	    sip_nameaddr_parse(sip_msg_value(&rig->msg, SIP_HEADER_CONTACT), &contact), SIP_OK);
	assert_span(contact.uri, "sip:+19725552222@gw1.example.net");
	assert_true(sip_nameaddr_param(&contact, SPAN("unknownparam"), &param));
}

/* §3.3.13: within them it belongs to the URI. */
static void cparam02(const struct rig *rig)
{
	struct sip_nameaddr contact;

	assert_int_equal(
	    sip_nameaddr_parse(sip_msg_value(&rig->msg, SIP_HEADER_CONTACT), &contact), SIP_OK);
	assert_span(contact.uri, "sip:+19725552222@gw1.example.net;unknownparam");
	assert_int_equal(contact.params.n, 0);
}

/* §3.3.14: the escaped Route is to be kept with the contact. */
static void regescrt(const struct rig *rig)
{
	struct sip_nameaddr contact;
	struct sip_parse_error error;
	struct sip_uri uri;

	assert_int_equal(
	    sip_nameaddr_parse(sip_msg_value(&rig->msg, SIP_HEADER_CONTACT), &contact), SIP_OK);
	assert_int_equal(sip_uri_parse(contact.uri, &sip_limits_default, &uri, &error), SIP_OK);
	assert_span(uri.headers, "Route=%3Csip:sip.example.com%3E");
}

/* §3.4.1 */
static void inv2543(const struct rig *rig)
{
	assert_int_equal(rig->msg.via.branch.n, 0);
	assert_int_equal(rig->parts.from_tag.n, 0);
	assert_int_equal(rig->msg.max_forwards, -1);
	assert_true(rig->msg.body.n > 0);
}

#define GOOD                  SIP_BAD_NONE, SIP_BAD_NONE, 0
#define WRONG(why)            SIP_BAD_NONE, SIP_BAD_##why, 400
#define WRONG_AS(why, status) SIP_BAD_NONE, SIP_BAD_##why, status

static const struct row rows[] = {
    {"wsinv", GOOD, wsinv},
    {"intmeth", GOOD, intmeth},
    {"esc01", GOOD, esc01},
    {"escnull", GOOD, escnull},
    {"esc02", GOOD, esc02},
    {"lwsdisp", GOOD, lwsdisp},
    {"longreq", GOOD, longreq},
    {"dblreq", GOOD, dblreq},
    {"semiuri", GOOD, semiuri},
    {"transports", GOOD, transports},
    {"mpart01", GOOD, mpart01},
    {"unreason", GOOD, unreason},
    {"noreason", GOOD, noreason},
    {"badinv01", WRONG(VIA), NULL},
    {"clerr", WRONG(BODY_SHORT), NULL},
    {"ncl", WRONG(CONTENT_LENGTH), NULL},
    {"scalar02", WRONG(CSEQ_RANGE), NULL},
    {"scalarlg", WRONG_AS(CSEQ_RANGE, 0), NULL},
    {"quotbal", WRONG(TO), NULL},
    {"ltgtruri", WRONG(URI), NULL},
    {"lwsruri", WRONG(START_LINE), NULL},
    {"lwsstart", WRONG(START_LINE), NULL},
    {"trws", WRONG(START_LINE), NULL},
    {"escruri", WRONG(URI), NULL},
    {"baddate", GOOD, NULL}, /* "elements may ignore it": Date says nothing to an edge */
    {"regbadct", WRONG(CONTACT), NULL},
    {"badaspec", WRONG(TO), NULL},
    {"baddn", WRONG(FROM), NULL},
    {"badvers", WRONG_AS(VERSION, 505), NULL},
    {"mismatch01", WRONG(CSEQ_METHOD), NULL},
    {"mismatch02", WRONG(CSEQ_METHOD), NULL},
    {"bigcode", WRONG_AS(STATUS, 0), NULL},
    {"badbranch", GOOD, badbranch},
    {"insuf", WRONG_AS(NO_FROM, 0), NULL},
    {"unkscm", WRONG_AS(URI_SCHEME, 416), NULL},
    {"novelsc", WRONG_AS(URI_SCHEME, 416), NULL},
    {"unksm2", GOOD, unksm2},
    {"bext01", GOOD, bext01},
    {"invut", GOOD, NULL},
    {"regaut01", GOOD, regaut01},
    {"multi01", WRONG(DUPLICATE), NULL},
    {"mcl01", WRONG(DUPLICATE), NULL},
    {"bcast", GOOD, bcast},
    {"zeromf", GOOD, zeromf},
    {"cparam01", GOOD, cparam01},
    {"cparam02", GOOD, cparam02},
    {"regescrt", GOOD, regescrt},
    {"sdp01", GOOD, NULL},
    {"inv2543", GOOD, inv2543},
};

static struct span load(const struct row *row)
{
	char name[64];
	struct buf b = BUF(name);

	buf_addf(&b, "%s.sip", row->name);
	assert_true(buf_terminate(&b));
	return rig_file("rfc4475", name);
}

static void test_messages(void **state)
{
	(void)state;
	assert_int_equal(ARRAY_LEN(rows), 49);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		struct span text = load(row);
		struct rig rig;

		rig_read(&rig, text);
		rig_assert_reason(
		    rig.parsed == SIP_OK ? SIP_BAD_NONE : rig.error.reason, row->parse, row->name);
		rig_assert_reason(rig_reason(&rig), row->check, row->name);
		if (row->check != SIP_BAD_NONE && rig.finding.status != row->status)
			fail_msg("%s: status %u", row->name, rig.finding.status);
		if (row->meaning)
			row->meaning(&rig);
		rig_done(&rig);
		free((char *)text.p);
	}
}

/* What is forwarded is clean to the letter and says the same. */
static void test_forwarded(void **state)
{
	static char first[65536], second[65536], meaning[2][65536];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span text = load(&rows[i]);
		struct buf out = BUF(first), again = BUF(second);
		struct buf before = BUF(meaning[0]), after = BUF(meaning[1]);
		struct rig a, b;

		rig_read(&a, text);
		if (rig_accepts(&a)) {
			assert_int_equal(sip_edit_write(&a.msg, NULL, &out), OK);
			rig_read(&b, buf_span(&out));
			assert_true(rig_accepts(&b));
			assert_int_equal(b.msg.n_unclean, 0);
			assert_true(b.msg.start_clean);
			rig_meaning(&a.msg, &before);
			rig_meaning(&b.msg, &after);
			assert_true(span_eq(buf_span(&before), buf_span(&after)));
			assert_int_equal(sip_edit_write(&b.msg, NULL, &again), OK);
			assert_true(span_eq(buf_span(&out), buf_span(&again)));
			rig_done(&b);
		}
		rig_done(&a);
		free((char *)text.p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_messages),
	    cmocka_unit_test(test_forwarded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
