/* SPDX-License-Identifier: MIT */
#include "helper/work.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "helper/backend.h"
#include "helper/message.h"

static const struct backend *const backends[HELPER_BACKENDS] = {
    [HELPER_NFTABLES] = &backend_nftables,
    [HELPER_XDP] = &backend_xdp,
};

enum { TOLD = 20 }; /* refused messages that are complained of */

struct work {
	int fd;
	bool configured;
	unsigned refused;
	struct helper_setup setup;
	void *state[HELPER_BACKENDS]; /* NULL: not open */
	bool broken[HELPER_BACKENDS]; /* failed since: somebody may have removed what it made */
	struct message in, out;
	char datagram[MESSAGE_BYTES + 1], answer[MESSAGE_BYTES];
};

static bool is_wanted(const struct work *w, unsigned b)
{
	return w->setup.wanted & 1u << b;
}

static bool send_answer(struct work *w)
{
	struct buf b = BUF(w->answer);

	if (message_write(&w->out, &b) != OK)
		return false;
	while (send(w->fd, b.p, b.n, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return false;
	return true;
}

static void refuse(struct work *w, const char *why)
{
	w->out.type = MESSAGE_REFUSED;
	message_set_text(w->out.text, span_str(why));
	if (w->refused++ < TOLD)
		fprintf(stderr, "ringfence-helper: refused a message: %s\n", why);
}

/* ---- what each backend makes of a request ---- */

static enum err open_backend(struct work *w, unsigned b, struct buf *why)
{
	if (w->broken[b]) {
		backends[b]->close(w->state[b], false);
		w->state[b] = NULL;
		w->broken[b] = false;
	}
	return w->state[b] ? OK : backends[b]->open(&w->setup, why, &w->state[b]);
}

static void close_all(struct work *w, bool keep)
{
	for (unsigned b = 0; b < HELPER_BACKENDS; b++) {
		backends[b]->close(w->state[b], keep);
		w->state[b] = NULL;
	}
}

static enum err apply(struct work *w, unsigned b, struct buf *why)
{
	const struct message *m = &w->in;
	const struct backend *k = backends[b];
	enum err err = OK;

	if (m->type == MESSAGE_CONFIGURE || m->type == MESSAGE_SYNC_BEGIN)
		err = open_backend(w, b, why);
	if (err != OK || m->type == MESSAGE_CONFIGURE)
		return err;
	if (!w->state[b]) {
		errno = 0;
		buf_add_lit(why, "not open since the last synchronisation");
		return ERR_CLOSED;
	}
	if (m->type == MESSAGE_SYNC_BEGIN)
		return k->sync_begin(w->state[b], why);
	if (m->type == MESSAGE_SYNC_END)
		return k->sync_end(w->state[b], why);
	if (m->type == MESSAGE_ADD)
		return k->add(w->state[b], m->bans, m->n, why);
	return k->remove(w->state[b], m->bans, m->n, why);
}

static void apply_to_all(struct work *w)
{
	w->out.type = MESSAGE_RESULT;
	w->out.n = HELPER_BACKENDS;
	for (unsigned b = 0; b < HELPER_BACKENDS; b++) {
		struct message_result *r = &w->out.results[b];
		char text[512];
		struct buf why = BUF(text);
		enum err err = OK;

		memset(r, 0, sizeof(*r));
		r->backend = (enum helper_backend)b;
		if (!is_wanted(w, b))
			continue;
		errno = 0;
		err = apply(w, b, &why);
		r->state = err != OK ? MESSAGE_FAILED : why.n ? MESSAGE_PARTLY : MESSAGE_UP;
		if (r->state == MESSAGE_UP)
			continue;
		r->error = errno;
		w->broken[b] = err != OK;
		if (!why.n)
			buf_addf(&why, "%s", err_text(err));
		message_set_text(r->text, buf_span(&why));
	}
}

static void figures(struct work *w)
{
	w->out.type = MESSAGE_FIGURES;
	w->out.n = HELPER_BACKENDS;
	for (unsigned b = 0; b < HELPER_BACKENDS; b++) {
		struct message_figures *f = &w->out.figures[b];
		struct backend_stats s = {0};

		*f = (struct message_figures){.backend = (enum helper_backend)b};
		if (!is_wanted(w, b))
			continue;
		f->state = w->state[b] && backends[b]->stats(w->state[b], &s) == OK
			       ? MESSAGE_UP
			       : MESSAGE_FAILED;
		w->broken[b] |= f->state == MESSAGE_FAILED;
		f->entries = s.entries;
		f->evicted = s.evicted;
		f->packets = s.packets;
		f->bytes = s.bytes;
	}
}

/* ---- requests ---- */

/* By prefix, then as they came. */
static int compare(const void *a, const void *b, void *arg)
{
	const struct helper_ban *bans = arg;
	uint16_t x = *(const uint16_t *)a, y = *(const uint16_t *)b;
	int d = memcmp(&bans[x].what, &bans[y].what, sizeof(bans[x].what));

	return d ? d : x - y;
}

/* Backends get each prefix once: what was said last of it. */
static void make_unique(struct message *m)
{
	static uint16_t order[MESSAGE_ITEMS];
	static struct helper_ban copy[MESSAGE_ITEMS];
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		order[i] = (uint16_t)i;
	memcpy(copy, m->bans, m->n * sizeof(copy[0]));
	qsort_r(order, m->n, sizeof(order[0]), compare, copy);
	for (size_t i = 0; i < m->n; i++) {
		const struct helper_ban *b = &copy[order[i]];

		if (n && memcmp(&m->bans[n - 1].what, &b->what, sizeof(b->what)) == 0)
			n--;
		m->bans[n++] = *b;
	}
	m->n = n;
}

/* False: that was STOP. */
static bool handle(struct work *w, struct span datagram)
{
	const char *why;

	w->out.sequence = message_sequence(datagram);
	if (message_read(datagram, true, &w->in, &why) != OK) {
		refuse(w, why);
		return true;
	}
	if (w->in.type == MESSAGE_CONFIGURE) {
		close_all(w, false);
		w->setup = w->in.setup;
		w->configured = true;
	}
	if (!w->configured && w->in.type != MESSAGE_STOP) {
		refuse(w, "nothing can be done before CONFIGURE");
		return true;
	}
	if (w->in.type == MESSAGE_ADD || w->in.type == MESSAGE_REMOVE)
		make_unique(&w->in);
	if (w->in.type == MESSAGE_STATS) {
		figures(w);
	} else if (w->in.type == MESSAGE_STOP) {
		close_all(w, w->in.keep);
		w->setup.wanted = 0;
		apply_to_all(w);
	} else {
		apply_to_all(w);
	}
	return w->in.type != MESSAGE_STOP;
}

enum work_end work_run(int fd, uint32_t generation)
{
	static struct work work;
	struct work *w = &work;
	ssize_t n = 0;
	bool more = true;

	memset(w, 0, sizeof(*w));
	w->fd = fd;
	w->out.type = MESSAGE_HELLO;
	w->out.generation = generation;
	while (send_answer(w) && more) {
		do
			n = recv(fd, w->datagram, sizeof(w->datagram), MSG_TRUNC);
		while (n < 0 && errno == EINTR);
		if (n <= 0)
			break;
		more = handle(w, span_of(w->datagram, MIN((size_t)n, sizeof(w->datagram))));
	}
	if (!more)
		return WORK_STOPPED;
	close_all(w, true);
	return n == 0 || errno == EPIPE || errno == ECONNRESET ? WORK_GONE : WORK_BROKEN;
}
