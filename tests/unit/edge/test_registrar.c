/* SPDX-License-Identifier: MIT
 *
 * The registrar, told as stories: each step is a REGISTER at a time, its answer, and what is bound
 * afterwards with the seconds left. Every step runs against the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "edge/registrar.h"

#define T0   (1700000000 * USEC_SEC)
#define NONE UINT32_MAX

enum {
	STAR = 1,
	AGAIN = 2, /* the same request once more */
	PATH = 4,  /* Supported: path */
	OUTBOUND = 8,
};

/* contacts: "URI e=SECONDS q=0..1000 i=INSTANCE r=REG-ID | URI …"; NULL ends a story. */
struct step {
	const char *contacts, *call_id;
	uint32_t cseq, expires; /* NONE: no Expires header */
	unsigned flags, at_s;   /* seconds since T0 */
	const char *path;
	uint16_t status;
	enum reason reason;
	const char *after; /* "URI=LEFT …", sorted as looked up */
};

struct story {
	const char *name;
	struct step steps[12];
};

#define OK_NEW   200, REASON_REGISTRAR_REGISTERED
#define OK_AGAIN 200, REASON_REGISTRAR_REFRESHED
#define OK_GONE  200, REASON_REGISTRAR_REMOVED
#define OK_LIST  200, REASON_REGISTRAR_FETCHED
#define BAD      400, REASON_REGISTRAR_BAD_CONTACT
#define BRIEF    423, REASON_REGISTRAR_TOO_BRIEF
#define MANY     403, REASON_REGISTRAR_TOO_MANY_CONTACTS
#define ORDER    500, REASON_REGISTRAR_OUT_OF_ORDER

