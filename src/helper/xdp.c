/* SPDX-License-Identifier: MIT
 *
 * Bans in XDP: a program (xdp.bpf.c) on the interfaces that strangers come in by, and its maps, by
 * libbpf. Sources that the ledger knows as one (an IPv4 address, an IPv6 /64) are entries of a hash
 * map, every other prefix one of a trie. The program knows the end of each ban.
 *
 * A trie finds the narrowest prefix only. So it gets none that a wider one hides (spans.h), else a
 * narrow ban that ended would hide a wide one that goes on.
 *
 * The map forgets those that were silent for the longest time when it is full; how many those are
 * tells the book of what it was told.
 *
 * A synchronisation gives each entry its number; at its end those with another are removed. Nobody
 * is let in meanwhile. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "helper/backend.h"
#include "helper/book.h"
#include "helper/message.h"
#include "helper/spans.h"
#include "helper/xdp_attach.h"
#include "helper/xdp_maps.h"
#include "helper/xdp_object.h"

enum { NS_A_SECOND = 1000000000, BATCH = 4096, BATCHES = 4 };

_Static_assert(XDP_NETS_MAX >= 2 * SPANS_MAX, "room for the old and the new ones");

struct xdp {
	struct helper_setup setup;
	struct bpf_object *object;
	int program, sources, nets, ports, dropped;
	int cpus;
	struct xdp_attach attached;
	uint32_t generation;
	bool syncing;
	struct spans spans;
	struct book *book; /* of the sources */
	struct sweep {
		bool under_way;
		__u32 at;
		uint64_t seen, in_force, told; /* told: when it began */
	} sweep;
	uint64_t evicted;              /* as the last sweep found it */
	struct xdp_source keys[BATCH]; /* of one call, as the next two */
	struct xdp_ban values[BATCH];
	struct xdp_dropped *counts; /* one a processor */
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * NS_A_SECOND + (uint64_t)ts.tv_nsec;
}

static uint32_t seconds(uint64_t ns)
{
	return (uint32_t)(ns / NS_A_SECOND) + 1;
}

/* After a call of bpf(2) that failed. */
static enum err failed(struct buf *why, const char *what)
{
	int error = errno;

	if (why)
		buf_addf(why, "%s: %s", what, strerror(error));
	errno = error;
	return error == EPERM ? ERR_DENIED : error == E2BIG || error == ENOSPC ? ERR_FULL : ERR_IO;
}

/* ---- the program ---- */

static void close_xdp(void *state, bool keep)
{
	struct xdp *x = state;

	(void)keep; /* a program does not outlive its link, nor a link this process */
	if (!x)
		return;
	xdp_attach_done(&x->attached);
	bpf_object__close(x->object);
	book_free(x->book);
	free(x->counts);
	free(x);
}

static enum err tell_load(int error, struct buf *why)
{
	errno = error;
	if (error == EPERM) {
		buf_add_lit(why, "no CAP_BPF: start as root, or run ringfence-helper.service");
		return ERR_DENIED;
	}
	if (error == ENOMEM) {
		buf_add_lit(why, "no memory for the maps");
		return ERR_NOMEM;
	}
	buf_addf(why, "this kernel does not take the program: %s", strerror(error));
	return ERR_UNSUPPORTED;
}

static enum err load(struct xdp *x, struct buf *why)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "ringfence");
	struct bpf_program *program;
	int rc;

	libbpf_set_print(NULL); /* what it would say goes into `why`, in a few words */
	x->object = bpf_object__open_mem(xdp_object, xdp_object_size, &options);
	if (!x->object)
		return tell_load(errno, why);
	rc = bpf_object__load(x->object);
	if (rc != 0)
		return tell_load(-rc, why);
	program = bpf_object__find_program_by_name(x->object, "ringfence_ban");
	x->program = program ? bpf_program__fd(program) : -1;
	x->sources = bpf_object__find_map_fd_by_name(x->object, "sources");
	x->nets = bpf_object__find_map_fd_by_name(x->object, "nets");
	x->ports = bpf_object__find_map_fd_by_name(x->object, "ports");
	x->dropped = bpf_object__find_map_fd_by_name(x->object, "dropped");
	if (x->program < 0 || x->sources < 0 || x->nets < 0 || x->ports < 0 || x->dropped < 0)
		return tell_load(EINVAL, why);
	return OK;
}

static enum err set_ports(struct xdp *x, struct buf *why)
{
	struct xdp_ports *p = calloc(1, sizeof(*p));
	__u32 zero = 0;
	int rc;

	if (!p)
		return ERR_NOMEM;
	p->all = x->setup.all_ports;
	for (size_t i = 0; i < x->setup.ports_n; i++) {
		const struct helper_port *port = &x->setup.ports[i];
		unsigned n = XDP_PORT(port->tcp ? IPPROTO_TCP : IPPROTO_UDP, port->port);

		p->bits[n / 64] |= 1ull << (n % 64);
	}
	rc = bpf_map_update_elem(x->ports, &zero, p, BPF_ANY);
	free(p);
	return rc == 0 ? OK : failed(why, "cannot set the ports");
}

