/* SPDX-License-Identifier: MIT
 *
 * Bans in nftables: a table of our own (family inet), by libnftables; its counter is read by
 * netlink (drops.h). Sources that the ledger knows as one (an IPv4 address, an IPv6 /64) are
 * elements of hash sets, so that 100,000 of them cost a packet as little as one; an IPv6 /64 is
 * looked up by the masked address. Every other prefix is an element of an interval set (spans.h).
 * All elements have timeouts: they end without us.
 *
 * The hook is input, after a redirect or NAT of the operator and with fragments put together: what
 * is matched is what our sockets would get. A packet that is dropped there leaves nothing behind in
 * the table of connections.
 *
 * What goes into a command is a name, a number or an address that message.c has validated. */
#include "helper/backend.h"

#include <errno.h>
#include <netinet/in.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <time.h>

#include "helper/book.h"
#include "helper/drops.h"
#include "helper/spans.h"

#define COUNTER "dropped"

enum { SCRIPT = 256 * 1024, SET_MAX = 1 << 22 };

struct nftables {
	struct nft_ctx *ctx;
	struct drops *drops;
	char table[HELPER_TABLE_MAX + 1];
	bool flush; /* of a synchronisation that has begun: with its first change */
	struct spans spans;
	struct book *book; /* what is in force, for the figures */
	struct buf script;
	char text[SCRIPT];
};

static uint32_t now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint32_t)ts.tv_sec + 1;
}

/* ---- running a script ---- */

/* The first line of what libnftables complains of, without "Error: ". */
static void add_complaint(struct buf *why, const char *complaint)
{
	struct span s = span_str(complaint), line;
	const char *at = s.n ? strstr(complaint, "Error: ") : NULL;

	if (at)
		s = span_from(s, at + strlen("Error: "));
	span_cut(&s, '\n', &line);
	buf_add_escaped(why, line, 100);
}

static enum err run(struct nftables *n, struct buf *why)
{
	int rc;

	if (!buf_terminate(&n->script) || n->script.overflow) {
		buf_add_lit(why, "the script is too long");
		return ERR_RANGE;
	}
	errno = 0;
	rc = nft_run_cmd_from_buffer(n->ctx, n->script.p);
	if (rc == 0)
		return OK;
	add_complaint(why, nft_ctx_get_error_buffer(n->ctx));
	return errno == EPERM ? ERR_DENIED : errno == EOPNOTSUPP ? ERR_UNSUPPORTED : ERR_IO;
}

static void begin(struct nftables *n)
{
	n->script = BUF(n->text);
}

PRINTF(2, 3) static void say(struct nftables *n, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= sizeof(line))
		n->script.overflow = true;
	else
		buf_add(&n->script, line, (size_t)len);
}

/* ---- the table ---- */

/* Runs `list ...` and gives what it says, which is the context's until the next command. */
static enum err list(struct nftables *n, struct buf *why, const char **out_text)
{
	enum err err = run(n, why);

	if (err != OK)
		return err;
	*out_text = nft_ctx_get_output_buffer(n->ctx);
	return *out_text ? OK : ERR_NOMEM;
}

static bool has_line(const char *text, const char *line)
{
	struct span rest = span_str(text), one;

	while (span_cut(&rest, '\n', &one))
		if (span_eq(one, span_str(line)))
			return true;
	return span_eq(one, span_str(line));
}

/* ERR_EXISTS: there is one of that name that is not ours. Somebody's firewall may have the name
 * that a configuration gives us by mistake. Any other error: it is not known, so nothing may be
 * made or removed. */
static enum err look_for_table(struct nftables *n, struct buf *why)
{
	char line[sizeof("table inet ") + HELPER_TABLE_MAX];
	const char *text = NULL;
	enum err err;

	snprintf(line, sizeof(line), "table inet %s", n->table);
	begin(n);
	say(n, "list tables inet\n");
	err = list(n, why, &text);
	if (err != OK || !has_line(text, line))
		return err;
	begin(n);
	say(n, "list table inet %s\n", n->table);
	err = list(n, why, &text);
	if (err != OK || (strstr(text, "set ban4 {") && strstr(text, "chain banned {")))
		return err;
	buf_addf(why,
	    "table inet %s exists and is not of ringfence: name another in nftables.table",
	    n->table);
	errno = EEXIST;
	return ERR_EXISTS;
}