/* Minimum 60, default 3600, maximum 7200 seconds; 3 contacts; "self.example.com" is us. */
static const struct story stories[] = {
    {"expiry: default, header, parameter, maximum",
	{{"sip:a@h1", "c", 1, NONE, 0, 0, "", OK_NEW, "sip:a@h1=3600"},
	    {"sip:a@h1", "c", 2, 600, 0, 0, "", OK_AGAIN, "sip:a@h1=600"},
	    {"sip:a@h1 e=700", "c", 3, 600, 0, 0, "", OK_AGAIN, "sip:a@h1=700"},
	    {"sip:a@h1", "c", 4, 7200, 0, 0, "", OK_AGAIN, "sip:a@h1=7200"},
	    {"sip:a@h1", "c", 5, 7201, 0, 0, "", OK_AGAIN, "sip:a@h1=7200"},
	    {"sip:a@h1 e=4294967295", "c", 6, 1, 0, 0, "", OK_AGAIN, "sip:a@h1=7200"},
	    {"", "c", 7, NONE, 0, 7199, "", OK_LIST, "sip:a@h1=1"},
	    {"", "c", 7, NONE, 0, 7200, "", OK_LIST, ""}}},
    {"expiry: minimum",
	{{"sip:a@h1", "c", 1, 59, 0, 0, "", BRIEF, ""},
	    {"sip:a@h1", "c", 2, 1, 0, 0, "", BRIEF, ""},
	    {"sip:a@h1", "c", 3, 60, 0, 0, "", OK_NEW, "sip:a@h1=60"},
	    {"sip:b@h1 e=59", "c", 4, 3600, 0, 0, "", BRIEF, "sip:a@h1=60"},
	    {"sip:b@h1 e=100 | sip:c@h1 e=59", "c", 5, 3600, 0, 0, "", BRIEF, "sip:a@h1=60"},
	    {"sip:a@h1", "c", 6, 0, 0, 0, "", OK_GONE, ""}}},
    {"fetch changes nothing and needs no order",
	{{"sip:a@h1 q=200 | sip:b@h1", "c", 5, NONE, 0, 0, "", OK_NEW,
	     "sip:b@h1=3600 sip:a@h1=3600"},
	    {"", "c", 1, 0, 0, 10, "", OK_LIST, "sip:b@h1=3590 sip:a@h1=3590"}}},
    {"the star",
	{{"sip:a@h1 | sip:b@h1", "c", 1, NONE, 0, 0, "", OK_NEW, "sip:a@h1=3600 sip:b@h1=3600"},
	    {"", "c", 2, NONE, STAR, 0, "", BAD, "sip:a@h1=3600 sip:b@h1=3600"},
	    {"", "c", 2, 1, STAR, 0, "", BAD, "sip:a@h1=3600 sip:b@h1=3600"},
	    {"sip:a@h1", "c", 2, 0, STAR, 0, "", BAD, "sip:a@h1=3600 sip:b@h1=3600"},
	    {"", "c", 1, 0, STAR, 0, "", ORDER, "sip:a@h1=3600 sip:b@h1=3600"},
	    {"", "c", 1, 0, STAR | AGAIN, 0, "", OK_AGAIN, "sip:a@h1=3600 sip:b@h1=3600"},
	    {"", "c", 2, 0, STAR, 0, "", OK_GONE, ""},
	    {"", "c", 2, 0, STAR | AGAIN, 0, "", OK_GONE, ""},
	    {"sip:a@h1", "c", 3, NONE, 0, 0, "", OK_NEW, "sip:a@h1=3600"},
	    {"", "other", 1, 0, STAR, 0, "", OK_GONE, ""}}},
    {"order within a Call-ID",
	{{"sip:a@h1", "c", 10, NONE, 0, 0, "", OK_NEW, "sip:a@h1=3600"},
	    {"sip:a@h1 e=100", "c", 10, NONE, 0, 1, "", ORDER, "sip:a@h1=3599"},
	    {"sip:a@h1", "c", 10, NONE, AGAIN, 1, "", OK_AGAIN, "sip:a@h1=3599"},
	    {"sip:a@h1", "c", 9, NONE, AGAIN, 1, "", ORDER, "sip:a@h1=3599"},
	    {"sip:a@h1 e=0", "c", 10, NONE, 0, 1, "", ORDER, "sip:a@h1=3599"},
	    {"sip:b@h1 | sip:a@h1", "c", 10, NONE, 0, 1, "", ORDER, "sip:a@h1=3599"},
	    {"sip:b@h1", "c", 1, NONE, 0, 1, "", OK_NEW, "sip:b@h1=3600 sip:a@h1=3599"},
	    {"sip:a@h1 e=100", "reboot", 1, NONE, 0, 2, "", OK_AGAIN, "sip:a@h1=100 sip:b@h1=3599"},
	    {"sip:a@h1", "c", 11, NONE, 0, 3, "", OK_AGAIN, "sip:a@h1=3600 sip:b@h1=3598"},
	    {"sip:a@h1", "c", 4294967295, NONE, 0, 4, "", OK_AGAIN,
		"sip:a@h1=3600 sip:b@h1=3597"}}},
    {"what expired has no order", {{"sip:a@h1", "c", 10, 60, 0, 0, "", OK_NEW, "sip:a@h1=60"},
				      {"sip:a@h1", "c", 1, 60, 0, 59, "", ORDER, "sip:a@h1=1"},
				      {"sip:a@h1", "c", 1, 60, 0, 60, "", OK_NEW, "sip:a@h1=60"}}},
    {"equal URIs are one contact (RFC 3261 §19.1.4)",
	{{"sip:a@H1.example.com;transport=udp", "c", 1, NONE, 0, 0, "", OK_NEW,
	     "sip:a@H1.example.com;transport=udp=3600"},
	    {"sip:a@h1.EXAMPLE.com;Transport=UDP", "c", 2, NONE, 0, 0, "", OK_AGAIN,
		"sip:a@h1.EXAMPLE.com;Transport=UDP=3600"},
	    {"sip:A@h1.example.com;transport=udp e=60", "c", 3, NONE, 0, 0, "", OK_NEW,
		"sip:a@h1.EXAMPLE.com;Transport=UDP=3600 "
		"sip:A@h1.example.com;transport=udp=60"},
	    {"sip:a@h1.example.com;transport=udp e=0", "c", 4, NONE, 0, 0, "", OK_GONE,
		"sip:A@h1.example.com;transport=udp=60"}}},
    {"several at once: all or nothing",
	{{"sip:a@h1 | sip:b@h1 e=60 q=10 | sip:c@h1 q=500", "c", 1, NONE, 0, 0, "", OK_NEW,
	     "sip:a@h1=3600 sip:c@h1=3600 sip:b@h1=60"},
	    {"sip:a@h1 e=0 | sip:b@h1 q=1000 | sip:d@h1 q=0", "c", 2, 100, 0, 1, "", OK_NEW,
		"sip:b@h1=100 sip:c@h1=3599 sip:d@h1=100"},
	    {"sip:b@h1 e=0 | tel:+491234", "c", 3, 100, 0, 1, "", BAD,
		"sip:b@h1=100 sip:c@h1=3599 sip:d@h1=100"},
	    {"sip:x@h1 | sip:x@h1 e=200 | sip:b@h1 e=0", "c", 3, 100, 0, 1, "", OK_NEW,
		"sip:x@h1=200 sip:c@h1=3599 sip:d@h1=100"},
	    {"sip:x@h1 e=0 | sip:c@h1 e=0 | sip:d@h1 e=0", "c", 4, 100, 0, 1, "", OK_GONE, ""}}},
    {"no more contacts than allowed",
	{{"sip:1@h | sip:2@h | sip:3@h | sip:4@h", "c", 1, NONE, 0, 0, "", MANY, ""},
	    {"sip:1@h | sip:2@h | sip:3@h", "c", 1, NONE, 0, 0, "", OK_NEW,
		"sip:1@h=3600 sip:2@h=3600 sip:3@h=3600"},
	    {"sip:4@h", "d", 1, NONE, 0, 0, "", MANY, "sip:1@h=3600 sip:2@h=3600 sip:3@h=3600"},
	    {"sip:4@h | sip:1@h e=0", "c", 2, NONE, 0, 1, "", OK_NEW,
		"sip:4@h=3600 sip:2@h=3599 sip:3@h=3599"},
	    {"sip:2@h", "c", 3, NONE, 0, 2, "", OK_AGAIN, "sip:2@h=3600 sip:4@h=3599 sip:3@h=3598"},
	    {"sip:9@h e=0", "c", 4, NONE, 0, 2, "", OK_GONE,
		"sip:2@h=3600 sip:4@h=3599 sip:3@h=3598"},
	    {"sip:5@h", "d", 1, NONE, 0, 3598 + 2, "", OK_NEW,
		"sip:5@h=3600 sip:2@h=2 sip:4@h=1"}}},
    {"a device that restarted takes its own place, but only when there is no other",
	{{"sip:1@h i=<urn:x:1>", "boot1", 1, NONE, 0, 0, "", OK_NEW, "sip:1@h=3600"},
	    {"sip:2@h i=<urn:x:1>", "boot2", 1, NONE, 0, 1, "", OK_NEW,
		"sip:2@h=3600 sip:1@h=3599"},
	    {"sip:3@h", "z", 1, NONE, 0, 2, "", OK_NEW, "sip:3@h=3600 sip:2@h=3599 sip:1@h=3598"},
	    {"sip:4@h i=<urn:x:2>", "y", 1, NONE, 0, 3, "", MANY,
		"sip:3@h=3599 sip:2@h=3598 sip:1@h=3597"},
	    {"sip:4@h i=<urn:x:1>", "boot2", 2, NONE, 0, 3, "", OK_NEW,
		"sip:4@h=3600 sip:3@h=3599 sip:2@h=3598"},
	    {"sip:5@h i=<URN:X:1>", "boot3", 1, NONE, 0, 4, "", OK_NEW,
		"sip:5@h=3600 sip:3@h=3598"}}},
    {"flows of a device (RFC 5626 §6)",
	{{"sip:a@h1 i=<urn:x:1> r=1", "c", 1, NONE, OUTBOUND, 0, "", OK_NEW, "sip:a@h1=3600"},
	    {"sip:a@h1 i=<urn:x:1> r=2", "d", 1, NONE, OUTBOUND, 1, "", OK_NEW,
		"sip:a@h1=3600 sip:a@h1=3599"},
	    {"sip:a@h9 i=<urn:x:1> r=1", "e", 1, NONE, OUTBOUND, 2, "", OK_AGAIN,
		"sip:a@h9=3600 sip:a@h1=3599"},
	    {"sip:a@h9 i=<urn:x:1> r=1", "e", 1, NONE, OUTBOUND, 3, "", ORDER,
		"sip:a@h9=3599 sip:a@h1=3598"},
	    {"sip:a@h9 i=<urn:x:2> r=1", "f", 1, NONE, OUTBOUND, 3, "", OK_NEW,
		"sip:a@h9=3600 sip:a@h9=3599 sip:a@h1=3598"},
	    {"sip:a@h1 e=0 i=<urn:x:1> r=2", "d", 2, NONE, OUTBOUND, 3, "", OK_GONE,
		"sip:a@h9=3600 sip:a@h9=3599"},
	    {"sip:a@h1 i=<urn:x:1> r=1 | sip:b@h1 i=<urn:x:1> r=2", "g", 1, NONE, OUTBOUND, 3, "",
		BAD, "sip:a@h9=3600 sip:a@h9=3599"},
	    {"sip:z@h1 i=<urn:x:1> r=1 | sip:a@h9 e=0 i=<urn:x:2> r=1", "g", 1, NONE, OUTBOUND, 4,
		"", OK_AGAIN, "sip:z@h1=3600"}}},
    {"without Supported: outbound a reg-id means nothing",
	{{"sip:a@h1 i=<urn:x:1> r=1", "c", 1, NONE, 0, 0, "", OK_NEW, "sip:a@h1=3600"},
	    {"sip:a@h2 i=<urn:x:1> r=1", "c", 2, NONE, 0, 1, "", OK_NEW,
		"sip:a@h2=3600 sip:a@h1=3599"}}},
    {"contacts that cannot be registered",
	{{"tel:+491234", "c", 1, NONE, 0, 0, "", BAD, ""},
	    {"mailto:a@h1", "c", 1, NONE, 0, 0, "", BAD, ""},
	    {"sip:", "c", 1, NONE, 0, 0, "", BAD, ""},
	    {"sip:a@h1 i=a\"b", "c", 1, NONE, 0, 0, "", BAD, ""},
	    {"sip:a@h1 q=1001", "c", 1, NONE, 0, 0, "", BAD, ""},
	    {"sip:a@self.example.com", "c", 1, NONE, 0, 0, "", 403, REASON_REGISTRAR_OWN_CONTACT,
		""},
	    {"sip:a@self.example.com e=0", "c", 1, NONE, 0, 0, "", OK_GONE, ""},
	    {"sips:a@h1", "c", 1, NONE, 0, 0, "", OK_NEW, "sips:a@h1=3600"}}},
};

