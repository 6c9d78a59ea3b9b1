/* SPDX-License-Identifier: MIT
 *
 * Edits and what is written; responses, ACK and CANCEL. */
#include <stdlib.h>

#include "rig.h"
#include "sip/build.h"

#define START "INVITE sip:b@h SIP/2.0\r\n"
#define TOP   "Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\n"
#define MORE  "Via: SIP/2.0/UDP b;branch=z9hG4bK2, SIP/2.0/UDP c;branch=z9hG4bK3\r\n"
#define MF    "Max-Forwards: 70\r\n"
#define FT    "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n"
#define ID    "Call-ID: x\r\nCSeq: 1 INVITE\r\n"
#define RT    "Route: <sip:r1;lr>, <sip:r2;lr>\r\n"
#define LEN   "Content-Length: 0\r\n"
#define ALL   START TOP MORE MF FT ID RT LEN "\r\n"

enum what {
	NONE,
	URI,
	LINE,
	BODY,
	VALUE,
	FIRST,
	DROP_FIRST,
	DROP,
	DROP_ALL,
	BEFORE,
	TOP_OF,
	APPEND,
	SET
};

struct step {
	enum what what;
	enum sip_header_id id;
	int nth; /* among those of the id */
	const char *text;
};

struct row {
	const char *in;
	struct step steps[4];
	const char *out; /* NULL: ERR_SYNTAX */
};

static const struct sip_header *nth(const struct sip_msg *msg, enum sip_header_id id, int n)
{
	const struct sip_header *h = sip_msg_header(msg, id);

	while (n-- > 0)
		h = sip_msg_next(msg, h);
	return h;
}

static void apply(struct sip_edits *e, const struct sip_msg *msg, const struct step *s)
{
	const struct sip_header *h = s->id ? nth(msg, s->id, s->nth) : NULL;
	struct span text = span_str(s->text);

	switch (s->what) {
	case NONE:
		break;
	case URI:
		sip_edit_uri(e, text);
		break;
	case LINE:
		sip_edit_start_line(e, text);
		break;
	case BODY:
		sip_edit_body(e, text);
		break;
	case VALUE:
		sip_edit_value(e, msg, h, text);
		break;
	case FIRST:
		sip_edit_first_value(e, msg, h, text);
		break;
	case DROP_FIRST:
		sip_edit_remove_first(e, msg, h);
		break;
	case DROP:
		sip_edit_remove(e, msg, h);
		break;
	case DROP_ALL:
		sip_edit_remove_all(e, msg, s->id);
		break;
	case BEFORE:
		sip_edit_insert_before(e, msg, h, text);
		break;
	case TOP_OF:
		sip_edit_insert_top(e, msg, s->id, text);
		break;
	case APPEND:
		sip_edit_append(e, msg, text);
		break;
	case SET:
		sip_edit_set(e, msg, s->id, text);
		break;
	}
}

