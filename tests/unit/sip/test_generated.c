/* SPDX-License-Identifier: MIT
 *
 * Generated messages: classes of input that broke other SIP servers, applied to every valid message
 * at hand. Each message stands in a block of its exact size. */
#include <stdlib.h>

#include "rig.h"
#include "sip/frame.h"

static char text[400000], other[400000];

static const char *const torture[] = {"wsinv.sip", "intmeth.sip", "esc01.sip", "escnull.sip",
    "esc02.sip", "lwsdisp.sip", "longreq.sip", "semiuri.sip", "transports.sip", "mpart01.sip",
    "unreason.sip", "noreason.sip", "badbranch.sip", "bext01.sip", "invut.sip", "regaut01.sip",
    "bcast.sip", "zeromf.sip", "cparam01.sip", "cparam02.sip", "regescrt.sip", "sdp01.sip"};

/* Calls fn for each valid message that has a Content-Length. */
static void each_message(void (*fn)(struct span msg))
{
	for (size_t i = 0; i < rig_n_messages; i++)
		fn(rig_messages[i]);
	for (size_t i = 0; i < ARRAY_LEN(torture); i++) {
		struct span s = rig_file("rfc4475", torture[i]);

		fn(s);
		free((char *)s.p);
	}
}

/* ---- 1, 2: truncation ---- */

static void truncate_message(struct span msg)
{
	struct rig rig;

	rig_read(&rig, msg);
	if (!rig_accepts(&rig))
		fail_msg("%s: %.*s", sip_bad_slug(rig_reason(&rig)), 40, msg.p);
	rig_done(&rig);
	for (size_t n = 0; n < msg.n; n++) {
		rig_read(&rig, span_of(msg.p, n));
		if (rig_accepts(&rig))
			fail_msg("accepted at %zu of %zu: %.*s", n, msg.n, 40, msg.p);
		rig_done(&rig);
	}
}

static void test_truncated(void **state)
{
	(void)state;
	each_message(truncate_message);
}

/* ---- 11: streams split at every octet ---- */

static void split_message(struct span msg)
{
	for (size_t n = 0; n <= msg.n; n++) {
		struct sip_framer framer = {0};
		struct sip_parse_error error;
		char *first = rig_exact(span_of(msg.p, n)), *all = rig_exact(msg);
		struct span got;
		size_t used;
		enum sip_frame r = sip_frame_next(
		    &framer, &sip_limits_default, span_of(first, n), &used, &got, &error);

		assert_int_equal(r, n < msg.n ? SIP_FRAME_MORE : SIP_FRAME_MESSAGE);
		if (n < msg.n)
			r = sip_frame_next(
			    &framer, &sip_limits_default, span_of(all, msg.n), &used, &got, &error);
		assert_int_equal(r, SIP_FRAME_MESSAGE);
		assert_int_equal(got.n, msg.n);
		free(first);
		free(all);
	}
}

static void test_split(void **state)
{
	(void)state;
	each_message(split_message);
}

/* Octet by octet a long message costs one look at each octet, not one look at all for each. */
static void test_slow_stream(void **state)
{
	struct sip_framer framer = {0};
	struct sip_parse_error error;
	struct buf b = BUF(text);
	struct span got;
	size_t used, before = 0;

	(void)state;
	buf_add_lit(&b, "OPTIONS sip:h SIP/2.0\r\n");
	while (b.n < 60000)
		buf_add_lit(&b, "X: a value of some length, again and again\r\n");
	for (size_t n = 1; n <= b.n; n++) {
		assert_int_equal(sip_frame_next(&framer, &sip_limits_default, span_of(b.p, n),
				     &used, &got, &error),
		    SIP_FRAME_MORE);
		assert_int_equal(framer.scanned, n);
		assert_true(framer.scanned > before);
		before = framer.scanned;
	}
}

/* ---- 3: integers ---- */

#define BIG UINT64_MAX /* more than 64 bits hold */