/* ---- telling a story ---- */

struct fixture {
	struct bindings *t;
	struct binding_set s;
	struct registrar_policy policy;
};

static bool names_self(void *arg, const struct sip_uri *uri)
{
	return span_ieq(uri->host.text, span_str(arg));
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(bindings_new(1000, &(struct siphash_key){3, 4}, &f->t), OK);
	assert_int_equal(binding_set_init(&f->s), OK);
	registrar_policy_init(&f->policy);
	f->policy.max_contacts = 3;
	f->policy.is_self = names_self;
	f->policy.is_self_arg = (char *)"self.example.com";
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	bindings_free(f->t);
	binding_set_done(&f->s);
	free(f);
	return 0;
}

static size_t parse_contacts(const char *text, struct registrar_contact *out)
{
	struct span rest = span_str(text), one, word;
	size_t n = 0;

	while (rest.n) {
		struct registrar_contact c = {.q = BINDING_Q_MAX};
		uint32_t v;

		span_cut(&rest, '|', &one);
		one = span_trim(one);
		span_cut(&one, ' ', &c.uri);
		while (one.n) {
			span_cut(&one, ' ', &word);
			struct span value = span_of(word.p + 2, word.n - 2);

			if (word.p[0] == 'i') {
				c.instance = value;
				continue;
			}
			assert_int_equal(span_to_u32(value, UINT32_MAX, &v), OK);
			if (word.p[0] == 'e') {
				c.has_expires = true;
				c.expires = v;
			} else if (word.p[0] == 'q') {
				c.q = (uint16_t)v;
			} else {
				c.reg_id = v;
			}
		}
		out[n++] = c;
	}
	return n;
}

