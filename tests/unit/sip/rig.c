/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT(literal)                           \
	{                                       \
		"" literal, sizeof(literal) - 1 \
	}

const struct span rig_messages[] = {
    TEXT("OPTIONS sip:edge.example.com SIP/2.0\r\n"
	 "Via: SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bK-5242;rport\r\n"
	 "Max-Forwards: 70\r\n"
	 "From: <sip:probe@192.0.2.10>;tag=5e00\r\n"
	 "To: <sip:edge.example.com>\r\n"
	 "Call-ID: wSSsR1c@192.0.2.10\r\n"
	 "CSeq: 1 OPTIONS\r\n"
	 "Content-Length: 0\r\n"
	 "\r\n"),
    TEXT("INVITE sip:bob@[2001:db8::9]:5062;transport=tcp SIP/2.0\r\n"
	 "v: SIP/2.0/TCP [2001:db8::1]:5060;branch=z9hG4bKa;i=1\r\n"
	 "Via: SIP/2.0/UDP pc.example.com;branch=z9hG4bKb , SIP/2.0/UDP h;branch=z9hG4bKc\r\n"
	 "Max-Forwards: 69\r\n"
	 "f: \"A \\\"quoted\\\" name, with <brackets>\" <sip:alice@example.com;x=1?Subject=a%20b>;"
	 "tag=1c9;p=\"a,b\"\r\n"
	 "t: Bob\r\n <sip:bob@example.com>\r\n"
	 "m: <sip:alice@[2001:db8::1]:5060>;expires=60;+sip.instance=\"<urn:uuid:0>\"\r\n"
	 "i: 3848276298220188511@192.0.2.44\r\n"
	 "CSeq: 21063 INVITE\r\n"
	 "Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>\r\n"
	 "k: replaces,100rel\r\n"
	 "Subject:\r\n"
	 "X-Note : odd\r\n"
	 "c: application/sdp\r\n"
	 "l: 101\r\n"
	 "\r\n"
	 "v=0\r\no=- 1 1 IN IP4 192.0.2.44\r\ns=-\r\nc=IN IP4 192.0.2.44\r\nt=0 0\r\n"
	 "m=audio 4000 RTP/AVP 0\r\na=sendrecv\r\n"),
    TEXT("SIP/2.0 401 Unauthorized\n"
	 "Via: SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bK-5242;received=192.0.2.10;rport=5070\n"
	 "From: <sip:alice@example.com>;tag=5e00\n"
	 "To: <sip:alice@example.com>;tag=99\n"
	 "Call-ID: wSSsR1c\n"
	 "CSeq: 1 REGISTER\n"
	 "WWW-Authenticate: Digest realm=\"example.com\", nonce=\"abc\", algorithm=MD5\n"
	 "Content-Length: 0\n"
	 "\n"),
    TEXT("REGISTER sips:example.com SIP/2.0\r\n"
	 "Via: SIP/2.0/TLS 192.0.2.10:5071;branch=z9hG4bKr1;alias\r\n"
	 "Max-Forwards: 70\r\n"
	 "From: sips:alice@example.com;tag=5e00\r\n"
	 "To: sips:alice@example.com\r\n"
	 "Call-ID: reg-1\r\n"
	 "CSeq: 2147483647 REGISTER\r\n"
	 "Contact: *\r\n"
	 "Expires: 0\r\n"
	 "Path: <sip:edge.example.com;lr;ob>\r\n"
	 "Authorization: Digest username=\"alice\", realm=\"example.com\", nonce=\"abc\", "
	 "uri=\"sips:example.com\",\r\n\tresponse=\"0123456789abcdef0123456789abcdef\", "
	 "cnonce=\"x\", qop=auth, nc=00000001\r\n"
	 "Content-Length: 0\r\n"
	 "\r\n"),
    TEXT("MESSAGE tel:+1-201-555-0123;phone-context=example.com SIP/2.0\r\n"
	 "Via: SIP/2.0/UDP h.example.com:5060;branch=z9hG4bKm\r\n"
	 "Max-Forwards: 70\r\n"
	 "From: <urn:service:sos>;tag=1\r\n"
	 "To: tel:112\r\n"
	 "Call-ID: m1\r\n"
	 "CSeq: 4 MESSAGE\r\n"
	 "Content-Type: text/plain\r\n"
	 "Content-Length: 11\r\n"
	 "\r\n"
	 "\r\n\r\nBody\0\r\n"),
};
const size_t rig_n_messages = ARRAY_LEN(rig_messages);

