/* SPDX-License-Identifier: MIT
 *
 * What SIP as data costs a message, in nanoseconds: parse, check, answer, edit. One thread, the
 * same message over and over (caches warm), the best of several rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sip/auth.h"
#include "sip/build.h"
#include "sip/check.h"
#include "sip/edit.h"

static const char options_text[] =
    "OPTIONS sip:edge.example.com SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bK-524287-1---0f3eb40b;rport\r\n"
    "Max-Forwards: 70\r\n"
    "From: <sip:probe@192.0.2.10>;tag=5e00e125\r\n"
    "To: <sip:edge.example.com>\r\n"
    "Call-ID: wSSsR1c-lUjKuRhxr0iEKA@192.0.2.10\r\n"
    "CSeq: 1 OPTIONS\r\n"
    "Contact: <sip:probe@192.0.2.10:5070>\r\n"
    "User-Agent: probe 1.0\r\n"
    "Accept: application/sdp\r\n"
    "Content-Length: 0\r\n"
    "\r\n";

static const char invite_text[] =
    "INVITE sip:bob@example.com SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.44:40231;branch=z9hG4bKPj8d7ba6f7a5e14cc;rport\r\n"
    "Max-Forwards: 70\r\n"
    "From: \"Alice\" <sip:alice@example.com>;tag=1c9d7b2a6f\r\n"
    "To: <sip:bob@example.com>\r\n"
    "Contact: <sip:alice@192.0.2.44:40231;ob>\r\n"
    "Call-ID: 3848276298220188511@192.0.2.44\r\n"
    "CSeq: 21063 INVITE\r\n"
    "Allow: PRACK, INVITE, ACK, BYE, CANCEL, UPDATE, INFO, SUBSCRIBE, NOTIFY, REFER\r\n"
    "Supported: replaces, 100rel, timer, norefersub\r\n"
    "Session-Expires: 1800\r\n"
    "Min-SE: 90\r\n"
    "User-Agent: phone 2.13 (x86_64, linux 6.1)\r\n"
    "Content-Type: application/sdp\r\n"
    "Content-Length: 251\r\n"
    "\r\n"
    "v=0\r\n"
    "o=- 3848276298 3848276298 IN IP4 192.0.2.44\r\n"
    "s=phone\r\n"
    "c=IN IP4 192.0.2.44\r\n"
    "t=0 0\r\n"
    "m=audio 4000 RTP/AVP 8 0 101\r\n"
    "a=rtcp:4001 IN IP4 192.0.2.44\r\n"
    "a=sendrecv\r\n"
    "a=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:0 PCMU/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\n"
    "a=ptime:20\r\n";

static const char credentials_text[] =
    "Digest username=\"alice\", realm=\"example.com\", "
    "nonce=\"MTY5OTk5OTk5OWI4YzQ2MmVhMTBkNjI0\", uri=\"sip:example.com\", "
    "response=\"6629fae49393a05397450978507c4ef1\", algorithm=MD5, "
    "cnonce=\"0a4f113b\", qop=auth, nc=00000001";

struct work {
	struct span text;
	struct sip_header headers[SIP_HEADERS_DEFAULT];
	struct sip_msg msg;
	struct sip_parts parts;
	struct sip_finding finding;
	struct addr source;
	char out[4096];
};

/* The result of each round is used, or the compiler would drop it. */
typedef unsigned work_fn(struct work *w);

static unsigned parse(struct work *w)
{
	struct sip_parse_error error;

	return sip_msg_parse(
	    w->text, &sip_limits_default, w->headers, SIP_HEADERS_DEFAULT, &w->msg, &error);
}

static unsigned parse_parties(struct work *w)
{
	struct sip_nameaddr from, to, contact;
	struct sip_values it;
	unsigned r = parse(w);

	it = sip_values_of(&w->msg, SIP_HEADER_CONTACT);
	return r + (unsigned)sip_msg_from(&w->msg, &from) + (unsigned)sip_msg_to(&w->msg, &to) +
	       (unsigned)sip_values_next_nameaddr(&it, &contact);
}

static unsigned check(struct work *w)
{
	return sip_check(&w->msg, &sip_limits_default, false, &w->parts, &w->finding);
}

static unsigned answer(struct work *w)
{
	struct sip_reply reply = {
	    .status = 200, .to_tag = SPAN("a6c85cf"), .source = &w->source, .extra = SPAN("")};
	struct buf out = BUF(w->out);

	return sip_build_response(&w->msg, &reply, &out);
}

/* What a proxy does: a Via above, its name in the Record-Route, one hop less, a new target. */
static unsigned forward(struct work *w)
{
	struct sip_edit list[8];
	struct sip_edits edits = sip_edits_of(list, 8);
	struct buf out = BUF(w->out);

	sip_edit_uri(&edits, SPAN("sip:bob@198.51.100.20:5062;ob"));
	sip_edit_insert_top(&edits, &w->msg, SIP_HEADER_VIA,
	    SPAN("Via: SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bK.0a1b2c3d4e5f.0"));
	sip_edit_insert_top(
	    &edits, &w->msg, SIP_HEADER_RECORD_ROUTE, SPAN("Record-Route: <sip:203.0.113.10;lr>"));
	sip_edit_set(&edits, &w->msg, SIP_HEADER_MAX_FORWARDS, SPAN("Max-Forwards: 69"));
	return sip_edit_write(&w->msg, &edits, &out);
}

static unsigned credentials(struct work *w)
{
	struct sip_parse_error error;
	struct sip_auth auth;

	(void)w;
	return sip_auth_parse_credentials(span_of(credentials_text, sizeof(credentials_text) - 1),
	    &sip_limits_default, &auth, &error);
}

static double nanoseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void measure(const char *name, work_fn *fn, struct work *w, unsigned rounds)
{
	double best = 1e18;
	unsigned bad = 0;

	for (int i = 0; i < 7; i++) {
		double start = nanoseconds(), each;

		for (unsigned j = 0; j < rounds; j++) {
			bad += fn(w);
			__asm__ volatile("" : : "r"(w) : "memory");
		}
		each = (nanoseconds() - start) / rounds;
		best = MIN(best, each);
	}
	printf("%-34s %8.1f ns%s\n", name, best, bad ? "  FAILED" : "");
}

int main(int argc, char **argv)
{
	static struct work options = {.text = {options_text, sizeof(options_text) - 1}};
	static struct work invite = {.text = {invite_text, sizeof(invite_text) - 1}};
	unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 200000;

	if (rounds == 0 || addr_parse(SPAN("198.51.100.7:5070"), 0, &options.source) != OK)
		return 2;
	invite.source = options.source;
	printf("OPTIONS of %zu octets, INVITE of %zu octets\n", options.text.n, invite.text.n);
	measure("OPTIONS parse", parse, &options, rounds);
	measure("OPTIONS check", check, &options, rounds);
	measure("OPTIONS answer", answer, &options, rounds);
	measure("INVITE parse", parse, &invite, rounds);
	measure("INVITE parse, From, To, Contact", parse_parties, &invite, rounds);
	measure("INVITE check", check, &invite, rounds);
	measure("INVITE answer", answer, &invite, rounds);
	measure("INVITE forward", forward, &invite, rounds);
	measure("digest credentials", credentials, &invite, rounds);
	return 0;
}