static enum err open_xdp(const struct helper_setup *setup, struct buf *why, void **out_state)
{
	struct xdp *x = calloc(1, sizeof(*x));
	enum err err = x ? OK : ERR_NOMEM;

	if (err == OK) {
		x->setup = *setup;
		xdp_attach_init(&x->attached, &x->setup);
		x->cpus = libbpf_num_possible_cpus();
		x->counts = calloc((size_t)MAX(x->cpus, 1), sizeof(*x->counts));
		err = x->cpus > 0 && x->counts ? book_new(&x->book) : ERR_NOMEM;
	}
	if (err == OK)
		err = load(x, why);
	if (err == OK)
		err = set_ports(x, why);
	if (err == OK)
		err = xdp_attach_all(&x->attached, x->program, why);
	if (err == OK)
		why->n = 0; /* sync_begin tells where it is not */
	if (err != OK) {
		int error = errno;

		close_xdp(x, false);
		errno = error;
		return err;
	}
	*out_state = x;
	return OK;
}

/* ---- bans ---- */

static struct xdp_source source_of(const struct prefix *p)
{
	__u32 word[4];

	memcpy(word, p->ip, sizeof(word));
	return prefix_is_v4(p) ? XDP_SOURCE_V4(word[3]) : XDP_SOURCE_V6(word[0], word[1]);
}

static struct xdp_net net_of(const struct prefix *p)
{
	struct xdp_net net = {.bits = p->bits};

	memcpy(net.word, p->ip, sizeof(net.word));
	return net;
}

static struct xdp_ban ban_of(const struct xdp *x, uint32_t seconds_left, uint64_t now)
{
	return (struct xdp_ban){now + (uint64_t)seconds_left * NS_A_SECOND, x->generation, 0};
}

static bool is_visible(const struct spans *s, const struct xdp_net *net, uint32_t now)
{
	for (size_t i = 0; i < s->n; i++) {
		struct xdp_net other = net_of(&s->list[i].what);
		struct helper_ban ban;

		if (memcmp(&other, net, sizeof(other)) == 0)
			return spans_visible(s, i, now, &ban);
	}
	return false;
}

/* Removes prefixes that are not, or no longer, to be seen. */
static void clear_nets(struct xdp *x, uint32_t now)
{
	struct xdp_net key, next, *at = NULL;

	/* The first one again after a removal: what follows one that is gone is not defined. */
	while (bpf_map_get_next_key(x->nets, at, &next) == 0) {
		key = next;
		at = &key;
		if (!is_visible(&x->spans, &key, now) && bpf_map_delete_elem(x->nets, &key) == 0)
			at = NULL;
	}
}

/* They are few: all of them, each time. */
static enum err write_nets(struct xdp *x, uint64_t now, struct buf *why)
{
	for (size_t i = 0; i < x->spans.n; i++) {
		struct helper_ban b;
		struct xdp_net net;
		struct xdp_ban ban;

		if (!spans_visible(&x->spans, i, seconds(now), &b))
			continue;
		net = net_of(&b.what);
		ban = ban_of(x, b.seconds, now);
		if (bpf_map_update_elem(x->nets, &net, &ban, BPF_ANY) != 0)
			return failed(why, "cannot add a prefix");
	}
	if (!x->syncing)
		clear_nets(x, seconds(now));
	return OK;
}

/* Prefixes among them; seconds 0 ends one. */
static enum err change_nets(
    struct xdp *x, const struct helper_ban *bans, size_t n, uint64_t now, struct buf *why)
{
	enum err full = OK, err = OK;
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (prefix_is_source(&bans[i].what))
			continue;
		any = true;
		if (!spans_set(&x->spans, &bans[i], seconds(now)) && full == OK) {
			buf_addf(why, "more than %d prefixes", SPANS_MAX);
			full = ERR_FULL;
		}
	}
	if (any)
		err = write_nets(x, now, why);
	for (size_t i = 0; any && i < n; i++)
		if (!bans[i].seconds && !prefix_is_source(&bans[i].what)) {
			struct xdp_net net = net_of(&bans[i].what);

			(void)bpf_map_delete_elem(x->nets, &net);
		}
	return err == OK ? full : err;
}

static void note(struct xdp *x, const struct helper_ban *bans, size_t n, uint64_t now)
{
	for (size_t i = 0; i < n; i++)
		if (prefix_is_source(&bans[i].what))
			book_set(x->book, &bans[i], seconds(now));
}

static enum err add(void *state, const struct helper_ban *bans, size_t n, struct buf *why)
{
	struct xdp *x = state;
	uint64_t now = now_ns();
	__u32 count = 0;

