/* SPDX-License-Identifier: MIT
 *
 * Where bans are carried out, and who does it. */
#include <string.h>
#include <sys/un.h>

#include "conf/assemble.h"
#include "conf/schema.h"

static void assemble_where(struct assembly *a)
{
	const struct node *list = a->draft->enforce;
	unsigned where = 0;

	for (const struct node *n = list ? list->children : NULL; n; n = n->next)
		where |= 1u << schema_word_index(DRAFT_ENFORCE, n->text);
	if (list && !list->children)
		assemble_wrong(a, list, "enforce", SPAN(""), NULL,
		    "must name ledger; to ban nobody, use standing.mode: observe");
	else if (list && !(where & CONF_ENFORCE_LEDGER))
		assemble_wrong(a, list, "enforce", SPAN(""), NULL,
		    "must name ledger, too: all bans are in it, nftables and xdp only carry them "
		    "out");
	a->conf->enforcement.where = where | CONF_ENFORCE_LEDGER;
}

/* It goes into commands of nftables: nothing that could end a word may be in it. */
static bool is_table_name(struct span s)
{
	bool ok = s.n > 0 && s.n <= CONF_TABLE_NAME_MAX;

	for (size_t i = 0; i < s.n; i++)
		ok = ok && ((s.p[i] >= 'a' && s.p[i] <= 'z') ||
			       (i > 0 && (ascii_is_digit(s.p[i]) || s.p[i] == '_')));
	return ok;
}

static void assemble_table(struct assembly *a)
{
	const struct node *n = a->draft->nft_table;

	if (!n)
		return;
	if (!is_table_name(n->text))
		assemble_wrong(a, n, "nftables", SPAN(""), "table",
		    "must have 1 to 32 of the characters a to z, 0 to 9 and _, the first a letter");
	a->conf->enforcement.table = assemble_dup(a, n->text);
}

/* As the kernel takes it (dev_valid_name). */
static bool is_interface(struct span s)
{
	bool ok = s.n > 0 && s.n <= CONF_INTERFACE_MAX && !span_eq(s, SPAN(".")) &&
		  !span_eq(s, SPAN(".."));

	for (size_t i = 0; i < s.n; i++)
		ok = ok && s.p[i] > ' ' && s.p[i] <= '~' && s.p[i] != '/' && s.p[i] != ':';
	return ok;
}

static void assemble_interface(struct assembly *a, const struct node *n, struct span *list)
{
	struct conf_enforcement *e = &a->conf->enforcement;

	if (!is_interface(n->text)) {
		assemble_wrong(a, n, "xdp", SPAN(""), "interfaces",
		    "must be the name of a network interface, as `ip link` shows it");
		return;
	}
	if (e->interfaces_count == CONF_INTERFACES_MAX) {
		assemble_wrong(
		    a, n, "xdp", SPAN(""), "interfaces", "too many interfaces: at most 16");
		return;
	}
	for (size_t i = 0; i < e->interfaces_count; i++)
		if (span_eq(list[i], n->text)) {
			assemble_wrong(
			    a, n, "xdp", SPAN(""), "interfaces", "is named twice: keep one");
			return;
		}
	list[e->interfaces_count++] = assemble_dup(a, n->text);
}

static void assemble_interfaces(struct assembly *a)
{
	const struct node *n = a->draft->interfaces;
	struct span *list = assemble_array(a, CONF_INTERFACES_MAX, sizeof(*list));

	if (!list || !n)
		return;
	a->conf->enforcement.interfaces = list;
	if (n->kind == NODE_SCALAR)
		assemble_interface(a, n, list);
	for (const struct node *i = n->kind == NODE_SCALAR ? NULL : n->children; i; i = i->next)
		assemble_interface(a, i, list);
}

static void assemble_helper(struct assembly *a)
{
	const struct node *n = a->draft->helper;
	struct conf_enforcement *e = &a->conf->enforcement;
	const char *why = NULL;

	if (!n)
		return;
	if (span_eq(n->text, SPAN("auto"))) {
		e->helper = CONF_HELPER_AUTO;
	} else if (span_eq(n->text, SPAN("start"))) {
		e->helper = CONF_HELPER_START;
	} else if (span_starts(n->text, SPAN("unix:")) && n->text.n > 5) {
		e->helper = CONF_HELPER_SOCKET;
		e->helper_socket = assemble_path(a, span_from(n->text, n->text.p + 5));
		if (e->helper_socket.n >= sizeof(((struct sockaddr_un *)0)->sun_path))
			why = "this path is longer than the 107 bytes of a socket";
	} else {
		why = "must be auto, start or unix:PATH";
	}
	if (why)
		assemble_wrong(a, n, "helper", SPAN(""), NULL, why);
}

void assemble_enforcement(struct assembly *a)
{
	assemble_where(a);
	assemble_table(a);
	assemble_interfaces(a);
	assemble_helper(a);
}
