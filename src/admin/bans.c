/* SPDX-License-Identifier: MIT
 *
 * `bans`, `ban`, `unban`, `standing`: what the judge holds against sources, and a person's word in
 * it. */
#include "admin/command.h"

#define WALK_BUDGET 16384 /* sets looked at for one answer */

static const char *const kind_names[LEDGER_KIND_COUNT] = {
    [LEDGER_SOURCE] = "address",
    [LEDGER_PREFIX] = "prefix",
    [LEDGER_FLOW] = "flow",
    [LEDGER_DEVICE] = "device",
    [LEDGER_PEER] = "peer",
};

static struct addr address_of(const struct prefix *p)
{
	struct addr a = {0};

	memcpy(a.ip, p->ip, sizeof(a.ip));
	return a;
}

/* One of them lies in the other. */
static bool prefixes_meet(const struct prefix *a, const struct prefix *b)
{
	const struct prefix *wide = a->bits <= b->bits ? a : b;
	struct addr narrow = address_of(wide == a ? b : a);

	return prefix_contains(wide, &narrow);
}

/* An address or prefix; of an IPv6 address its /64, which is what a source is. */
static const char *read_source(const json_t *request, struct prefix *out_p)
{
	enum err e = prefix_parse(admin_text_member(request, "source"), out_p);
	struct addr a;

	if (e == ERR_RANGE)
		return "source: bits are set behind the prefix, or it is too long";
	if (e != OK)
		return "source: must be an address or a prefix, such as 192.0.2.7 or 192.0.2.0/24";
	a = address_of(out_p);
	if (!addr_is_v4(&a) && out_p->bits > 64) {
		memset(out_p->ip + 8, 0, 8);
		out_p->bits = 64;
	}
	return NULL;
}

static const char *read_person(const struct admin_call *c, struct admin_person *out_who)
{
	*out_who = (struct admin_person){c->uid, admin_text_member(c->request, "reason")};
	return out_who->words.n <= ADMIN_WORDS_MAX ? NULL : "reason: at most 48 bytes";
}

void admin_put_prefix(struct json *j, const char *key, const struct prefix *p)
{
	char text[ADDR_TEXT_MAX];
	struct buf b = BUF(text);
	struct addr a = address_of(p);

	if (p->bits == 128)
		addr_add_ip(&b, &a);
	else
		prefix_add(&b, p);
	json_put_str(j, key, buf_span(&b));
}

void admin_put_seconds_ago(struct json *j, const char *key, usec_t then, usec_t now)
{
	json_key(j, key);
	if (then)
		json_u64(j, now > then ? (now - then) / USEC_SEC : 0);
	else
		json_nil(j);
}

/* Rounded up: what is over in half a second is not over. */
uint64_t admin_seconds_until(usec_t then, usec_t now)
{
	return then > now ? (then - now + USEC_SEC - 1) / USEC_SEC : 0;
}

void admin_put_score(struct json *j, const char *key, float score)
{
	json_key(j, key);
	json_milli(j, (int64_t)((double)score * 1000 + 0.5));
}

/* ---- bans ---- */

struct page {
	struct json *j;
	const struct admin_backend *backend;
	const struct prefix *wanted; /* NULL: all */
	usec_t now;
	size_t begin;
};

void admin_put_source(struct json *j, const struct ledger_key *k)
{
	char text[ADDR_TEXT_MAX];
	struct buf b = BUF(text);

	ledger_key_add(&b, k);
	json_put_str(j, "source", buf_span(&b));
	json_put_cstr(j, "kind", kind_names[ledger_key_kind(k)]);
}

