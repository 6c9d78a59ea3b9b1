/* SPDX-License-Identifier: MIT
 *
 * `why`: the events about a source, an account or a call, from the history, with what is known of
 * it now. The newest come first, a page at a time; how much is looked at for one answer is bounded.
 */
#include "admin/command.h"

#define LOOK_BUDGET   20000 /* items of the history looked at for one answer */
#define LIMIT_DEFAULT 200
#define ABOUT_MAX     512

struct page {
	struct json *j;
	struct span node;
	size_t begin;
	uint64_t n, limit;
};

/* Decimal numbers in the order of the array, with colons between. */
static bool read_cursor(const json_t *request, struct event_history_cursor *out_c)
{
	struct span rest = admin_text_member(request, "cursor"), word;

	if (!rest.n)
		return true;
	out_c->begun = true;
	for (int i = 0; i < EVENT_HISTORY_RINGS * 2; i++) {
		(void)span_cut(&rest, ':', &word);
		if (span_to_u64(word, UINT64_MAX, &out_c->at[i / 2][i % 2]) != OK)
			return false;
	}
	return rest.n == 0;
}

static void put_cursor(struct json *j, const struct event_history_cursor *c)
{
	char text[EVENT_HISTORY_RINGS * 2 * 21];
	struct buf b = BUF(text);

	for (int i = 0; i < EVENT_HISTORY_RINGS * 2; i++) {
		if (i)
			buf_add_char(&b, ':');
		buf_add_u64(&b, c->at[i / 2][i % 2]);
	}
	json_put_str(j, "cursor", buf_span(&b));
}

/* An address is a prefix as long as can be; of IPv6 a source is its /64. */
static bool is_single(const struct prefix *p)
{
	struct addr a = {0};

	memcpy(a.ip, p->ip, sizeof(a.ip));
	return p->bits == 128 || (p->bits == 64 && !addr_is_v4(&a));
}

static bool read_source(struct span about, struct event_history_query *q)
{
	if (prefix_parse(about, &q->prefix) != OK)
		return false;
	q->by = is_single(&q->prefix) ? EVENT_HISTORY_BY_SOURCE : EVENT_HISTORY_BY_PREFIX;
	memcpy(q->source.ip, q->prefix.ip, sizeof(q->source.ip));
	return true;
}

static const char *read_query(const json_t *request, struct event_history_query *q)
{
	struct span kind = admin_text_member(request, "kind");

	q->text = admin_text_member(request, "about");
	if (!q->text.n || q->text.n > ABOUT_MAX)
		return "about: must be an address, user@domain or a Call-ID";
	if ((!kind.n || span_eq(kind, SPAN("source"))) && read_source(q->text, q))
		return NULL;
	q->by = EVENT_HISTORY_BY_CALL;
	if (kind.n ? span_eq(kind, SPAN("account")) : span_find(q->text, '@') < q->text.n)
		q->by = EVENT_HISTORY_BY_ACCOUNT;
	else if (span_eq(kind, SPAN("source")))
		return "about: must be an address or a prefix";
	else if (kind.n && !span_eq(kind, SPAN("call")))
		return "kind: must be source, account or call";
	return NULL;
}

static bool put_item(void *arg, const struct event_history_item *item)
{
	struct page *p = arg;

	if (p->n == p->limit || p->j->b->n - p->begin >= ADMIN_PAGE_BYTES)
		return false;
	json_object_begin(p->j);
	event_history_put_members(p->j, item, p->node);
	json_object_end(p->j);
	p->n++;
	return true;
}

static void put_account(struct admin_call *c, struct span name)
{
	struct admin_account a = {0};
	struct json *j = c->reply;
	char low[ABOUT_MAX];
	size_t user = span_find(name, '@');

	/* The name of a domain has no case. */
	memcpy(low, name.p, user);
	ascii_lower_copy(low + user, name.p + user, name.n - user);
	name = span_of(low, name.n);
	c->backend->account(c->backend->arg, name, &a);
	json_key(j, "account");
	json_object_begin(j);
	json_put_str(j, "account", name);
	json_put_bool(j, "under_attack", a.view.closed_until > c->now);
	json_put_u64(j, "closed_for",
	    a.view.closed_until > c->now ? (a.view.closed_until - c->now) / USEC_SEC + 1 : 0);
	json_put_u64(j, "failures", a.view.failures);
	json_put_u64(j, "threshold", a.threshold);
	json_put_u64(j, "window", a.window / USEC_SEC);
	json_put_u64(j, "places", a.view.places);
	json_object_end(j);
	admin_registration_put(c, name);
}

