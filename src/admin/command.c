/* SPDX-License-Identifier: MIT */
#include "admin/command.h"

#define WALK_BUDGET 65536 /* buckets looked at for one answer */

struct span admin_text_member(const json_t *request, const char *key)
{
	const json_t *v = json_object_get(request, key);

	return json_is_string(v) ? span_of(json_string_value(v), json_string_length(v))
				 : (struct span){NULL, 0};
}

struct page {
	struct json *j;
	size_t begin;
	usec_t wall;
};

static void write_binding(struct json *j, struct span aor, const struct binding *b, usec_t wall)
{
	char text[ADDR_TEXT_MAX];
	struct buf source = BUF(text);

	addr_add(&source, &b->flow.remote);
	json_object_begin(j);
	json_put_str(j, "aor", aor);
	json_put_str(j, "contact", b->contact);
	json_put_str(j, "source", buf_span(&source));
	json_put_cstr(j, "transport", transport_name(b->flow.transport));
	json_put_u64(j, "expires_in", b->expires_at > wall ? (b->expires_at - wall) / USEC_SEC : 0);
	json_put_u64(j, "registered_ago",
	    wall > b->registered_at ? (wall - b->registered_at) / USEC_SEC : 0);
	json_key(j, "q");
	json_milli(j, b->q);
	json_put_str(j, "user_agent", b->user_agent);
	json_put_str(j, "call_id", b->call_id);
	json_put_u64(j, "cseq", b->cseq);
	json_put_str(j, "path", b->path);
	json_put_str(j, "instance", b->instance);
	json_put_u64(j, "reg_id", b->reg_id);
	json_object_end(j);
}

static bool write_bindings(void *arg, struct span aor, struct binding_set *s)
{
	struct page *p = arg;

	for (size_t i = 0; i < s->n; i++)
		write_binding(p->j, aor, &s->items[i], p->wall);
	return p->j->b->n - p->begin < ADMIN_PAGE_BYTES;
}

/* The cursor travels as text: JSON numbers are not safe beyond 53 bits. */
static bool read_cursor(const json_t *request, struct bindings_cursor *out_c)
{
	struct span rest = admin_text_member(request, "cursor");
	struct span bucket;
	uint64_t at;

	if (rest.n == 0)
		return true;
	if (!span_cut(&rest, ':', &bucket) || span_to_u64(bucket, SIZE_MAX, &at) != OK ||
	    span_to_u64(rest, UINT64_MAX, &out_c->hash) != OK)
		return false;
	out_c->bucket = (size_t)at;
	return true;
}

static void write_cursor(struct json *j, const struct bindings_cursor *c)
{
	char text[48];
	struct buf b = BUF(text);

	buf_addf(&b, "%zu:%llu", c->bucket, (unsigned long long)c->hash);
	json_put_str(j, "cursor", buf_span(&b));
}

void admin_registration_put(struct admin_call *c, struct span aor)
{
	struct page page = {c->reply, c->reply->b->n, c->wall};

	json_key(c->reply, "registrations");
	json_array_begin(c->reply);
	c->backend->registration(c->backend->arg, aor, write_bindings, &page);
	json_array_end(c->reply);
}

static const char *run_registrations(struct admin_call *c)
{
	struct page page = {c->reply, c->reply->b->n, c->wall};
	struct span aor = admin_text_member(c->request, "aor");
	struct bindings_cursor cursor = {0};
	bool more;

	if (!read_cursor(c->request, &cursor))
		return "cursor: not one of ours";
	if (aor.n) {
		admin_registration_put(c, aor);
		return NULL;
	}
	json_key(c->reply, "registrations");
	json_array_begin(c->reply);
	more =
	    c->backend->registrations(c->backend->arg, &cursor, WALK_BUDGET, write_bindings, &page);
	json_array_end(c->reply);
	if (more)
		write_cursor(c->reply, &cursor);
	return NULL;
}

static const char *run_events(struct admin_call *c)
{
	struct event_filter *f = &c->filter;

	memset(f, 0, sizeof(*f));
	if (event_filter_set_reason(f, admin_text_member(c->request, "reason")) != OK)
		return "reason: no reason begins like that";
	if (event_filter_set_source(f, admin_text_member(c->request, "source")) != OK)
		return "source: not an address or prefix";
	if (event_filter_set_account(f, admin_text_member(c->request, "account")) != OK)
		return "account: too long";
	c->follow = true;
	return NULL;
}