static bool write_ban(void *arg, const struct standing_view *v, const struct prefix *prefix)
{
	struct page *p = arg;
	struct prefix of_key = prefix ? *prefix : ledger_key_prefix(&v->key);

	if (p->j->b->n - p->begin >= ADMIN_PAGE_BYTES)
		return false;
	if (p->wanted && !prefixes_meet(p->wanted, &of_key))
		return true;
	json_object_begin(p->j);
	if (prefix) {
		admin_put_prefix(p->j, "source", prefix);
		json_put_cstr(p->j, "kind", kind_names[LEDGER_PREFIX]);
	} else {
		admin_put_source(p->j, &v->key);
	}
	json_put_cstr(p->j, "reason", reason_name(v->reason));
	json_put_bool(p->j, "manual", v->manual);
	json_put_u64(p->j, "expires_in", admin_seconds_until(v->banned_until, p->now));
	json_put_u64(p->j, "offences", v->offences);
	admin_put_score(p->j, "score", v->score);
	json_put_u64(p->j, "dropped", v->dropped);
	admin_put_seconds_ago(p->j, "seen_ago", v->seen, p->now);
	admin_put_place(p->j, p->backend, v, prefix);
	json_object_end(p->j);
	return true;
}

static void put_cursor(struct json *j, size_t cursor)
{
	char text[24];
	struct buf b = BUF(text);

	buf_add_u64(&b, cursor);
	json_put_str(j, "cursor", buf_span(&b));
}

const char *admin_bans_run(struct admin_call *c)
{
	struct page page = {c->reply, c->backend, NULL, c->now, c->reply->b->n};
	struct span at = admin_text_member(c->request, "cursor");
	struct prefix wanted;
	uint64_t number = 0;
	size_t cursor;
	bool more;

	if (json_object_get(c->request, "source")) {
		const char *error = read_source(c->request, &wanted);

		if (error)
			return error;
		page.wanted = &wanted;
	}
	if (at.n && span_to_u64(at, SIZE_MAX, &number) != OK)
		return "cursor: not one of ours";
	cursor = (size_t)number;
	json_key(c->reply, "bans");
	json_array_begin(c->reply);
	more = c->backend->bans(c->backend->arg, &cursor, WALK_BUDGET, write_ban, &page);
	json_array_end(c->reply);
	if (more)
		put_cursor(c->reply, cursor);
	return NULL;
}

/* ---- ban, unban ---- */

static const char *read_time(const json_t *request, usec_t *out_time)
{
	const json_t *v = json_object_get(request, "seconds");
	json_int_t seconds = json_integer_value(v);

	if (!v)
		*out_time = 0;
	else if (json_is_integer(v) && seconds > 0 && (uint64_t)seconds <= ADMIN_BAN_MAX / USEC_SEC)
		*out_time = (usec_t)seconds * USEC_SEC;
	else
		return "seconds: must be from 1 to 31536000 (365 days): every ban ends";
	return NULL;
}

/* What the backend said, as the error of the answer. */
static const char *refused(struct admin_call *c, enum err e, struct buf *why)
{
	if (e == ERR_FULL)
		return "as many prefixes are banned by hand as there is room for; `unban` some";
	if (!why->n || !buf_terminate(why))
		return err_text(e);
	return c->scratch;
}

const char *admin_ban_run(struct admin_call *c)
{
	struct buf why = buf_of(c->scratch, ADMIN_SCRATCH - 1);
	struct admin_person who;
	struct prefix what;
	usec_t time;
	const char *error = read_source(c->request, &what);
	enum err e;

	if (!error)
		error = read_time(c->request, &time);
	if (!error)
		error = read_person(c, &who);
	if (error)
		return error;
	e = c->backend->ban(c->backend->arg, &what, time, &who, &why, &time);
	if (e != OK)
		return refused(c, e, &why);
	admin_put_prefix(c->reply, "source", &what);
	json_put_u64(c->reply, "expires_in", admin_seconds_until(time, 0));
	return NULL;
}

/* The first ban that meets an address or prefix, as text. */
static bool note_first(void *arg, const struct standing_view *v, const struct prefix *prefix)
{
	struct page *p = arg;
	struct prefix of_key = prefix ? *prefix : ledger_key_prefix(&v->key);

	if (!prefixes_meet(p->wanted, &of_key))
		return true;
	admin_put_prefix(p->j, "but", &of_key);
	return false;
}

