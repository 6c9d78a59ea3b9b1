/* SPDX-License-Identifier: MIT
 *
 * What the parts of the assembly share, and the parts that are but a few values. */
#include "conf/assemble.h"

#include <sched.h>
#include <unistd.h>

#include "conf/build.h"
#include "conf/schema.h"
#include "conf/value.h"

#define NAME_LONGEST 64

void assemble_wrong(struct assembly *a, const struct node *n, const char *section, struct span name,
    const char *key, const char *why)
{
	struct conf_shown shown = conf_show(name);

	if (n->kind == NODE_SCALAR)
		conf_errors_report(a->errs, n->line, n->column, "%s%s%s%s%s \"%s\": %s", section,
		    name.n ? "." : "", shown.text, key ? "." : "", key ? key : "",
		    conf_show(n->text).text, why);
	else
		conf_errors_report(a->errs, n->line, n->column, "%s%s%s%s%s: %s", section,
		    name.n ? "." : "", shown.text, key ? "." : "", key ? key : "", why);
}

struct span assemble_dup(struct assembly *a, struct span s)
{
	struct span copy = arena_dup(a->arena, s);

	if (!copy.p)
		a->nomem = true;
	return copy;
}

struct span assemble_lower(struct assembly *a, struct span s)
{
	char *text = assemble_array(a, s.n, 1);

	for (size_t i = 0; text && i < s.n; i++)
		text[i] = (char)ascii_lower((unsigned char)s.p[i]);
	return span_of(text, text ? s.n : 0);
}

void *assemble_array(struct assembly *a, size_t count, size_t size)
{
	void *p = count < SIZE_MAX / 2 / size ? arena_zalloc(a->arena, (count + 1) * size) : NULL;

	if (!p)
		a->nomem = true;
	return p;
}

bool assemble_is_name(struct span s)
{
	bool ok = s.n > 0 && s.n <= NAME_LONGEST;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = ascii_lower((unsigned char)s.p[i]);

		ok = ok && ((c >= 'a' && c <= 'z') || ascii_is_digit((char)c) ||
			       (i > 0 && (c == '-' || c == '_' || c == '.')));
	}
	return ok;
}

bool assemble_check_name(struct assembly *a, const struct node *n, const char *section)
{
	bool ok = assemble_is_name(n->key);

	if (!ok)
		conf_errors_report(a->errs, n->key_line, n->key_column,
		    "%s: the name \"%s\" must have 1 to 64 letters, digits, - _ or ., the first a "
		    "letter or digit",
		    section, conf_show(n->key).text);
	return ok;
}

void assemble_unknown_name(struct assembly *a, const struct node *n, const char *section,
    struct span name, const char *key, const char *what, const struct span *known, size_t count)
{
	struct span nearest = build_nearest(n->text, known, count);
	char text[512];
	struct buf why = BUF(text);

	buf_addf(&why, "no %s has this name", what);
	if (nearest.n) {
		buf_addf(&why, ", did you mean \"%.*s\"?", SPAN_FMT(nearest));
	} else if (count) {
		buf_add_lit(&why, "; known: ");
		for (size_t i = 0; i < count && i < 8; i++)
			buf_addf(&why, "%s%.*s", i ? ", " : "", SPAN_FMT(known[i]));
		if (count > 8)
			buf_add_lit(&why, ", ...");
	} else {
		buf_add_lit(&why, ": none is configured");
	}
	assemble_wrong(a, n, section, name, key, buf_terminate(&why) ? text : "unknown name");
}

size_t assemble_zone_ref(
    struct assembly *a, const struct node *n, const char *section, struct span name)
{
	size_t i = conf_zone_index(a->conf, n->text);
	struct span *known;

	if (i != CONF_NONE)
		return i;
	known = assemble_array(a, a->conf->zones_count, sizeof(*known));
	if (!known)
		return CONF_NONE;
	for (size_t k = 0; k < a->conf->zones_count; k++)
		known[k] = a->conf->zones[k].name;
	assemble_unknown_name(a, n, section, name, "zone", "zone", known, a->conf->zones_count);
	return CONF_NONE;
}

struct span assemble_path(struct assembly *a, struct span path)
{
	struct span dir = a->conf->dir;
	size_t cap = dir.n + path.n + 2;
	char *text;
	struct buf b;

	if (path.p[0] == '/' || span_eq(dir, SPAN(".")))
		return assemble_dup(a, path);
	text = assemble_array(a, cap, 1);
	if (!text)
		return SPAN("");
	b = buf_of(text, cap);
	buf_add_span(&b, dir);
	if (dir.p[dir.n - 1] != '/')
		buf_add_char(&b, '/');
	buf_add_span(&b, path);
	return buf_span(&b);
}