static struct registrar_request request(
    const char *aor, const struct step *st, struct registrar_contact *contacts)
{
	return (struct registrar_request){
	    .aor = span_str(aor),
	    .call_id = span_str(st->call_id),
	    .cseq = st->cseq,
	    .contacts = contacts,
	    .n_contacts = parse_contacts(st->contacts, contacts),
	    .star = st->flags & STAR,
	    .has_expires = st->expires != NONE,
	    .expires = st->expires == NONE ? 0 : st->expires,
	    .retransmission = st->flags & AGAIN,
	    .supports_path = st->flags & PATH,
	    .supports_outbound = st->flags & OUTBOUND,
	    .path = span_str(st->path),
	    .user_agent = SPAN("phone/1.0"),
	    .flow = {.transport = TRANSPORT_UDP, .remote = {.port = 1000}},
	    .wall = T0 + st->at_s * USEC_SEC,
	};
}

static void listing(struct buf *b, const struct binding_set *s, usec_t wall)
{
	b->n = 0;
	for (size_t i = 0; i < s->n; i++) {
		if (i)
			buf_add_char(b, ' ');
		buf_add_span(b, s->items[i].contact);
		buf_add_char(b, '=');
		buf_add_u64(b, (s->items[i].expires_at - wall) / USEC_SEC);
	}
	assert_true(buf_terminate(b));
}

