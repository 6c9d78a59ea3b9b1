/* SPDX-License-Identifier: MIT */
#include "helper/message.h"

enum { HEADER = 12, BAN = 24, SETUP = 552, STOP = 4, HELLO = 4, RESULT = 128, FIGURES = 40 };

static const char magic[4] = {'R', 'F', 'H', 1};

_Static_assert(HEADER + MESSAGE_ITEMS * BAN <= MESSAGE_BYTES, "the longest message has room");
_Static_assert(HELPER_PORTS_MAX * 4 + HELPER_INTERFACES_MAX * (HELPER_INTERFACE_MAX + 1) +
		       HELPER_TABLE_MAX + 8 ==
		   SETUP,
    "the layout of CONFIGURE");

/* Reads and writes in order. Reading past the end gives zeros: lengths are checked before. */
struct cursor {
	const unsigned char *p, *end;
};

static uint64_t get(struct cursor *c, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes && c->p < c->end; i++)
		v |= (uint64_t)*c->p++ << (8 * i);
	return v;
}

static void put(struct buf *b, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		buf_add_char(b, (char)(v >> (8 * i) & 0xff));
}

/* ---- texts ---- */

/* n bytes with zeros behind the text. The text has `n` bytes at most and none that is_good refuses;
 * out has room for n + 1. */
static bool get_text(struct cursor *c, size_t n, bool (*is_good)(size_t, char), char *out)
{
	bool ended = false, ok = true;

	for (size_t i = 0; i < n; i++) {
		char ch = (char)get(c, 1);

		ended = ended || ch == '\0';
		ok = ok && (ended ? ch == '\0' : is_good(i, ch));
		out[i] = ch;
	}
	out[n] = '\0';
	return ok;
}

static void put_text(struct buf *b, const char *text, size_t n)
{
	size_t len = strnlen(text, n);

	buf_add(b, text, len);
	for (; len < n; len++)
		buf_add_char(b, '\0');
}

static bool is_printable(size_t at, char c)
{
	(void)at;
	return c >= ' ' && c <= '~';
}

static bool is_of_table(size_t at, char c)
{
	return (c >= 'a' && c <= 'z') || (at > 0 && (ascii_is_digit(c) || c == '_'));
}

static bool is_of_interface(size_t at, char c)
{
	(void)at;
	return c > ' ' && c <= '~' && c != '/' && c != ':';
}

void message_set_text(char text[MESSAGE_TEXT_MAX + 1], struct span s)
{
	size_t n = MIN(s.n, (size_t)MESSAGE_TEXT_MAX);

	for (size_t i = 0; i < n; i++)
		text[i] = is_printable(i, s.p[i]) ? s.p[i] : '?';
	memset(text + n, 0, MESSAGE_TEXT_MAX + 1 - n);
}

const char *helper_backend_name(enum helper_backend b)
{
	return b == HELPER_NFTABLES ? "nftables" : "xdp";
}

/* ---- bans ---- */

static bool has_host_bits(const struct prefix *p)
{
	for (unsigned bit = p->bits; bit < 128; bit++)
		if (p->ip[bit / 8] & (0x80 >> bit % 8))
			return true;
	return false;
}

/* Neither this network, this host, this link, multicast nor what is reserved; told by where a
 * prefix begins. */
static bool is_unicast_v4(const uint8_t ip[4])
{
	return ip[0] != 0 && ip[0] != 127 && ip[0] < 224 && !(ip[0] == 169 && ip[1] == 254);
}

static bool is_unicast_v6(const uint8_t ip[16])
{
	return (ip[0] & 0xe0) == 0x20 || (ip[0] & 0xfe) == 0xfc;
}

bool message_may_block(const struct prefix *p)
{
	struct addr a = {0};

	memcpy(a.ip, p->ip, sizeof(a.ip));
	if (p->bits > 128 || has_host_bits(p))
		return false;
	if (addr_is_v4(&a))
		return p->bits >= HELPER_BITS_LEAST_V4 && is_unicast_v4(a.ip + 12);
	return p->bits >= HELPER_BITS_LEAST_V6 && is_unicast_v6(a.ip);
}

static const char *read_bans(struct cursor *c, struct message *m)
{
	bool add = m->type == MESSAGE_ADD;

	for (size_t i = 0; i < m->n; i++) {
		struct helper_ban *b = &m->bans[i];

		memset(b, 0, sizeof(*b));
		for (size_t k = 0; k < sizeof(b->what.ip); k++)
			b->what.ip[k] = (uint8_t)get(c, 1);
		b->what.bits = (uint8_t)get(c, 1);
		if (get(c, 3) != 0)
			return "reserved bytes of an item are not zero";
		b->seconds = (uint32_t)get(c, 4);
		if (!message_may_block(&b->what))
			return "an address or prefix that must not be blocked";
		if (add ? b->seconds < 1 || b->seconds > HELPER_SECONDS_MAX : b->seconds != 0)
			return "a time outside of its bounds";
	}
	return NULL;
}