static const struct row rows[] = {
    {ALL, {{NONE, 0, 0, NULL}}, ALL},
    {ALL, {{URI, 0, 0, "sip:new@n"}},
	"INVITE sip:new@n SIP/2.0\r\n" TOP MORE MF FT ID RT LEN "\r\n"},
    {ALL, {{LINE, 0, 0, "SIP/2.0 200 OK"}}, "SIP/2.0 200 OK\r\n" TOP MORE MF FT ID RT LEN "\r\n"},
    {ALL, {{TOP_OF, SIP_HEADER_VIA, 0, "Via: new"}, {TOP_OF, SIP_HEADER_VIA, 0, "Via: newer"}},
	START "Via: new\r\nVia: newer\r\n" TOP MORE MF FT ID RT LEN "\r\n"},
    {ALL, {{TOP_OF, SIP_HEADER_RECORD_ROUTE, 0, "Record-Route: <sip:me;lr>"}},
	START "Record-Route: <sip:me;lr>\r\n" TOP MORE MF FT ID RT LEN "\r\n"},
    {ALL, {{DROP_FIRST, SIP_HEADER_VIA, 0, NULL}}, START MORE MF FT ID RT LEN "\r\n"},
    {ALL, {{DROP_FIRST, SIP_HEADER_VIA, 1, NULL}},
	START TOP "Via: SIP/2.0/UDP c;branch=z9hG4bK3\r\n" MF FT ID RT LEN "\r\n"},
    {ALL, {{DROP_FIRST, SIP_HEADER_ROUTE, 0, NULL}},
	START TOP MORE MF FT ID "Route: <sip:r2;lr>\r\n" LEN "\r\n"},
    {ALL, {{FIRST, SIP_HEADER_VIA, 1, "V"}},
	START TOP "Via: V, SIP/2.0/UDP c;branch=z9hG4bK3\r\n" MF FT ID RT LEN "\r\n"},
    {ALL, {{FIRST, SIP_HEADER_VIA, 0, "V"}}, START "Via: V\r\n" MORE MF FT ID RT LEN "\r\n"},
    {ALL, {{SET, SIP_HEADER_MAX_FORWARDS, 0, "Max-Forwards: 69"}},
	START TOP MORE "Max-Forwards: 69\r\n" FT ID RT LEN "\r\n"},
    {START TOP FT ID LEN "\r\n", {{SET, SIP_HEADER_MAX_FORWARDS, 0, "Max-Forwards: 70"}},
	START TOP FT ID LEN MF "\r\n"},
    {ALL, {{SET, SIP_HEADER_VIA, 0, "Via: one"}}, START "Via: one\r\n" MF FT ID RT LEN "\r\n"},
    {ALL, {{DROP_ALL, SIP_HEADER_VIA, 0, NULL}, {APPEND, 0, 0, "X: 1"}, {APPEND, 0, 0, "Y: 2"}},
	START MF FT ID RT LEN "X: 1\r\nY: 2\r\n\r\n"},
    {ALL, {{VALUE, SIP_HEADER_TO, 0, "one"}, {VALUE, SIP_HEADER_TO, 0, "two"}},
	START TOP MORE MF "From: <sip:a@h>;tag=1\r\nTo: two\r\n" ID RT LEN "\r\n"},
    {ALL, {{VALUE, SIP_HEADER_TO, 0, "one"}, {DROP, SIP_HEADER_TO, 0, NULL}},
	START TOP MORE MF "From: <sip:a@h>;tag=1\r\n" ID RT LEN "\r\n"},
    {ALL, {{BEFORE, SIP_HEADER_TO, 0, "X: 1"}, {DROP, SIP_HEADER_TO, 0, NULL}},
	START TOP MORE MF "From: <sip:a@h>;tag=1\r\nX: 1\r\n" ID RT LEN "\r\n"},
    {ALL, {{BODY, 0, 0, "hello"}}, START TOP MORE MF FT ID RT "Content-Length: 5\r\n\r\nhello"},
    {START TOP FT ID "\r\n", {{BODY, 0, 0, "hello"}},
	START TOP FT ID "Content-Length: 5\r\n\r\nhello"},
    /* Content-Length is the truth, whatever else is said. */
    {ALL, {{VALUE, SIP_HEADER_CONTENT_LENGTH, 0, "99"}}, ALL},
    {ALL, {{DROP, SIP_HEADER_CONTENT_LENGTH, 0, NULL}}, ALL},
    {START TOP FT ID "l : 0004\r\n\r\nbodyrest", {{NONE, 0, 0, NULL}},
	START TOP FT ID "l: 4\r\n\r\nbody"},
    {START TOP FT ID "\r\nbody", {{NONE, 0, 0, NULL}},
	START TOP FT ID "Content-Length: 4\r\n\r\nbody"},
    {START TOP FT ID "l: 0\r\nContent-Length: 0\r\n\r\n", {{NONE, 0, 0, NULL}},
	START TOP FT ID "l: 0\r\n\r\n"},
    /* Odd spellings become plain ones. */
    {"\r\nINVITE sip:b@h sip/2.0\n" TOP "FROM\t:  <sip:a@h>\n ;tag=1  \nX-A:\nX-B:b\r\n\r\n",
	{{NONE, 0, 0, NULL}},
	START TOP "FROM: <sip:a@h> ;tag=1\r\nX-A: \r\nX-B: b\r\nContent-Length: 0\r\n\r\n"},
    {START TOP "X: \"a\\\x01 b\"\r\n\r\n", {{NONE, 0, 0, NULL}},
	START TOP "X: \"a\\? b\"\r\nContent-Length: 0\r\n\r\n"},
    {START "Route:\r\n <sip:r1>\r\n ,\r\n\t<sip:r2>\r\n ;x\r\n\r\n",
	{{DROP_FIRST, SIP_HEADER_ROUTE, 0, NULL}},
	START "Route: <sip:r2> ;x\r\nContent-Length: 0\r\n\r\n"},
    /* Nothing can be smuggled in by a text, and nothing malformed goes out. */
    {ALL, {{URI, 0, 0, "sip:h SIP/2.0\r\nX: y"}}, NULL},
    {ALL, {{APPEND, 0, 0, "X: y\r\nZ: z"}}, NULL},
    {ALL, {{APPEND, 0, 0, "X: y\n"}}, NULL},
    {ALL, {{VALUE, SIP_HEADER_TO, 0, "a\rb"}}, NULL},
    {START TOP "Route: <a>,,<b>\r\n\r\n", {{DROP_FIRST, SIP_HEADER_ROUTE, 0, NULL}}, NULL},
    {START TOP "Route: <a\r\n\r\n", {{DROP_FIRST, SIP_HEADER_ROUTE, 0, NULL}}, NULL},
    {START TOP "Content-Length: 5\r\n\r\n", {{NONE, 0, 0, NULL}}, NULL},
    {"INVITE  sip:h SIP/2.0\r\n" TOP "\r\n", {{NONE, 0, 0, NULL}}, NULL},
};