static const char *run_reload(struct admin_call *c)
{
	struct buf messages = buf_of(c->scratch, ADMIN_SCRATCH);
	enum err e = c->backend->reload(c->backend->arg, &messages);
	struct span line, rest = buf_span(&messages);

	json_key(c->reply, "messages");
	json_array_begin(c->reply);
	while (rest.n) {
		span_cut(&rest, '\n', &line);
		if (line.n)
			json_str(c->reply, line);
	}
	json_array_end(c->reply);
	return e == OK ? NULL : "the new configuration is refused; the old one stays in use";
}

static const char *run_forget_account(struct admin_call *c)
{
	struct span account = admin_text_member(c->request, "account");

	if (account.n == 0)
		return "account: must be user@domain";
	c->backend->forget_account(c->backend->arg, account);
	return NULL;
}

static const char *run_help(struct admin_call *c);

static const struct admin_command commands[] = {
    {"status", "How it is. Answer: see `ringfence status --json`.", admin_status_run},
    {"registrations",
	"Who is registered. aor: only this one; cursor: go on behind an earlier answer that had "
	"one. Answer: registrations, and cursor when there are more.",
	run_registrations},
    {"events",
	"Events from now on, a line each, until the client closes. reason, source, account: only "
	"those. A line {\"lost\": N} tells of N events that the client was too slow for.",
	run_events},
    {"bans",
	"Who is banned. source: only bans that meet this address or prefix; cursor: as above. "
	"Answer: "
	"bans, and cursor when there are more.",
	admin_bans_run},
    {"ban",
	"Bans source (an address or prefix) for seconds (default: standing.ban); reason: a "
	"person's "
	"words. Answer: source and expires_in.",
	admin_ban_run},
    {"unban",
	"Ends the bans of source, or all of them (all: true); reason: a person's words. Answer: "
	"ended, how many there were; when there was none, but: a ban that holds it or lies in it; "
	"kernel: the kernel was told to end it all the same.",
	admin_unban_run},
    {"standing", "What is known of source (an address, or one with its port).", admin_standing_run},
    {"why",
	"What happened, of about: an address or prefix, user@domain, or a Call-ID (kind: source, "
	"account or call, to say which). limit: so many events; cursor: go on behind an earlier "
	"answer. Answer: events, the newest first, and cursor when there are more; the first also "
	"standing or account, policy, history.",
	admin_why_run},
    {"top",
	"The foremost sources of a slice of the ledger. sort: rate (default), dropped, score, "
	"failures, offences, banned, seen; count: how many of a slice, at most 128; filter: a "
	"prefix, or a part of the name of a tier or reason; cursor: the next slice. Answer: "
	"sources, tiers of the slice, cursor when there are more; without cursor in the request "
	"also the members of status.",
	admin_top_run},
    {"reload", "Reads the configuration again. Answer: messages.", run_reload},
    {"forget-account", "account (user@domain) was changed in the store: read it again.",
	run_forget_account},
    {"help", "Answer: commands, with name and about.", run_help},
};

static const char *run_help(struct admin_call *c)
{
	json_key(c->reply, "commands");
	json_array_begin(c->reply);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		json_object_begin(c->reply);
		json_put_cstr(c->reply, "name", commands[i].name);
		json_put_cstr(c->reply, "about", commands[i].about);
		json_object_end(c->reply);
	}
	json_array_end(c->reply);
	return NULL;
}

void admin_command_refuse(struct buf *b, const char *error)
{
	struct json j;

	json_init(&j, b);
	json_object_begin(&j);
	json_put_bool(&j, "ok", false);
	json_put_cstr(&j, "error", error);
	json_object_end(&j);
}

static const struct admin_command *find_command(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (span_eq(name, span_str(commands[i].name)))
			return &commands[i];
	return NULL;
}

void admin_command_run(struct admin_call *c, struct buf *b)
{
	const struct admin_command *cmd = find_command(admin_text_member(c->request, "command"));
	struct json j;
	const char *error;
	size_t begin = b->n;

	if (!cmd) {
		admin_command_refuse(b, "command: unknown; {\"command\":\"help\"} lists them");
		return;
	}
	json_init(&j, b);
	c->reply = &j;
	json_object_begin(&j);
	error = cmd->run(c);
	json_put_bool(&j, "ok", error == NULL);
	if (error)
		json_put_cstr(&j, "error", error);
	json_object_end(&j);
	if (json_ok(&j))
		return;
	b->n = begin;
	b->overflow = false;
	c->follow = false;
	admin_command_refuse(b, "the answer is too long");
}