char *rig_exact(struct span s)
{
	/* malloc(0) may give NULL; one octet less than one is not to be had. */
	char *p = malloc(s.n ? s.n : 1);

	assert_non_null(p);
	if (s.n)
		memcpy(p, s.p, s.n);
	return p;
}

void rig_read_limits(struct rig *rig, struct span text, const struct sip_limits *limits)
{
	memset(rig, 0, sizeof(*rig));
	rig->block = rig_exact(text);
	rig->parsed = sip_msg_parse(span_of(rig->block, text.n), limits, rig->headers,
	    SIP_HEADERS_DEFAULT, &rig->msg, &rig->error);
	if (rig->parsed == SIP_OK)
		rig->checked = sip_check(&rig->msg, limits, false, &rig->parts, &rig->finding);
	else
		assert_true(rig->error.at <= text.n && rig->error.reason != SIP_BAD_NONE);
}

void rig_read(struct rig *rig, struct span text)
{
	rig_read_limits(rig, text, &sip_limits_default);
}

void rig_done(struct rig *rig)
{
	free(rig->block);
	rig->block = NULL;
}

bool rig_accepts(const struct rig *rig)
{
	return rig->parsed == SIP_OK && rig->checked == SIP_OK;
}

enum sip_bad rig_reason(const struct rig *rig)
{
	if (rig->parsed != SIP_OK)
		return rig->error.reason;
	return rig->checked != SIP_OK ? rig->finding.reason : SIP_BAD_NONE;
}

enum sip_bad rig_verdict(struct span text)
{
	struct rig rig;
	enum sip_bad reason;

	rig_read(&rig, text);
	reason = rig_reason(&rig);
	rig_done(&rig);
	return reason;
}

static void add_squeezed(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			if (out->n && out->p[out->n - 1] != ' ')
				buf_add_char(out, ' ');
		} else {
			buf_add_char(out, (unsigned char)c < 0x20 || c == 0x7f ? '?' : c);
		}
	}
}

void rig_meaning(const struct sip_msg *msg, struct buf *out)
{
	buf_add_span(out, msg->method_name);
	buf_add_u64(out, msg->status);
	buf_add_span(out, msg->uri);
	buf_add_span(out, msg->phrase);
	buf_addf(out, "|%d %u %d|", (int)msg->method, msg->cseq, msg->max_forwards);
	for (size_t i = 0; i < msg->n_headers; i++) {
		const struct sip_header *h = &msg->headers[i];

		if (h->id == SIP_HEADER_CONTENT_LENGTH)
			continue;
		buf_add_span(out, h->id ? sip_header_name(h->id) : h->name);
		buf_add_lit(out, "\n");
		add_squeezed(out, h->value);
		buf_add_lit(out, "\n");
	}
	buf_add_span(out, msg->body);
	assert_false(out->overflow);
}

struct span rig_file(const char *folder, const char *name)
{
	const char *root = getenv("SIP_CORPUS");
	char path[1024];
	struct span s;
	char *text;
	long n;
	FILE *f;

	assert_non_null(root);
	snprintf(path, sizeof(path), "%s/%s/%s", root, folder, name);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("cannot open %s", path);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	n = ftell(f);
	assert_true(n >= 0);
	rewind(f);
	text = malloc((size_t)n + 1);
	assert_non_null(text);
	s = span_of(text, fread(text, 1, (size_t)n, f));
	assert_int_equal(s.n, n);
	fclose(f);
	return s;
}

void rig_assert_span(struct span got, const char *want, const char *file, int line)
{
	if (!span_eq(got, span_str(want)))
		fail_msg("%s:%d: got \"%.*s\", want \"%s\"", file, line, (int)got.n,
		    got.p ? got.p : "", want);
}

void rig_assert_reason(enum sip_bad got, enum sip_bad want, const char *what)
{
	if (got != want)
		fail_msg("%s: got %s, want %s", what, sip_bad_slug(got), sip_bad_slug(want));
}