static void test_edits(void **state)
{
	char text[2048];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sip_edit list[8];
		struct sip_edits edits = sip_edits_of(list, 8);
		struct buf out = BUF(text);
		struct rig rig;
		enum err e;

		rig_read(&rig, span_str(rows[i].in));
		assert_int_equal(rig.parsed, SIP_OK);
		for (size_t j = 0; j < 4; j++)
			apply(&edits, &rig.msg, &rows[i].steps[j]);
		e = sip_edit_write(&rig.msg, &edits, &out);
		if (!rows[i].out) {
			assert_int_equal(e, ERR_SYNTAX);
		} else {
			assert_int_equal(e, OK);
			assert_span(buf_span(&out), rows[i].out);
			for (size_t cap = 0; cap < out.n; cap += 7) {
				char *block = malloc(cap ? cap : 1);
				struct buf tight = buf_of(block, cap);

				assert_int_equal(
				    sip_edit_write(&rig.msg, &edits, &tight), ERR_FULL);
				free(block);
			}
		}
		rig_done(&rig);
	}
}

static void test_too_many(void **state)
{
	struct sip_edit list[2];
	struct sip_edits edits = sip_edits_of(list, 2);
	char text[512];
	struct buf out = BUF(text);
	struct rig rig;

	(void)state;
	rig_read(&rig, SPAN(ALL));
	sip_edit_append(&edits, &rig.msg, SPAN("A: 1"));
	sip_edit_append(&edits, &rig.msg, SPAN("B: 2"));
	assert_int_equal(sip_edit_write(&rig.msg, &edits, &out), OK);
	sip_edit_append(&edits, &rig.msg, SPAN("C: 3"));
	assert_int_equal(sip_edit_write(&rig.msg, &edits, &out), ERR_FULL);
	rig_done(&rig);
}

static void test_response(void **state)
{
	struct rig rig;
	char text[2048];
	struct buf out = BUF(text);
	struct addr source;
	struct sip_reply reply = {
	    .status = 404, .to_tag = SPAN("t1"), .extra = SPAN("Retry-After: 3\r\n")};

	(void)state;
	assert_int_equal(addr_parse(SPAN("198.51.100.7:4000"), 0, &source), OK);
	rig_read(
	    &rig, SPAN(START "v: SIP/2.0/UDP a;rport;branch=z9hG4bK1,\r\n SIP/2.0/UDP b\r\n" MORE
			     "Record-Route: <sip:q;lr>\r\n" FT ID "Timestamp: 5\r\n\r\n"));
	reply.source = &source;
	assert_int_equal(sip_build_response(&rig.msg, &reply, &out), OK);
	assert_span(buf_span(&out), "SIP/2.0 404 Not Found\r\n"
				    "Via: SIP/2.0/UDP a;branch=z9hG4bK1;rport=4000;"
				    "received=198.51.100.7, SIP/2.0/UDP b\r\n" MORE
				    "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=t1\r\n" ID
				    "Retry-After: 3\r\nContent-Length: 0\r\n\r\n");
	out.n = 0;
	reply = (struct sip_reply){.status = 100, .to_tag = SPAN("t1"), .phrase = SPAN("Hold on")};
	assert_int_equal(sip_build_response(&rig.msg, &reply, &out), OK);
	assert_span(buf_span(&out),
	    "SIP/2.0 100 Hold on\r\n"
	    "v: SIP/2.0/UDP a;rport;branch=z9hG4bK1, SIP/2.0/UDP b\r\n" MORE FT ID
	    "Timestamp: 5\r\n" LEN "\r\n");
	out.n = 0;
	reply = (struct sip_reply){.status = 183,
	    .to_tag = SPAN("t1"),
	    .record_route = true,
	    .content_type = SPAN("application/sdp"),
	    .body = SPAN("v=0\r\n")};
	assert_int_equal(sip_build_response(&rig.msg, &reply, &out), OK);
	assert_span(buf_span(&out),
	    "SIP/2.0 183 Session Progress\r\n"
	    "v: SIP/2.0/UDP a;rport;branch=z9hG4bK1, SIP/2.0/UDP b\r\n" MORE
	    "Record-Route: <sip:q;lr>\r\n"
	    "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=t1\r\n" ID
	    "Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n");
	for (size_t cap = 0; cap < out.n; cap += 5) {
		struct buf tight = buf_of(text, cap);

		assert_int_equal(sip_build_response(&rig.msg, &reply, &tight), ERR_FULL);
	}
	reply.extra = SPAN("X: no end");
	assert_int_equal(sip_build_response(&rig.msg, &reply, &out), ERR_SYNTAX);
	rig_done(&rig);
}