static void tell(struct fixture *f, const char *aor, const struct story *story)
{
	struct registrar_contact contacts[8];
	char text[1024];
	struct buf b = BUF(text);

	for (const struct step *st = story->steps; st->contacts; st++) {
		struct registrar_request req = request(aor, st, contacts);
		struct registrar_result r;
		bool ok;

		registrar_register(f->t, &req, &f->policy, &f->s, &r);
		ok = r.status == st->status && r.reason == st->reason;
		if (ok && r.status == 200) {
			listing(&b, &f->s, req.wall);
			ok = strcmp(text, st->after) == 0;
		}
		bindings_lookup(f->t, req.aor, req.wall, &f->s);
		listing(&b, &f->s, req.wall);
		if (!ok || strcmp(text, st->after) != 0)
			fail_msg("%s, step %td: %u %s, bound: \"%s\", not \"%s\"", story->name,
			    st - story->steps + 1, r.status, reason_name(r.reason), text,
			    st->after);
	}
}

static void test_stories(void **state)
{
	char aor[32];

	for (size_t i = 0; i < ARRAY_LEN(stories); i++) {
		snprintf(aor, sizeof(aor), "story%zu@example.com", i);
		tell(*state, aor, &stories[i]);
	}
}

static struct registrar_result once(struct fixture *f, const struct step *st)
{
	struct registrar_contact contacts[8];
	struct registrar_request req = request("once@example.com", st, contacts);
	struct registrar_result r;

	registrar_register(f->t, &req, &f->policy, &f->s, &r);
	return r;
}

/* A minimum above an hour may not refuse an hour (RFC 3261 §10.3 step 7). */
static void test_minimum_over_an_hour(void **state)
{
	struct fixture *f = *state;
	struct step st = {"sip:a@h", "c", 1, 3599, 0, 0, "", BRIEF, ""};
	struct registrar_result r;

	f->policy.min_expires = 4000;
	f->policy.default_expires = 5000;
	r = once(f, &st);
	assert_int_equal(r.status, 423);
	assert_int_equal(r.min_expires, 4000);
	assert_int_equal(r.value, 3599);
	assert_int_equal(r.limit, 4000);
	st.expires = 3600;
	assert_int_equal(once(f, &st).status, 200);
}

/* What a refresh takes over: flow, Path, agent, q; and what it keeps: the time of the first. */
static void test_refresh_replaces_all(void **state)
{
	struct fixture *f = *state;
	struct step st = {
	    "sip:a@h q=100 i=<urn:x:1>", "c", 1, NONE, PATH, 0, "<sip:p;lr>", OK_NEW, ""};
	struct registrar_contact contacts[8];
	struct registrar_request req = request("once@example.com", &st, contacts);
	struct registrar_result r;
	const struct binding *b;

	registrar_register(f->t, &req, &f->policy, &f->s, &r);
	assert_true(r.changed && r.path_kept && r.added == 1);
	st = (struct step){"sip:a@h", "d", 7, NONE, 0, 50, "", OK_AGAIN, ""};
	req = request("once@example.com", &st, contacts);
	req.flow.remote.port = 2000;
	req.flow.transport = TRANSPORT_TCP;
	req.flow.conn = 5;
	req.user_agent = SPAN("phone/2.0");
	registrar_register(f->t, &req, &f->policy, &f->s, &r);
	assert_true(r.changed && !r.path_kept && r.refreshed == 1 && r.added == 0);
	assert_int_equal(f->s.n, 1);
	b = &f->s.items[0];
	assert_int_equal(b->flow.remote.port, 2000);
	assert_int_equal(b->flow.conn, 5);
	assert_int_equal(b->path.n, 0);
	assert_int_equal(b->instance.n, 0);
	assert_int_equal(b->q, BINDING_Q_MAX);
	assert_int_equal(b->cseq, 7);
	assert_int_equal(b->registered_at, T0);
	assert_int_equal(b->updated_at, T0 + 50 * USEC_SEC);
	assert_true(span_eq(b->user_agent, SPAN("phone/2.0")));
	assert_true(span_eq(b->call_id, SPAN("d")));
}