static void write_bans(struct buf *b, const struct message *m)
{
	for (size_t i = 0; i < m->n; i++) {
		buf_add(b, (const char *)m->bans[i].what.ip, sizeof(m->bans[i].what.ip));
		put(b, m->bans[i].what.bits, 4);
		put(b, m->bans[i].seconds, 4);
	}
}

/* ---- the setup ---- */

static const char *read_ports(struct cursor *c, struct helper_setup *s)
{
	for (size_t i = 0; i < HELPER_PORTS_MAX; i++) {
		uint64_t tcp = get(c, 2), port = get(c, 2);

		if (i >= s->ports_n ? tcp || port : tcp > 1 || !port)
			return "a port outside of its bounds";
		s->ports[i] = (struct helper_port){tcp != 0, (uint16_t)port};
	}
	return NULL;
}

static const char *read_interfaces(struct cursor *c, struct helper_setup *s)
{
	for (size_t i = 0; i < HELPER_INTERFACES_MAX; i++) {
		char *name = s->interfaces[i];

		if (!get_text(c, HELPER_INTERFACE_MAX, is_of_interface, name) || get(c, 1) != 0 ||
		    (name[0] != '\0') != (i < s->interfaces_n) || strcmp(name, ".") == 0 ||
		    strcmp(name, "..") == 0)
			return "the name of an interface is none";
	}
	return NULL;
}

static const char *read_setup(struct cursor *c, struct message *m)
{
	struct helper_setup *s = &m->setup;
	const char *wrong;
	uint64_t flags;

	memset(s, 0, sizeof(*s));
	s->wanted = (unsigned)get(c, 1);
	flags = get(c, 1);
	s->xdp_mode = (enum helper_xdp_mode)get(c, 1);
	s->ports_n = get(c, 1);
	s->interfaces_n = get(c, 1);
	if (get(c, 3) != 0 || flags > 1 || s->wanted >= 1u << HELPER_BACKENDS ||
	    s->xdp_mode >= HELPER_XDP_MODES || s->ports_n > HELPER_PORTS_MAX ||
	    s->interfaces_n > HELPER_INTERFACES_MAX)
		return "a field of the setup outside of its bounds";
	s->all_ports = flags != 0;
	if (!s->all_ports && !s->ports_n)
		return "no port to block";
	if (!get_text(c, HELPER_TABLE_MAX, is_of_table, s->table) || !s->table[0])
		return "the name of the table is none";
	wrong = read_ports(c, s);
	return wrong ? wrong : read_interfaces(c, s);
}

static void write_setup(struct buf *b, const struct message *m)
{
	const struct helper_setup *s = &m->setup;

	put(b, s->wanted, 1);
	put(b, s->all_ports, 1);
	put(b, s->xdp_mode, 1);
	put(b, s->ports_n, 1);
	put(b, s->interfaces_n, 4);
	put_text(b, s->table, HELPER_TABLE_MAX);
	for (size_t i = 0; i < HELPER_PORTS_MAX; i++) {
		put(b, i < s->ports_n && s->ports[i].tcp, 2);
		put(b, i < s->ports_n ? s->ports[i].port : 0, 2);
	}
	for (size_t i = 0; i < HELPER_INTERFACES_MAX; i++)
		put_text(b, i < s->interfaces_n ? s->interfaces[i] : "", HELPER_INTERFACE_MAX + 1);
}

/* ---- the rest ---- */

static const char *read_stop(struct cursor *c, struct message *m)
{
	uint64_t keep = get(c, STOP);

	m->keep = keep != 0;
	return keep > 1 ? "a truth that is neither 0 nor 1" : NULL;
}

static void write_stop(struct buf *b, const struct message *m)
{
	put(b, m->keep, STOP);
}

static const char *read_hello(struct cursor *c, struct message *m)
{
	m->generation = (uint32_t)get(c, HELLO);
	return m->generation ? NULL : "a generation of 0";
}

static void write_hello(struct buf *b, const struct message *m)
{
	put(b, m->generation, HELLO);
}

/* Both begin with the backend and how it is. */
static bool read_state(
    struct cursor *c, enum helper_backend *out_backend, enum message_state *out_state)
{
	uint64_t backend = get(c, 1), state = get(c, 1);

	*out_backend = (enum helper_backend)backend;
	*out_state = (enum message_state)state;
	return backend < HELPER_BACKENDS && state < MESSAGE_STATES;
}

static const char *read_results(struct cursor *c, struct message *m)
{
	for (size_t i = 0; i < m->n; i++) {
		struct message_result *r = &m->results[i];

		memset(r, 0, sizeof(*r));
		if (!read_state(c, &r->backend, &r->state))
			return "a backend or state that there is not";
		r->error = (int)get(c, 2);
		if (get(c, 4) != 0 || !get_text(c, MESSAGE_TEXT_MAX, is_printable, r->text))
			return "a text that is none";
	}
	return NULL;
}

static void write_results(struct buf *b, const struct message *m)
{
	for (size_t i = 0; i < m->n; i++) {
		put(b, m->results[i].backend, 1);
		put(b, m->results[i].state, 1);
		put(b, (uint16_t)m->results[i].error, 2);
		put(b, 0, 4);
		put_text(b, m->results[i].text, MESSAGE_TEXT_MAX);
	}
}