static void assemble_store(struct assembly *a, const struct node *n, const char *section,
    const char *elsewhere, struct conf_store *out_store)
{
	struct span path = n ? n->text : SPAN("");
	char why[128];
	struct buf b = BUF(why);

	if (!n)
		return;
	if (span_starts(path, SPAN("sqlite:")) && path.n > 7) {
		out_store->path = assemble_path(a, span_from(path, path.p + 7));
		return;
	}
	if (span_starts(path, span_str(elsewhere)))
		buf_addf(&b, "%s needs a build that has it, which this is not: use sqlite:PATH",
		    elsewhere);
	else
		buf_add_lit(&b, "must be sqlite:PATH");
	assemble_wrong(a, n, section, SPAN(""), "store", buf_terminate(&b) ? why : "");
}

static void assemble_node(struct assembly *a)
{
	const struct node *n = a->draft->node_name;
	char host[256] = "";
	struct span name;

	if (!n && gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	name = n ? n->text : span_str(host[0] ? host : "localhost");
	for (size_t i = 0; n && i < name.n; i++)
		if (name.n > NAME_LONGEST || name.p[i] <= ' ' || name.p[i] > '~') {
			assemble_wrong(a, n, "node", SPAN(""), NULL,
			    "must have 1 to 64 printable ASCII characters, no spaces");
			return;
		}
	if (n && !name.n)
		assemble_wrong(a, n, "node", SPAN(""), NULL, "must not be empty");
	a->conf->node = assemble_dup(a, name);
}

/* The cores that this process may use, not those that the machine has. */
static void assemble_workers(struct assembly *a)
{
	size_t workers = (size_t)a->draft->workers;
	cpu_set_t cores;

	if (!workers)
		workers = sched_getaffinity(0, sizeof(cores), &cores) == 0
			      ? (size_t)CPU_COUNT(&cores)
			      : 1;
	a->conf->workers = MAX(1, MIN(workers, CONF_WORKERS_MAX));
}

static void assemble_algorithms(struct assembly *a)
{
	const struct node *list = a->draft->algorithms;
	struct conf_auth *auth = &a->conf->auth;

	for (const struct node *n = list ? list->children : NULL; n; n = n->next)
		auth->algorithms[auth->algorithms_count++] =
		    (enum conf_algorithm)schema_word_index(DRAFT_ALGORITHMS, n->text);
	if (list && !list->children)
		assemble_wrong(a, list, "controls.auth.algorithms", SPAN(""), NULL,
		    "must name at least one of SHA-512-256, SHA-256 and MD5");
}

/* The place of a key that the file may have; else of the file as a whole. */
static const struct node *place_of(const struct assembly *a, const char *section, const char *key)
{
	static const struct node nowhere = {.kind = NODE_MAP};
	const struct node *n = tree_child(a->draft->root, section);

	for (struct span rest = span_str(key), part; n && rest.n;) {
		char name[64];

		span_cut(&rest, '.', &part);
		struct buf b = BUF(name);
		buf_add_span(&b, part);
		n = buf_terminate(&b) ? tree_child(n, name) : NULL;
	}
	return n ? n : &nowhere;
}

/* One of a pair of numbers that must be in order. */
struct bound {
	const char *key;
	uint64_t value;
};

static bool is_reported(const struct assembly *a, const struct node *n)
{
	for (size_t i = 0; n->line && i < a->errs->count; i++)
		if (a->errs->list[i].line == n->line && a->errs->list[i].column == n->column)
			return true;
	return false;
}

/* low <= high; said at the one that is written, with both values. */
static void require_order(struct assembly *a, const char *section, struct bound low,
    struct bound high, void (*add)(struct buf *, uint64_t))
{
	const struct node *l = place_of(a, section, low.key), *h = place_of(a, section, high.key);
	const struct node *n = l->line ? l : h;
	char text[200];
	struct buf b = BUF(text);

	if (low.value <= high.value || is_reported(a, l) || is_reported(a, h))
		return;
	buf_addf(&b, "%s.%s, which is ", section, low.key);
	add(&b, low.value);
	buf_addf(&b, ", must not be above %s.%s, which is ", section, high.key);
	add(&b, high.value);
	if (buf_terminate(&b))
		conf_errors_report(a->errs, n->line, n->column, "%s", text);
}

static void check_standing(struct assembly *a)
{
	const struct conf_standing *s = &a->conf->standing;
	const struct conf_flood *f = &a->conf->flood;

	require_order(a, "standing", (struct bound){"suspect", s->suspect},
	    (struct bound){"deny", s->deny}, buf_add_u64);
	require_order(a, "standing", (struct bound){"ban", s->ban},
	    (struct bound){"ban_max", s->ban_max}, value_add_duration);
	if (f->suspect_requests && f->requests)
		require_order(a, "controls",
		    (struct bound){"flood.suspect_requests", f->suspect_requests},
		    (struct bound){"flood.requests", f->requests}, buf_add_u64);
	if (f->requests && f->known_requests)
		require_order(a, "controls", (struct bound){"flood.requests", f->requests},
		    (struct bound){"flood.known_requests", f->known_requests}, buf_add_u64);
}

static void check_numbers(struct assembly *a)
{
	const struct conf_registrar *r = &a->conf->registrar;
	const struct conf_sip *sip = &a->conf->sip;
	const struct conf_tcp *tcp = &a->conf->tcp;
	struct bound least = {"min_expires", r->min_expires_s * USEC_SEC};
	struct bound preset = {"default_expires", r->default_expires_s * USEC_SEC};
	struct bound most = {"max_expires", r->max_expires_s * USEC_SEC};

	require_order(a, "registrar", least, preset, value_add_duration);
	require_order(a, "registrar", preset, most, value_add_duration);
	require_order(a, "sip", (struct bound){"t1", sip->t1}, (struct bound){"t2", sip->t2},
	    value_add_duration);
	require_order(a, "sip", (struct bound){"max_header_value", sip->max_header_value},
	    (struct bound){"max_message", sip->max_message}, value_add_size);
	require_order(a, "tcp",
	    (struct bound){"connections_per_source", tcp->connections_per_source},
	    (struct bound){"connections", tcp->connections}, buf_add_u64);
	check_standing(a);
}

static void warn(
    struct assembly *a, bool wanted, const char *section, const char *key, const char *text)
{
	const struct node *n = place_of(a, section, key);

	if (wanted)
		conf_errors_warn(a->errs, n->line, n->column, "%s", text);
}

static void check_choices(struct assembly *a)
{
	const struct conf *c = a->conf;

	warn(a, c->auth.mode == CONF_MODE_OFF, "controls", "auth.mode",
	    "controls.auth.mode: off: nobody needs a password, the edge is open to everyone");
	warn(a, c->auth.mode == CONF_MODE_OBSERVE, "controls", "auth.mode",
	    "controls.auth.mode: observe: wrong passwords are only recorded, the edge is open to "
	    "everyone");
	warn(a, c->check_mode == CONF_MODE_OFF, "controls", "check.mode",
	    "controls.check.mode: off: malformed messages are passed on");
	warn(a, c->check_mode == CONF_MODE_OBSERVE, "controls", "check.mode",
	    "controls.check.mode: observe: malformed messages are recorded and passed on");
	warn(a, c->auth.rfc2069, "controls", "auth.rfc2069",
	    "controls.auth.rfc2069: true: an overheard login can be replayed while its nonce "
	    "lives");
	warn(a, c->standing.mode == CONF_MODE_OFF, "standing", "mode",
	    "standing.mode: off: nobody is ever banned for what it does");
	warn(a, c->flood.mode == CONF_MODE_OFF, "controls", "flood.mode",
	    "controls.flood.mode: off: anyone may send as much as the machine can read");
	warn(a, c->scan.mode == CONF_MODE_OFF, "controls", "scan.mode",
	    "controls.scan.mode: off: scanners are answered like phones");
	warn(a, c->guessing.mode == CONF_MODE_OFF, "controls", "guessing.mode",
	    "controls.guessing.mode: off: passwords can be guessed at from as many places as one "
	    "has");
	warn(a, c->privileges.sandbox_off, "privileges", "sandbox",
	    "privileges.sandbox: off: who takes the process over may do all that its user may");
	warn(a, c->sip.timer_c && c->sip.timer_c <= 3 * USEC_MIN, "sip", "timer_c",
	    "sip.timer_c: RFC 3261 wants more than 3m: a phone that rings longer loses its call");
}

bool assemble(struct assembly *a)
{
	assemble_node(a);
	assemble_workers(a);
	assemble_zones(a);
	assemble_domains(a);
	assemble_peers(a);
	assemble_upstreams(a);
	assemble_routes(a);
	assemble_store(
	    a, a->draft->accounts_store, "accounts", "postgresql:", &a->conf->accounts_store);
	assemble_store(a, a->draft->state_store, "state", "redis:", &a->conf->state_store);
	assemble_sinks(a);
	assemble_limits(a);
	assemble_scan(a);
	assemble_admin(a);
	assemble_algorithms(a);
	assemble_standing(a);
	assemble_enforcement(a);
	assemble_privileges(a);
	check_numbers(a);
	check_choices(a);
	return !a->nomem;
}