static void test_path_modes(void **state)
{
	static const struct {
		enum registrar_path mode;
		bool supports;
		uint16_t status;
		bool kept;
	} rows[] = {
	    {REGISTRAR_PATH_SUPPORTED, true, 200, true},
	    {REGISTRAR_PATH_SUPPORTED, false, 200, false},
	    {REGISTRAR_PATH_ALWAYS, true, 200, true},
	    {REGISTRAR_PATH_ALWAYS, false, 200, true},
	    {REGISTRAR_PATH_REQUIRE, true, 200, true},
	    {REGISTRAR_PATH_REQUIRE, false, 420, false},
	    {REGISTRAR_PATH_IGNORE, true, 200, false},
	    {REGISTRAR_PATH_IGNORE, false, 200, false},
	};
	struct fixture *f = *state;

	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct step st = {"sip:a@h", "c", i + 1, NONE, rows[i].supports ? PATH : 0, 0,
		    "<sip:p;lr>", OK_NEW, ""};
		struct registrar_result r;

		f->policy.path = rows[i].mode;
		r = once(f, &st);
		assert_int_equal(r.status, rows[i].status);
		assert_int_equal(r.path_kept, rows[i].kept);
		if (r.status == 200)
			assert_int_equal(f->s.items[0].path.n, rows[i].kept ? 10 : 0);
		else
			assert_int_equal(r.reason, REASON_REGISTRAR_PATH_UNSUPPORTED);
	}
}

/* Each length at its limit, and one more; the policy's limit and the table's own. */
static void test_lengths(void **state)
{
	static const struct {
		size_t field, policy, max;
		uint16_t over;
	} rows[] = {
	    {0, offsetof(struct registrar_policy, max_contact_bytes), BINDING_CONTACT_MAX, 400},
	    {1, offsetof(struct registrar_policy, max_call_id_bytes), BINDING_CALL_ID_MAX, 400},
	    {2, offsetof(struct registrar_policy, max_path_bytes), BINDING_PATH_MAX, 400},
	    {3, offsetof(struct registrar_policy, max_instance_bytes), BINDING_INSTANCE_MAX, 400},
	    {4, offsetof(struct registrar_policy, max_user_agent_bytes), BINDING_USER_AGENT_MAX,
		200},
	    {5, 0, BINDING_AOR_MAX, 400},
	};
	struct fixture *f = *state;
	char text[2000];

	memset(text, 'x', sizeof(text));
	memcpy(text, "sip:x@", 6);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t less = 0; less < (rows[i].policy ? 2 : 1); less++)
			for (size_t over = 0; over < 2; over++) {
				struct step st = {"sip:a@h", "c", 1, NONE, PATH, 0, "", OK_NEW, ""};
				struct registrar_contact contacts[8];
				struct registrar_request req = request("l@h", &st, contacts);
				struct registrar_policy p = f->policy;
				struct registrar_result r;
				size_t max = rows[i].max - 100 * less;
				struct span s = span_of(text, max + over);

				if (rows[i].policy)
					*(size_t *)((char *)&p + rows[i].policy) =
					    less ? max : 100000;
				switch (rows[i].field) {
				case 0:
					contacts[0].uri = s;
					break;
				case 1:
					req.call_id = s;
					break;
				case 2:
					req.path = s;
					break;
				case 3:
					contacts[0].instance = span_of(text + 8, s.n);
					break;
				case 4:
					req.user_agent = s;
					break;
				default:
					req.aor = s;
					break;
				}
				registrar_register(f->t, &req, &p, &f->s, &r);
				assert_int_equal(r.status, over ? rows[i].over : 200);
				if (rows[i].field == 4)
					assert_int_equal(f->s.items[0].user_agent.n, max);
				bindings_remove(f->t, req.aor, T0, &f->s);
			}
}