_Static_assert(
    (int)CONF_MODE_OFF == (int)EVENT_MODE_OFF && (int)CONF_MODE_ENFORCE == (int)EVENT_MODE_ENFORCE,
    "modes of configuration and events are the same");

/* What the judge goes by now, whatever the file says. */
static void put_policy(struct admin_call *c)
{
	const struct standing_policy *p = c->backend->policy(c->backend->arg);
	struct json *j = c->reply;

	json_key(j, "policy");
	json_object_begin(j);
	json_put_cstr(j, "mode", event_mode_name((enum event_mode)p->conf->mode));
	json_key(j, "half_life");
	json_milli(j, (int64_t)(p->conf->half_life / USEC_MS));
	json_put_u64(j, "suspect", p->conf->suspect);
	json_put_u64(j, "deny", p->conf->deny);
	json_key(j, "weights");
	json_object_begin(j);
	for (unsigned r = 1; r < REASON_COUNT; r++)
		if (p->weight[r])
			json_put_u64(j, reason_name((enum reason)r), p->weight[r]);
	json_object_end(j);
	json_object_end(j);
}

void admin_history_put(struct json *j, const struct event_history *h)
{
	struct event_history_stats st = {0};
	char text[EVENT_TIME_MAX];
	struct buf since = BUF(text);

	json_key(j, "history");
	if (!h) {
		json_nil(j);
		return;
	}
	event_history_stats(h, &st);
	event_add_time(&since, event_history_since(h));
	json_object_begin(j);
	json_put_str(j, "since", buf_span(&since));
	json_put_u64(j, "items", st.items);
	json_put_u64(j, "bytes", st.bytes);
	json_put_u64(j, "max", st.capacity);
	json_put_u64(j, "counted", st.counted);
	json_object_end(j);
}

/* What is said once, with the first page. */
static void put_present(struct admin_call *c, const struct event_history_query *q)
{
	char text[EVENT_TIME_MAX];
	struct buf now = BUF(text);

	event_add_time(&now, c->wall);
	json_put_str(c->reply, "now", buf_span(&now));
	put_policy(c);
	admin_history_put(c->reply, c->hub->history);
	if (q->by == EVENT_HISTORY_BY_SOURCE) {
		json_key(c->reply, "standing");
		json_object_begin(c->reply);
		admin_standing_put(c, &q->source);
		json_object_end(c->reply);
	} else if (q->by == EVENT_HISTORY_BY_ACCOUNT) {
		put_account(c, q->text);
	}
}

static const char *const kind_names[] = {
    [EVENT_HISTORY_BY_PREFIX] = "source",
    [EVENT_HISTORY_BY_SOURCE] = "source",
    [EVENT_HISTORY_BY_ACCOUNT] = "account",
    [EVENT_HISTORY_BY_CALL] = "call",
};

const char *admin_why_run(struct admin_call *c)
{
	const json_t *limit = json_object_get(c->request, "limit");
	struct page page = {.j = c->reply, .limit = LIMIT_DEFAULT};
	struct event_history_cursor cursor = {0};
	struct event_history_query q = {0};
	const char *error = read_query(c->request, &q);
	bool more = false;

	if (error)
		return error;
	if (!read_cursor(c->request, &cursor))
		return "cursor: not one of ours";
	if (json_integer_value(limit) > 0)
		page.limit = (uint64_t)json_integer_value(limit);
	json_put_str(c->reply, "about", q.text);
	json_put_cstr(c->reply, "kind", kind_names[q.by]);
	if (!cursor.begun)
		put_present(c, &q);
	page.node = span_of(c->hub->node, c->hub->node_len);
	page.begin = c->reply->b->n;
	json_key(c->reply, "events");
	json_array_begin(c->reply);
	if (c->hub->history)
		more =
		    event_history_each(c->hub->history, &q, &cursor, LOOK_BUDGET, put_item, &page);
	json_array_end(c->reply);
	if (more)
		put_cursor(c->reply, &cursor);
	return NULL;
}