static const char *read_figures(struct cursor *c, struct message *m)
{
	for (size_t i = 0; i < m->n; i++) {
		struct message_figures *f = &m->figures[i];

		memset(f, 0, sizeof(*f));
		if (!read_state(c, &f->backend, &f->state) || get(c, 6) != 0)
			return "a backend or state that there is not";
		f->entries = get(c, 8);
		f->evicted = get(c, 8);
		f->packets = get(c, 8);
		f->bytes = get(c, 8);
	}
	return NULL;
}

static void write_figures(struct buf *b, const struct message *m)
{
	for (size_t i = 0; i < m->n; i++) {
		put(b, m->figures[i].backend, 1);
		put(b, m->figures[i].state, 7);
		put(b, m->figures[i].entries, 8);
		put(b, m->figures[i].evicted, 8);
		put(b, m->figures[i].packets, 8);
		put(b, m->figures[i].bytes, 8);
	}
}

static const char *read_refused(struct cursor *c, struct message *m)
{
	return get_text(c, MESSAGE_TEXT_MAX, is_printable, m->text) ? NULL : "a text that is none";
}

static void write_refused(struct buf *b, const struct message *m)
{
	put_text(b, m->text, MESSAGE_TEXT_MAX);
}

/* ---- all of them ---- */

static const struct kind {
	enum message_type type;
	bool from_daemon;
	size_t least, most, item; /* items, and bytes of one */
	const char *(*read)(struct cursor *c, struct message *m);
	void (*write)(struct buf *b, const struct message *m);
} kinds[] = {
    {MESSAGE_CONFIGURE, true, 1, 1, SETUP, read_setup, write_setup},
    {MESSAGE_SYNC_BEGIN, true, 0, 0, 0, NULL, NULL},
    {MESSAGE_ADD, true, 1, MESSAGE_ITEMS, BAN, read_bans, write_bans},
    {MESSAGE_REMOVE, true, 1, MESSAGE_ITEMS, BAN, read_bans, write_bans},
    {MESSAGE_SYNC_END, true, 0, 0, 0, NULL, NULL},
    {MESSAGE_STATS, true, 0, 0, 0, NULL, NULL},
    {MESSAGE_STOP, true, 1, 1, STOP, read_stop, write_stop},
    {MESSAGE_HELLO, false, 1, 1, HELLO, read_hello, write_hello},
    {MESSAGE_RESULT, false, 0, HELPER_BACKENDS, RESULT, read_results, write_results},
    {MESSAGE_FIGURES, false, 0, HELPER_BACKENDS, FIGURES, read_figures, write_figures},
    {MESSAGE_REFUSED, false, 1, 1, MESSAGE_TEXT_MAX, read_refused, write_refused},
};

static const struct kind *find_kind(unsigned type)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if ((unsigned)kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

static enum err wrong(const char **out_why, const char *why)
{
	*out_why = why;
	return ERR_SYNTAX;
}

enum err message_read(
    struct span datagram, bool from_daemon, struct message *out_m, const char **out_why)
{
	const unsigned char *p = (const unsigned char *)datagram.p;
	struct cursor c = {p, p + datagram.n};
	const struct kind *k;
	const char *why;
	uint64_t zero;

	if (datagram.n < HEADER)
		return wrong(out_why, "shorter than its header");
	if (memcmp(p, magic, sizeof(magic)) != 0)
		return wrong(out_why, "not a message of this version");
	c.p += sizeof(magic);
	k = find_kind((unsigned)get(&c, 1));
	zero = get(&c, 1);
	out_m->n = get(&c, 2);
	out_m->sequence = (uint32_t)get(&c, 4);
	if (!k || k->from_daemon != from_daemon)
		return wrong(out_why, "no such type of message");
	out_m->type = k->type;
	if (zero != 0)
		return wrong(out_why, "a reserved byte is not zero");
	if (out_m->n < k->least || out_m->n > k->most)
		return wrong(out_why, "a number of items outside of its bounds");
	if (datagram.n != HEADER + out_m->n * k->item)
		return wrong(out_why, "not as long as its items");
	why = k->read ? k->read(&c, out_m) : NULL;
	return why ? wrong(out_why, why) : OK;
}

uint32_t message_sequence(struct span datagram)
{
	const unsigned char *p = (const unsigned char *)datagram.p;
	struct cursor c = {p + 8, p + datagram.n};

	return datagram.n < HEADER ? 0 : (uint32_t)get(&c, 4);
}

enum err message_write(const struct message *m, struct buf *b)
{
	const struct kind *k = find_kind(m->type);
	size_t n = k->least == k->most ? k->least : m->n;

	buf_add(b, magic, sizeof(magic));
	put(b, m->type, 2);
	put(b, n, 2);
	put(b, m->sequence, 4);
	if (k->write)
		k->write(b, m);
	return b->overflow ? ERR_RANGE : OK;
}