/* What cannot be answered, and what can although it is malformed. */
static void test_answerable(void **state)
{
	static const struct {
		const char *in;
		const char *to; /* NULL: not answerable */
	} cases[] = {
	    {START TOP FT ID "\r\n", "To: <sip:b@h>;tag=t\r\n"},
	    {START TOP "From: x\r\nTo: <sip:b@h>;tag=old\r\n" ID "\r\n",
		"To: <sip:b@h>;tag=old\r\n"},
	    {START TOP "From: x\r\nTo: sip:b@h\r\n" ID "\r\n", "To: sip:b@h;tag=t\r\n"},
	    {START TOP "From: x\r\nTo: \"open <sip:b@h>\r\n" ID "\r\n", "To: \"open <sip:b@h>\r\n"},
	    {START "Via: ;;;\r\n" FT ID "\r\n", "To: <sip:b@h>;tag=t\r\n"},
	    {START FT ID "\r\n", NULL},
	    {START TOP "From: x\r\n" ID "\r\n", NULL},
	    {START TOP "To: x\r\n" ID "\r\n", NULL},
	    {START TOP FT "CSeq: 1 INVITE\r\n\r\n", NULL},
	    {START TOP FT "Call-ID: 1\r\n\r\n", NULL},
	    {"ACK sip:b@h SIP/2.0\r\n" TOP FT ID "\r\n", NULL},
	    {"SIP/2.0 200 OK\r\n" TOP FT ID "\r\n", NULL},
	};
	struct sip_reply reply = {.status = 400, .to_tag = SPAN("t")};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = BUF(text);
		struct rig rig;
		enum err e;

		rig_read(&rig, span_str(cases[i].in));
		assert_int_equal(rig.parsed, SIP_OK);
		e = sip_build_response(&rig.msg, &reply, &out);
		assert_int_equal(e, cases[i].to ? OK : ERR_SYNTAX);
		if (cases[i].to)
			assert_non_null(memmem(out.p, out.n, cases[i].to, strlen(cases[i].to)));
		rig_done(&rig);
	}
}

static void test_ack_and_cancel(void **state)
{
	struct rig invite, response;
	char text[1024];
	struct buf out = BUF(text);

	(void)state;
	rig_read(&invite, SPAN(START TOP MORE MF FT ID RT "Contact: <sip:a@a>\r\n" LEN "\r\n"));
	rig_read(
	    &response, SPAN("SIP/2.0 486 Busy Here\r\n" TOP MORE
			    "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=far\r\n" ID LEN "\r\n"));
	assert_int_equal(sip_build_ack(&invite.msg, &response.msg, &out), OK);
	assert_span(buf_span(&out),
	    "ACK sip:b@h SIP/2.0\r\n" TOP RT "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=far\r\n"
	    "Call-ID: x\r\nCSeq: 1 ACK\r\n" MF LEN "\r\n");
	out.n = 0;
	assert_int_equal(
	    sip_build_cancel(&invite.msg, SPAN("Reason: SIP;cause=200\r\n"), &out), OK);
	assert_span(buf_span(&out),
	    "CANCEL sip:b@h SIP/2.0\r\n" TOP RT FT "Call-ID: x\r\nCSeq: 1 CANCEL\r\n" MF
	    "Reason: SIP;cause=200\r\n" LEN "\r\n");
	assert_int_equal(sip_build_cancel(&invite.msg, SPAN("Reason: x"), &out), ERR_SYNTAX);
	assert_int_equal(sip_build_cancel(&response.msg, SPAN(""), &out), ERR_SYNTAX);
	rig_done(&invite);
	rig_done(&response);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_edits),
	    cmocka_unit_test(test_too_many),
	    cmocka_unit_test(test_response),
	    cmocka_unit_test(test_answerable),
	    cmocka_unit_test(test_ack_and_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