static void say_ports(struct nftables *n, const struct helper_setup *s, bool tcp)
{
	bool any = false;

	for (size_t i = 0; i < s->ports_n; i++) {
		if (s->ports[i].tcp != tcp)
			continue;
		if (!any)
			say(n, "add rule inet %s input %s dport { ", n->table, tcp ? "tcp" : "udp");
		say(n, "%s%u", any ? ", " : "", s->ports[i].port);
		any = true;
	}
	if (any)
		say(n, " } jump banned\n");
}

/* `add` before `delete`, so that the latter cannot fail. */
static void say_table(struct nftables *n, const struct helper_setup *s)
{
	static const struct {
		const char *name, *type, *flags, *match;
	} sets[] = {
	    {"ban4", "ipv4_addr", "timeout", "ip saddr"},
	    {"ban6", "ipv6_addr", "timeout", "ip6 saddr & ffff:ffff:ffff:ffff::"},
	    {"net4", "ipv4_addr", "interval,timeout", "ip saddr"},
	    {"net6", "ipv6_addr", "interval,timeout", "ip6 saddr"},
	};
	const char *t = n->table;

	say(n, "add table inet %s\ndelete table inet %s\nadd table inet %s\n", t, t, t);
	say(n, "add counter inet %s " COUNTER "\n", t);
	say(n, "add chain inet %s banned\n", t);
	say(n, "add chain inet %s input { type filter hook input priority -10; policy accept; }\n",
	    t);
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		say(n, "add set inet %s %s { type %s; flags %s; size %d; }\n", t, sets[i].name,
		    sets[i].type, sets[i].flags, SET_MAX);
		say(n, "add rule inet %s banned %s @%s counter name " COUNTER " drop\n", t,
		    sets[i].match, sets[i].name);
	}
	/* Without neighbour discovery there would be no IPv6 at all. By number: names are in a
	 * file, and the helper opens none. */
	if (s->all_ports)
		say(n, "add rule inet %s input meta l4proto != %d jump banned\n", t,
		    IPPROTO_ICMPV6);
	else
		for (int tcp = 0; tcp < 2; tcp++)
			say_ports(n, s, tcp);
}

static void close_nftables(void *state, bool keep)
{
	struct nftables *n = state;

	if (!n)
		return;
	if (n->ctx && n->table[0] && !keep) {
		begin(n);
		say(n, "add table inet %s\ndelete table inet %s\n", n->table, n->table);
		if (buf_terminate(&n->script))
			(void)nft_run_cmd_from_buffer(n->ctx, n->script.p);
	}
	if (n->ctx)
		nft_ctx_free(n->ctx);
	drops_close(n->drops);
	book_free(n->book);
	free(n);
}

static enum err make_table(struct nftables *n, const struct helper_setup *setup, struct buf *why)
{
	enum err err;

	memcpy(n->table, setup->table, sizeof(n->table));
	err = look_for_table(n, why);
	if (err != OK) {
		n->table[0] = '\0'; /* not to be removed at the end */
		return err;
	}
	begin(n);
	say_table(n, setup);
	return run(n, why);
}

static enum err open_nftables(const struct helper_setup *setup, struct buf *why, void **out_state)
{
	struct nftables *n = calloc(1, sizeof(*n));
	enum err err = n ? OK : ERR_NOMEM;

	if (err == OK)
		err = book_new(&n->book);
	if (err == OK)
		err = drops_open(&n->drops);
	if (err == OK)
		n->ctx = nft_ctx_new(NFT_CTX_DEFAULT);
	if (err == OK &&
	    (!n->ctx || nft_ctx_buffer_error(n->ctx) != 0 || nft_ctx_buffer_output(n->ctx) != 0))
		err = ERR_NOMEM;
	if (err == OK) {
		nft_ctx_output_set_flags(n->ctx, NFT_CTX_OUTPUT_TERSE | NFT_CTX_OUTPUT_NUMERIC_ALL);
		err = make_table(n, setup, why);
	}
	if (err != OK) {
		close_nftables(n, true);
		return err;
	}
	*out_state = n;
	return OK;
}

/* ---- bans ---- */

static void add_address(struct nftables *n, const struct prefix *p)
{
	struct addr a = {0};

	memcpy(a.ip, p->ip, sizeof(a.ip));
	addr_add_ip(&n->script, &a);
}