/* It was not banned itself: is what it lies in, or something in it? */
static void put_nearest(struct admin_call *c, const struct prefix *what)
{
	struct page page = {.j = c->reply, .wanted = what, .now = c->now};
	size_t cursor = 0;

	(void)c->backend->bans(c->backend->arg, &cursor, SIZE_MAX, note_first, &page);
}

const char *admin_unban_run(struct admin_call *c)
{
	bool all = json_is_true(json_object_get(c->request, "all"));
	struct admin_person who;
	struct prefix what;
	const char *error = all ? NULL : read_source(c->request, &what);
	bool kernel = false;
	size_t n;

	if (!error)
		error = read_person(c, &who);
	if (error)
		return error;
	n = c->backend->unban(c->backend->arg, all ? NULL : &what, &who, &kernel);
	json_put_u64(c->reply, "ended", n);
	if (n || all)
		return NULL;
	put_nearest(c, &what);
	if (kernel)
		json_put_bool(c->reply, "kernel", true);
	return NULL;
}

/* ---- standing ---- */

void admin_put_rates(struct json *j, const struct standing_view *v)
{
	static const char *const names[LEDGER_METHODS] = {
	    [LEDGER_REGISTER] = "register",
	    [LEDGER_INVITE] = "invite",
	    [LEDGER_OPTIONS] = "options",
	    [LEDGER_OTHER] = "other",
	    [LEDGER_RESPONSE] = "response",
	};

	json_key(j, "rates");
	json_object_begin(j);
	for (size_t i = 0; i < LEDGER_METHODS; i++)
		json_put_u64(j, names[i], v->rate[i]);
	json_object_end(j);
}

void admin_standing_put(struct admin_call *c, const struct addr *source)
{
	struct admin_standing st = {0};
	const struct standing_view *v = &st.view;
	struct json *j = c->reply;
	char text[ADDR_TEXT_MAX];
	struct buf b = BUF(text);

	c->backend->standing(c->backend->arg, source, &st);
	if (source->port)
		addr_add(&b, source);
	else
		addr_add_ip(&b, source);
	json_put_str(j, "source", buf_span(&b));
	json_put_bool(j, "found", st.found);
	json_put_cstr(j, "tier", event_tier_name(v->tier));
	json_put_cstr(j, "exempt", st.exempt[0] ? st.exempt : NULL);
	json_put_bool(j, "proven", v->proven);
	admin_put_score(j, "score", v->score);
	admin_put_score(j, "unproven_score", v->unproven);
	json_put_u64(j, "suspect", st.suspect);
	json_put_u64(j, "deny", st.deny);
	json_put_cstr(j, "reason", v->reason == REASON_NONE ? NULL : reason_name(v->reason));
	json_put_u64(j, "banned_for", admin_seconds_until(v->banned_until, c->now));
	json_put_bool(j, "manual", v->manual);
	json_put_bool(j, "prefix_banned", st.prefix_banned);
	json_put_u64(j, "held_for", admin_seconds_until(v->held_until, c->now));
	json_put_u64(j, "offences", v->offences);
	json_put_u64(j, "failures", v->failures);
	json_put_u64(j, "devices", v->devices);
	json_put_u64(j, "accounts", v->accounts);
	json_put_u64(j, "dropped", v->dropped);
	json_put_u64(j, "suspect_for", admin_seconds_until(v->suspect_until, c->now));
	json_put_u64(j, "known_for", admin_seconds_until(v->known_until, c->now));
	admin_put_seconds_ago(j, "seen_ago", v->seen, c->now);
	/* Of a prefix that holds it `bans` tells. */
	if (v->banned_until > c->now && !st.prefix_banned)
		admin_put_place(j, c->backend, v, NULL);
	admin_put_rates(j, v);
}

const char *admin_standing_run(struct admin_call *c)
{
	struct addr source;

	if (addr_parse(admin_text_member(c->request, "source"), 0, &source) != OK)
		return "source: must be an address, such as 192.0.2.7 or 192.0.2.7:5060";
	admin_standing_put(c, &source);
	return NULL;
}