static const struct {
	const char *digits;
	bool number;
	uint64_t value;
} integers[] = {
    {"0", true, 0},
    {"-1", false, 0},
    {"-0", false, 0},
    {"+0", false, 0},
    {"+1", false, 0},
    {"1", true, 1},
    {"00000000000000000007", true, 7},
    {"255", true, 255},
    {"256", true, 256},
    {"65535", true, 65535},
    {"65536", true, 65536},
    {"2147483609", true, 2147483609u},
    {"2147483647", true, 2147483647u},
    {"2147483648", true, 2147483648u},
    {"4294967295", true, 4294967295u},
    {"4294967296", true, 4294967296u},
    {"4294967297", true, 4294967297u},
    {"4294967366", true, 4294967366u},
    {"21400000000000", true, 21400000000000u},
    {"9223372036854775807", true, 9223372036854775807u},
    {"9223372036854775808", true, 9223372036854775808u},
    {"18446744073709551615", true, BIG},
    {"18446744073709551616", true, BIG},
    {"18446744073709551617", true, BIG},
    {"9999999999999999999999999999999999999999", true, BIG},
    {"1 1", false, 0},
    {"1.0", false, 0},
    {"0x1", false, 0},
    {"1e1", false, 0},
    {"a", false, 0},
    {"\xd9\xa1", false, 0},
};

/* The message with % at one integer; what is accepted there. */
static const struct {
	const char *format;
	uint64_t low, high;
} integer_fields[] = {
    {"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n"
     "Call-ID: x\r\nCSeq: 1 OPTIONS\r\nContent-Length: %\r\n\r\n",
	0, 0},
    {"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n"
     "Call-ID: x\r\nCSeq: % OPTIONS\r\n\r\n",
	0, 2147483647},
    {"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n"
     "Call-ID: x\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: %\r\n\r\n",
	0, 255},
    {"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n"
     "Call-ID: x\r\nCSeq: 1 OPTIONS\r\nExpires: %\r\n\r\n",
	0, BIG},
    {"OPTIONS sip:h:% SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n"
     "Call-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n",
	1, 65535},
    {"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h:%\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n"
     "Call-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n",
	1, 65535},
    {"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;ttl=%\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n"
     "Call-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n",
	0, 255},
    {"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;rport=%\r\nFrom: <sip:a>;tag=1\r\nTo: "
     "<sip:b>\r\n"
     "Call-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n",
	1, 65535},
    {"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a:%>;tag=1\r\nTo: <sip:b>\r\n"
     "Call-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n",
	1, 65535},
    {"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n"
     "Call-ID: x\r\nCSeq: 1 OPTIONS\r\nContact: <sip:h:%>\r\n\r\n",
	1, 65535},
};

static void add_formatted(struct buf *b, const char *format, struct span value)
{
	struct span rest = span_str(format), before;

	if (!span_cut(&rest, '%', &before))
		fail_msg("no place in %s", format);
	buf_add_span(b, before);
	buf_add_span(b, value);
	buf_add_span(b, rest);
	assert_false(b->overflow);
}

static void test_integers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(integer_fields); i++) {
		for (size_t j = 0; j < ARRAY_LEN(integers); j++) {
			bool fits = integers[j].number &&
				    integers[j].value >= integer_fields[i].low &&
				    integers[j].value <= integer_fields[i].high;
			struct buf b = BUF(text);

			add_formatted(&b, integer_fields[i].format, span_str(integers[j].digits));
			if ((rig_verdict(buf_span(&b)) == SIP_BAD_NONE) != fits)
				fail_msg("%s in %s", integers[j].digits, integer_fields[i].format);
		}
	}
}

/* ---- 4: duplicates ---- */

#define PLAIN_START "OPTIONS sip:h SIP/2.0\r\n"
#define PLAIN_REST                                                                   \
	"Via: SIP/2.0/UDP h\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\nCall-ID: x\r\n" \
	"CSeq: 1 OPTIONS\r\n"