/* One command with those of a family; `timeout`: with their times, else an hour. */
static void say_elements(struct nftables *n, const char *verb, bool v4,
    const struct helper_ban *bans, size_t count, bool timeout)
{
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		if (!prefix_is_source(&bans[i].what) || prefix_is_v4(&bans[i].what) != v4)
			continue;
		if (any)
			buf_add_lit(&n->script, ",");
		else
			say(n, "%s element inet %s %s {", verb, n->table, v4 ? "ban4" : "ban6");
		any = true;
		add_address(n, &bans[i].what);
		if (timeout) {
			buf_add_lit(&n->script, " timeout ");
			buf_add_u64(&n->script, bans[i].seconds);
			buf_add_char(&n->script, 's');
		}
	}
	if (any)
		say(n, "}\n");
}

/* The interval sets are written anew: they are few, and cannot overlap then. */
static void say_spans(struct nftables *n, uint32_t now)
{
	say(n, "flush set inet %s net4\nflush set inet %s net6\n", n->table, n->table);
	for (size_t i = 0; i < n->spans.n; i++) {
		const struct helper_ban *b;
		struct helper_ban ban;

		if (!spans_visible(&n->spans, i, now, &ban))
			continue;
		b = &ban;
		say(n, "add element inet %s %s {", n->table,
		    prefix_is_v4(&b->what) ? "net4" : "net6");
		prefix_add(&n->script, &b->what);
		say(n, " timeout %us}\n", b->seconds);
	}
}

static void say_flush(struct nftables *n)
{
	if (n->flush)
		say(n, "flush set inet %s ban4\nflush set inet %s ban6\n", n->table, n->table);
}

/* Notes the prefixes among them. True: there were some. */
static enum err note_spans(struct nftables *n, const struct helper_ban *bans, size_t count,
    uint32_t now, struct buf *why, bool *out_any)
{
	enum err err = OK;

	for (size_t i = 0; i < count; i++) {
		if (prefix_is_source(&bans[i].what))
			continue;
		*out_any = true;
		if (!spans_set(&n->spans, &bans[i], now) && err == OK) {
			buf_addf(why, "more than %d prefixes", SPANS_MAX);
			err = ERR_FULL;
		}
	}
	return err;
}

static enum err change(
    struct nftables *n, const struct helper_ban *bans, size_t count, bool add, struct buf *why)
{
	uint32_t now = now_s();
	bool any = n->flush;
	enum err full = note_spans(n, bans, count, now, why, &any), err;

	begin(n);
	say_flush(n);
	for (int v4 = 0; v4 < 2; v4++) {
		if (!n->flush) {
			/* A new end needs a new element; `add` first, so that `delete` finds one.
			 */
			say_elements(n, "add", v4, bans, count, false);
			say_elements(n, "delete", v4, bans, count, false);
		}
		if (add)
			say_elements(n, "add", v4, bans, count, true);
	}
	if (any)
		say_spans(n, now);
	if (!n->script.n)
		return full;
	err = run(n, why);
	if (err != OK)
		return err;
	n->flush = false;
	for (size_t i = 0; i < count; i++)
		book_set(n->book, &bans[i], now);
	return full;
}

static enum err add(void *state, const struct helper_ban *bans, size_t n, struct buf *why)
{
	return change(state, bans, n, true, why);
}

static enum err remove_bans(void *state, const struct helper_ban *bans, size_t n, struct buf *why)
{
	return change(state, bans, n, false, why);
}

static enum err sync_begin(void *state, struct buf *why)
{
	struct nftables *n = state;

	(void)why;
	n->flush = true;
	n->spans.n = 0;
	book_clear(n->book);
	return OK;
}

static enum err sync_end(void *state, struct buf *why)
{
	struct nftables *n = state;

	return n->flush ? change(n, NULL, 0, true, why) : OK;
}

/* ---- figures ---- */

static enum err stats(void *state, struct backend_stats *out_stats)
{
	struct nftables *n = state;
	uint32_t now = now_s();
	char text[128];
	struct buf why = BUF(text);
	enum err err;

	/* What was hidden by a wider prefix comes to light when that one ends. */
	if (spans_changed(&n->spans, now)) {
		begin(n);
		say_spans(n, now);
		err = run(n, &why);
		if (err != OK)
			return err;
	}
	err = drops_read(n->drops, n->table, COUNTER, &out_stats->packets, &out_stats->bytes);
	if (err != OK)
		return err;
	out_stats->entries = book_count(n->book, now);
	return OK;
}

const struct backend backend_nftables = {
    .name = "nftables",
    .open = open_nftables,
    .add = add,
    .remove = remove_bans,
    .sync_begin = sync_begin,
    .sync_end = sync_end,
    .stats = stats,
    .close = close_nftables,
};