	for (size_t i = 0; i < n; i++)
		if (prefix_is_source(&bans[i].what)) {
			x->keys[count] = source_of(&bans[i].what);
			x->values[count++] = ban_of(x, bans[i].seconds, now);
		}
	if (count && bpf_map_update_batch(x->sources, x->keys, x->values, &count, NULL) != 0)
		return failed(why, "cannot add bans");
	note(x, bans, n, now);
	return change_nets(x, bans, n, now, why);
}

static enum err remove_bans(void *state, const struct helper_ban *bans, size_t n, struct buf *why)
{
	struct xdp *x = state;
	uint64_t now = now_ns();

	for (size_t i = 0; i < n; i++) {
		struct xdp_source source = source_of(&bans[i].what);

		if (prefix_is_source(&bans[i].what) &&
		    bpf_map_delete_elem(x->sources, &source) != 0 && errno != ENOENT)
			return failed(why, "cannot remove a ban");
	}
	note(x, bans, n, now);
	return change_nets(x, bans, n, now, why);
}

/* ---- sweeping: what ended is removed, and what gave way counted ---- */

/* False: that was the last batch (errno: ENOENT), or an error. */
static bool sweep_batch(struct xdp *x, bool synced, uint64_t now)
{
	struct sweep *w = &x->sweep;
	__u32 count = BATCH;
	bool more = bpf_map_lookup_batch(x->sources, w->under_way ? &w->at : NULL, &w->at, x->keys,
			x->values, &count, NULL) == 0;
	int error = errno;

	w->under_way = true;
	for (__u32 i = 0; i < count && (more || error == ENOENT); i++) {
		w->seen++;
		if (x->values[i].until <= now ||
		    (synced && x->values[i].generation != x->generation))
			(void)bpf_map_delete_elem(x->sources, &x->keys[i]);
		else
			w->in_force++;
	}
	errno = error;
	return more;
}

/* Changes in the course of a sweep make its figures differ a little, so they count only when there
 * was little room. */
static void end_sweep(struct xdp *x, uint64_t now)
{
	uint64_t told = MIN(x->sweep.told, book_count(x->book, seconds(now)));

	x->evicted =
	    x->sweep.seen < XDP_SOURCES_MAX / 4 * 3 ? 0 : told - MIN(told, x->sweep.in_force);
	x->sweep.under_way = false;
}

/* Goes on with the sweep, or begins one; so many batches, so that a new ban waits for none. */
static enum err sweep(struct xdp *x, unsigned batches, bool synced, struct buf *why)
{
	uint64_t now = now_ns();

	if (!x->sweep.under_way)
		x->sweep = (struct sweep){.told = book_count(x->book, seconds(now))};
	for (; batches; batches--) {
		if (sweep_batch(x, synced, now))
			continue;
		if (errno != ENOENT) {
			x->sweep.under_way = false;
			return failed(why, "cannot look at the bans");
		}
		end_sweep(x, now);
		break;
	}
	return OK;
}

/* ---- synchronising ---- */

static enum err sync_begin(void *state, struct buf *why)
{
	struct xdp *x = state;

	x->generation++;
	x->syncing = true;
	x->spans.n = 0;
	book_clear(x->book);
	return xdp_attach_all(&x->attached, x->program, why);
}

static enum err sync_end(void *state, struct buf *why)
{
	struct xdp *x = state;

	x->syncing = false;
	clear_nets(x, seconds(now_ns()));
	x->sweep.under_way = false;
	return sweep(x, UINT_MAX, true, why);
}

/* ---- figures ---- */

static size_t nets_in_force(const struct xdp *x, uint32_t now)
{
	size_t n = 0;

	for (size_t i = 0; i < x->spans.n; i++)
		n += x->spans.list[i].until > now;
	return n;
}

static enum err stats(void *state, struct backend_stats *out_stats)
{
	struct xdp *x = state;
	uint64_t now = now_ns(), told;
	struct backend_stats s = {0};
	__u32 zero = 0;
	enum err err;

	if (!xdp_attach_holds(&x->attached))
		return ERR_CLOSED;
	/* What was hidden by a wider prefix comes to light when that one ends. */
	if (spans_changed(&x->spans, seconds(now))) {
		err = write_nets(x, now, NULL);
		if (err != OK)
			return err;
	}
	err = sweep(x, BATCHES, false, NULL);
	if (err != OK)
		return err;
	if (bpf_map_lookup_elem(x->dropped, &zero, x->counts) != 0)
		return failed(NULL, "");
	for (int i = 0; i < x->cpus; i++) {
		s.packets += x->counts[i].packets;
		s.bytes += x->counts[i].bytes;
	}
	told = book_count(x->book, seconds(now));
	s.evicted = MIN(told, x->evicted);
	s.entries = told - s.evicted + nets_in_force(x, seconds(now));
	*out_stats = s;
	return OK;
}

const struct backend backend_xdp = {
    .name = "xdp",
    .open = open_xdp,
    .add = add,
    .remove = remove_bans,
    .sync_begin = sync_begin,
    .sync_end = sync_end,
    .stats = stats,
    .close = close_xdp,
};