static void test_duplicates(void **state)
{
	static const struct {
		enum sip_header_id id;
		const char *value;
	} values[] = {
	    {SIP_HEADER_FROM, "<sip:a>;tag=1"},
	    {SIP_HEADER_TO, "<sip:b>"},
	    {SIP_HEADER_CALL_ID, "x"},
	    {SIP_HEADER_CSEQ, "1 OPTIONS"},
	    {SIP_HEADER_CONTENT_LENGTH, "0"},
	    {SIP_HEADER_MAX_FORWARDS, "70"},
	    {SIP_HEADER_EXPIRES, "1"},
	    {SIP_HEADER_CONTENT_TYPE, "a/b"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		for (unsigned mix = 0; mix < 4; mix++) {
			struct span name = sip_header_name(values[i].id);
			char compact = sip_header_compact(values[i].id);
			struct buf b = BUF(text);

			buf_add_lit(&b, PLAIN_START PLAIN_REST);
			for (unsigned k = 0; k < 2; k++) {
				if (((mix >> k) & 1) && compact)
					buf_add_char(&b, compact);
				else
					buf_add_span(&b, name);
				buf_addf(&b, "%s: %s\r\n", mix == 3 ? " " : "", values[i].value);
			}
			buf_add_lit(&b, "\r\n");
			rig_assert_reason(
			    rig_verdict(buf_span(&b)), SIP_BAD_DUPLICATE, values[i].value);
		}
	}
	/* The two To of CVE-2023-28095 and CVE-2018-14767. */
	rig_assert_reason(rig_verdict(SPAN("Rion-TER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n"
					   "To: <sip:b>;tag=1\r\nTo: <sip:b>\r\n\r\n")),
	    SIP_BAD_NO_FROM, "two To");
	rig_assert_reason(rig_verdict(SPAN(PLAIN_START PLAIN_REST "To: <sip:b>;tag=\r\n\r\n")),
	    SIP_BAD_DUPLICATE, "two To");
}

/* ---- 5: white space and control characters at every place ---- */

static bool is_clean(struct span head)
{
	for (size_t i = 0; i < head.n; i++) {
		unsigned char c = (unsigned char)head.p[i];

		if (c == '\r' && i + 1 < head.n && head.p[i + 1] == '\n')
			i++;
		else if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* One octet put in at every place of the head: whatever is accepted goes out clean and says the
 * same as it came. */
static void disturb_message(struct span msg)
{
	static const unsigned char octets[] = {0, 1, 7, '\t', '\n', '\v', '\r', ' ', ',', ':', ';',
	    '"', '\\', '<', '>', '%', 0x7f, 0x80, 0xff};
	const char *end = memmem(msg.p, msg.n, "\r\n\r\n", 4);
	size_t head = end ? (size_t)(end + 2 - msg.p) : msg.n;

	for (size_t at = 0; at < MIN(head, (size_t)900); at++) {
		for (size_t k = 0; k < ARRAY_LEN(octets); k++) {
			struct buf b = BUF(text), out = BUF(other);
			struct rig rig, again;

			buf_add(&b, msg.p, at);
			buf_add_char(&b, (char)octets[k]);
			buf_add(&b, msg.p + at, msg.n - at);
			rig_read(&rig, buf_span(&b));
			if (rig_accepts(&rig)) {
				assert_int_equal(sip_edit_write(&rig.msg, NULL, &out), OK);
				rig_read(&again, buf_span(&out));
				assert_true(rig_accepts(&again));
				assert_true(is_clean(again.msg.head));
				assert_int_equal(again.msg.n_unclean, 0);
				assert_int_equal(again.msg.n_headers,
				    rig.msg.n_headers +
					!sip_msg_has(&rig.msg, SIP_HEADER_CONTENT_LENGTH));
				rig_done(&again);
			}
			rig_done(&rig);
		}
	}
}

static void test_disturbed(void **state)
{
	(void)state;
	each_message(disturb_message);
}

/* Every line end as LF, every one as CR, every colon with a space before. */
static void respell(struct span msg, struct buf *b, const char *line_end, const char *colon)
{
	bool name = false;

	b->n = 0;
	for (size_t i = 0; i < msg.n; i++) {
		if (msg.p[i] == '\r' && i + 1 < msg.n && msg.p[i + 1] == '\n') {
			buf_add_span(b, span_str(line_end));
			i++;
			name = i + 1 < msg.n && msg.p[i + 1] != ' ' && msg.p[i + 1] != '\t';
		} else if (name && msg.p[i] == ':') {
			buf_add_span(b, span_str(colon));
			name = false;
		} else {
			buf_add_char(b, msg.p[i]);
		}
	}
}

static void test_spellings(void **state)
{
	static char first[4096], second[4096];
	struct buf b = BUF(text);
	struct rig a, c;

	(void)state;
	for (size_t i = 0; i < rig_n_messages; i++) {
		struct buf x = BUF(first), y = BUF(second);

		if (!memmem(rig_messages[i].p, rig_messages[i].n, "\r\n", 2) ||
		    memmem(rig_messages[i].p, rig_messages[i].n, "\r\n\r\n", 4) !=
			rig_messages[i].p + rig_messages[i].n - 4)
			continue; /* with a body, which is not to be respelled */
		respell(rig_messages[i], &b, "\n", "\t : ");
		rig_read(&a, rig_messages[i]);
		rig_read(&c, buf_span(&b));
		assert_true(rig_accepts(&c));
		rig_meaning(&a.msg, &x);
		rig_meaning(&c.msg, &y);
		assert_true(span_eq(buf_span(&x), buf_span(&y)));
		rig_done(&a);
		rig_done(&c);
		respell(rig_messages[i], &b, "\r", ":");
		rig_assert_reason(rig_verdict(buf_span(&b)),
		    b.p[b.n - 1] == '\r' ? SIP_BAD_BARE_CR : SIP_BAD_NONE, "CR alone");
	}
}

/* ---- 6: lengths ---- */

static const struct {
	const char *format; /* % where the filling goes */
	const char *unit;
	size_t limit; /* units that are accepted */
	enum sip_bad reason;
} lengths[] = {
    {"OPTIONS sip:% SIP/2.0\r\n" PLAIN_REST "\r\n", "h", 1020, SIP_BAD_URI_LONG},
    {"OPTIONS sip:%@h SIP/2.0\r\n" PLAIN_REST "\r\n", "u", 1018, SIP_BAD_URI_LONG},
    {PLAIN_START PLAIN_REST "X: %\r\n\r\n", "v", 8192, SIP_BAD_HEADER_VALUE_LONG},
    {PLAIN_START PLAIN_REST "%: v\r\n\r\n", "n", 128, SIP_BAD_HEADER_NAME_LONG},
    {PLAIN_START PLAIN_REST "%\r\n", "X-Y: y\r\n", 91, SIP_BAD_HEADER_COUNT},
    {PLAIN_START "Via: SIP/2.0/UDP h;branch=%\r\nFrom: <sip:a>\r\nTo: <sip:b>\r\nCall-ID: x\r\n"
		 "CSeq: 1 OPTIONS\r\n\r\n",
	"b", 256, SIP_BAD_BRANCH_LONG},
    {PLAIN_START "Via: SIP/2.0/UDP h%\r\nFrom: <sip:a>\r\nTo: <sip:b>\r\nCall-ID: x\r\n"
		 "CSeq: 1 OPTIONS\r\n\r\n",
	", SIP/2.0/UDP i", 63, SIP_BAD_VIA_COUNT},
    {PLAIN_START "Via: SIP/2.0/UDP h%\r\nFrom: <sip:a>\r\nTo: <sip:b>\r\nCall-ID: x\r\n"
		 "CSeq: 1 OPTIONS\r\n\r\n",
	";p", 32, SIP_BAD_PARAM_COUNT},
    {PLAIN_START "Via: SIP/2.0/UDP h\r\nFrom: <sip:a>;tag=%\r\nTo: <sip:b>\r\nCall-ID: x\r\n"
		 "CSeq: 1 OPTIONS\r\n\r\n",
	"t", 256, SIP_BAD_TAG_LONG},
    {PLAIN_START "Via: SIP/2.0/UDP h\r\nFrom: <sip:%@h>\r\nTo: <sip:b>\r\nCall-ID: x\r\n"
		 "CSeq: 1 OPTIONS\r\n\r\n",
	"u", 1018, SIP_BAD_FROM},
    {PLAIN_START "Via: SIP/2.0/UDP h\r\nFrom: <sip:a>\r\nTo: <sip:b>\r\nCall-ID: %\r\n"
		 "CSeq: 1 OPTIONS\r\n\r\n",
	"c", 256, SIP_BAD_CALL_ID_LONG},
    {PLAIN_START PLAIN_REST "Contact: <sip:a>%\r\n\r\n", ",<sip:b>", 31, SIP_BAD_CONTACT_COUNT},
    {PLAIN_START PLAIN_REST "Route: <sip:a>%\r\n\r\n", ",<sip:b>", 31, SIP_BAD_ROUTE_COUNT},
    {PLAIN_START PLAIN_REST "Record-Route: <sip:a>%\r\n\r\n", ",<sip:b>", 31, SIP_BAD_ROUTE_COUNT},
    {"OPTIONS sip:h% SIP/2.0\r\n" PLAIN_REST "\r\n", ";p", 1, SIP_BAD_PARAM_DUPLICATE},
    {PLAIN_START PLAIN_REST "c: a/b\r\n\r\n%", "b", 65535, SIP_BAD_MESSAGE_LONG},
};

static void test_lengths(void **state)
{
	static const size_t more[] = {
	    1, 2, 254, 255, 256, 1023, 1024, 1025, 4095, 4096, 4097, 8191, 65534, 65535, 65536};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		size_t limit = lengths[i].limit, unit = strlen(lengths[i].unit);

		for (size_t j = 0; j < ARRAY_LEN(more) + 3; j++) {
			size_t n = j < 3 ? limit - 1 + j : more[j - 3];
			struct buf b = BUF(text), filling = BUF(other);
			enum sip_bad got;

			if (n * unit > 200000)
				continue;
			for (size_t k = 0; k < n; k++)
				buf_add(&filling, lengths[i].unit, unit);
			add_formatted(&b, lengths[i].format, buf_span(&filling));
			got = rig_verdict(buf_span(&b));
			/* Far beyond, another limit may speak first: never none. */
			if (b.n > sip_limits_default.message)
				rig_assert_reason(got, SIP_BAD_MESSAGE_LONG, lengths[i].format);
			else if (n <= limit)
				rig_assert_reason(got, SIP_BAD_NONE, lengths[i].format);
			else if (n == limit + 1)
				rig_assert_reason(got, lengths[i].reason, lengths[i].format);
			else
				assert_int_not_equal(got, SIP_BAD_NONE);
		}
	}
}

/* ---- 9: other URIs in every place ---- */

static void test_uris(void **state)
{
	static const struct {
		const char *uri;
		bool request, party; /* accepted as Request-URI; in From, To, Contact, Route */
	} uris[] = {
	    {"sip:h", true, true},
	    {"sips:a@h", true, true},
	    {"tel:+1-2", true, true},
	    {"urn:nena:service:sos", true, true},
	    {"http://h/", false, true},
	    {"mailto:a@h", false, true},
	    {"", false, false},
	    {"sip:", false, false},
	    {"sip:@h", false, false},
	    {"sip:a@", false, false},
	    {"tel:", false, false},
	    {"urn:", false, false},
	    {"sip:h:", false, false},
	    {"sip:[::1", false, false},
	    {"sip:a b@h", false, false},
	    {"sip:692134.27.18446744073709551615.3", false, false},
	    {"h", false, false},
	    {":", false, false},
	    {"%", false, false},
	    {"sip:%@h", false, false},
	};
	static const char *const places[] = {
	    "OPTIONS % SIP/2.0\r\n" PLAIN_REST "\r\n",
	    PLAIN_START "Via: SIP/2.0/UDP h\r\nFrom: <%>;tag=1\r\nTo: <sip:b>\r\nCall-ID: x\r\n"
			"CSeq: 1 OPTIONS\r\n\r\n",
	    PLAIN_START "Via: SIP/2.0/UDP h\r\nFrom: <sip:a>;tag=1\r\nTo: <%>\r\nCall-ID: x\r\n"
			"CSeq: 1 OPTIONS\r\n\r\n",
	    PLAIN_START PLAIN_REST "Contact: <%>\r\n\r\n",
	    PLAIN_START PLAIN_REST "Route: <%>\r\n\r\n",
	    PLAIN_START PLAIN_REST "Path: <sip:a>, <%>;lr\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		for (size_t j = 0; j < ARRAY_LEN(uris); j++) {
			struct buf b = BUF(text);
			bool want = i == 0 ? uris[j].request : uris[j].party;

			add_formatted(&b, places[i], span_str(uris[j].uri));
			if ((rig_verdict(buf_span(&b)) == SIP_BAD_NONE) != want)
				fail_msg("%s in %s", uris[j].uri, places[i]);
		}
	}
}

/* ---- 10: missing headers ---- */

static void test_missing(void **state)
{
	static const struct {
		const char *line;
		enum sip_bad reason;
	} parts[] = {
	    {"Via: SIP/2.0/UDP h\r\n", SIP_BAD_NO_VIA},
	    {"From: <sip:a>;tag=1\r\n", SIP_BAD_NO_FROM},
	    {"To: <sip:b>\r\n", SIP_BAD_NO_TO},
	    {"Call-ID: x\r\n", SIP_BAD_NO_CALL_ID},
	    {"CSeq: 1 OPTIONS\r\n", SIP_BAD_NO_CSEQ},
	};

	(void)state;
	for (unsigned set = 0; set < 32; set++) {
		enum sip_bad want = SIP_BAD_NONE;
		struct buf b = BUF(text);
		struct rig rig;

		buf_add_lit(&b, PLAIN_START);
		for (size_t i = ARRAY_LEN(parts); i-- > 0;) {
			if ((set >> i) & 1)
				buf_add_span(&b, span_str(parts[i].line));
			else
				want = parts[i].reason;
		}
		buf_add_lit(&b, "\r\n");
		rig_read(&rig, buf_span(&b));
		rig_assert_reason(rig_reason(&rig), want, "missing");
		assert_int_equal(sip_msg_is_answerable(&rig.msg), want == SIP_BAD_NONE);
		if (want != SIP_BAD_NONE)
			assert_int_equal(rig.finding.status, 0);
		rig_done(&rig);
	}
}

/* ---- 7 and the shapes that crashed others ---- */

static void test_shapes(void **state)
{
	static const struct {
		const char *msg;
		enum sip_bad reason;
	} rows[] = {
	    {PLAIN_START PLAIN_REST "To: a;a=\"T\\", SIP_BAD_TRUNCATED},
	    {"BYE 100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n", SIP_BAD_NO_FROM},
	    {PLAIN_START "Via: SIP/2.0/\x16UD~PTo :::]\nVia: SIP/2.0/\x16UD~PTo :::]\n\x16ia:",
		SIP_BAD_CONTROL},
	    {PLAIN_START "Via: SIP/2.0/UDP :]\r\nFrom: <sip:a>\r\nTo: <sip:b>\r\nCall-ID: x\r\n"
			 "CSeq: 1 OPTIONS\r\n\r\n",
		SIP_BAD_VIA},
	    {"REGISTER! urn:nena:service:\x01 SIP/2.0\r\n" PLAIN_REST "\r\n", SIP_BAD_CONTROL},
	    {"REGISTER! urn:nena:service:sos SIP/2.0\r\n" PLAIN_REST "\r\n", SIP_BAD_CSEQ_METHOD},
	    {PLAIN_START PLAIN_REST "Authorization: Digest a a=\"\",real\r\n\r\n", SIP_BAD_NONE},
	    {PLAIN_START PLAIN_REST "X-Bypass-me : value\r\n\r\n", SIP_BAD_NONE},
	    {PLAIN_START PLAIN_REST "User-A", SIP_BAD_TRUNCATED},
	    {PLAIN_START PLAIN_REST "Content-Length: 10240\r\n\r\nv=0", SIP_BAD_BODY_SHORT},
	    {PLAIN_START PLAIN_REST "Content-Length: 21400000000000\r\n\r\n",
		SIP_BAD_CONTENT_LENGTH},
	    {PLAIN_START PLAIN_REST "Content-Length: 5   \r\n\r\nhello", SIP_BAD_NO_CONTENT_TYPE},
	    {PLAIN_START PLAIN_REST "Content-Type: multipart/mixed;boundary=x\r\n\r\n--x\r\n\r\n--",
		SIP_BAD_NONE},
	    {PLAIN_START PLAIN_REST
		"Content-Type: multipart/mixed;boundary=x\r\n\r\n--x\r\n--x--\r\n",
		SIP_BAD_NONE},
	    {PLAIN_START PLAIN_REST "Content-Type: multipart/mixed;boundary=\r\n\r\n--",
		SIP_BAD_NONE},
	};
	struct rig rig;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		rig_assert_reason(rig_verdict(span_str(rows[i].msg)), rows[i].reason, rows[i].msg);
	/* The header with a space before its colon is found under its name (CVE-2020-28361). */
	rig_read(&rig, SPAN(PLAIN_START PLAIN_REST "X-Bypass-me : value\r\n\r\n"));
	assert_non_null(sip_msg_find(&rig.msg, SPAN("X-Bypass-Me")));
	rig_done(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_truncated),
	    cmocka_unit_test(test_split),
	    cmocka_unit_test(test_slow_stream),
	    cmocka_unit_test(test_integers),
	    cmocka_unit_test(test_duplicates),
	    cmocka_unit_test(test_disturbed),
	    cmocka_unit_test(test_spellings),
	    cmocka_unit_test(test_lengths),
	    cmocka_unit_test(test_uris),
	    cmocka_unit_test(test_missing),
	    cmocka_unit_test(test_shapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