static void test_full_table(void **state)
{
	struct fixture *f = *state;
	struct step st = {"sip:a@h", "c", 1, NONE, 0, 0, "", OK_NEW, ""};
	struct registrar_contact contacts[8];
	struct registrar_result r;
	char aor[32];

	for (int i = 0; i <= 1000; i++) {
		struct registrar_request req;

		snprintf(aor, sizeof(aor), "u%d@h", i);
		req = request(aor, &st, contacts);
		registrar_register(f->t, &req, &f->policy, &f->s, &r);
		assert_int_equal(r.status, i < 1000 ? 200 : 503);
	}
	assert_int_equal(r.reason, REASON_REGISTRAR_FULL);
	assert_false(r.changed);
}

/* After max_contacts was lowered, what is there can be refreshed, and nothing be added. */
static void test_lowered_limit(void **state)
{
	struct fixture *f = *state;
	struct step st = {"sip:a@h | sip:b@h | sip:c@h", "c", 1, NONE, 0, 0, "", OK_NEW, ""};

	assert_int_equal(once(f, &st).status, 200);
	f->policy.max_contacts = 1;
	st.contacts = "sip:b@h";
	st.cseq = 2;
	assert_int_equal(once(f, &st).status, 200);
	assert_int_equal(f->s.n, 3);
	st.contacts = "sip:d@h";
	st.cseq = 3;
	assert_int_equal(once(f, &st).status, 403);
	st.contacts = "sip:d@h | sip:a@h e=0 | sip:b@h e=0";
	assert_int_equal(once(f, &st).status, 200);
	assert_int_equal(f->s.n, 2);
}

/* At the table's own limit of contacts, above any policy. */
static void test_hard_limit(void **state)
{
	struct fixture *f = *state;
	struct registrar_contact contacts[BINDING_CONTACTS_MAX + 1];
	struct step st = {"", "c", 1, NONE, 0, 0, "", OK_NEW, ""};
	struct registrar_request req = request("many@h", &st, contacts);
	static char uris[BINDING_CONTACTS_MAX + 1][16];
	struct registrar_result r;

	f->policy.max_contacts = 1000;
	for (size_t i = 0; i < ARRAY_LEN(contacts); i++) {
		snprintf(uris[i], sizeof(uris[i]), "sip:u%zu@h", i);
		contacts[i] = (struct registrar_contact){.uri = span_str(uris[i])};
	}
	req.n_contacts = ARRAY_LEN(contacts);
	registrar_register(f->t, &req, &f->policy, &f->s, &r);
	assert_int_equal(r.status, 403);
	req.n_contacts--;
	registrar_register(f->t, &req, &f->policy, &f->s, &r);
	assert_int_equal(r.status, 200);
	assert_int_equal(f->s.n, BINDING_CONTACTS_MAX);
	req.contacts = &contacts[BINDING_CONTACTS_MAX];
	req.n_contacts = 1;
	registrar_register(f->t, &req, &f->policy, &f->s, &r);
	assert_int_equal(r.status, 403);
	bindings_lookup(f->t, req.aor, T0, &f->s);
	assert_int_equal(f->s.n, BINDING_CONTACTS_MAX);
}

static void test_writing(void **state)
{
	struct fixture *f = *state;
	struct step st = {"sip:a@h e=60 | sip:b@h;ob q=5 i=<urn:x:1> r=2", "c", 1, NONE, OUTBOUND,
	    0, "", OK_NEW, ""};
	char text[512];
	struct buf b = BUF(text);

	assert_true(once(f, &st).outbound_used);
	registrar_write_contacts(&b, &f->s, T0);
	assert_true(span_eq(buf_span(&b),
	    SPAN("Contact: <sip:a@h>;expires=60\r\n"
		 "Contact: <sip:b@h;ob>;expires=3600;q=0.005;+sip.instance=\"<urn:x:1>\";"
		 "reg-id=2\r\n")));
	b.n = 0;
	registrar_write_contact_values(&b, &f->s, T0 + 60 * USEC_SEC - 1);
	assert_true(span_starts(buf_span(&b), SPAN("<sip:a@h>;expires=1, <sip:b@h;ob>;")));
	b.n = 0;
	f->s.n = 0;
	registrar_write_contacts(&b, &f->s, T0);
	assert_int_equal(b.n, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_stories),
	    TEST(test_minimum_over_an_hour),
	    TEST(test_refresh_replaces_all),
	    TEST(test_path_modes),
	    TEST(test_lengths),
	    TEST(test_full_table),
	    TEST(test_lowered_limit),
	    TEST(test_hard_limit),
	    TEST(test_writing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
