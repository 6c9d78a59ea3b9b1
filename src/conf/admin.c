/* SPDX-License-Identifier: MIT
 *
 * Where the running daemon is spoken to: the control socket, and HTTP with its token. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf/assemble.h"

#define TOO_LONG "this path, with the folder of the file, is longer than the 107 bytes of a socket"

static void wrong(struct assembly *a, const struct node *n, const char *why)
{
	assemble_wrong(a, n, "admin", SPAN(""), "listen", why);
}

/* The path behind a prefix; n = 0, reported, when it is too long. */
static struct span socket_path(struct assembly *a, const struct node *n, size_t prefix)
{
	struct span path = assemble_path(a, span_from(n->text, n->text.p + prefix));

	if (path.n < sizeof(((struct sockaddr_un *)0)->sun_path))
		return path;
	wrong(a, n, TOO_LONG);
	return SPAN("");
}

static void add_control(struct assembly *a, const struct node *n)
{
	struct span path;

	if (a->conf->admin_socket.n) {
		wrong(a, n, "there can be one control socket only");
		return;
	}
	path = socket_path(a, n, 5);
	if (path.n)
		a->conf->admin_socket = path;
}

static const char *read_address(struct span s, struct addr *out)
{
	struct addr x;

	if (addr_parse(s, 0, &x) != OK || x.port == 0)
		return "must be http:ADDRESS:PORT or http:unix:PATH";
	*out = x;
	return NULL;
}

/* all: what was read before. */
static void add_http(struct assembly *a, const struct node *n, struct conf_http *all)
{
	struct conf_http *h = &all[a->conf->admin_http_count];
	struct span rest = span_from(n->text, n->text.p + 5);
	const char *why = NULL;

	if (a->conf->admin_http_count == CONF_HTTP_MAX) {
		wrong(a, n, "too many: at most 8 for HTTP");
		return;
	}
	h->text = assemble_dup(a, n->text);
	if (span_starts(rest, SPAN("unix:")) && rest.n > 5)
		h->path = socket_path(a, n, 10);
	else
		why = read_address(rest, &h->addr);
	for (size_t i = 0; i < a->conf->admin_http_count && !why; i++)
		if (h->path.n ? span_eq(all[i].path, h->path)
			      : !all[i].path.n && addr_eq(&all[i].addr, &h->addr))
			why = "is there twice";
	if (why)
		wrong(a, n, why);
	else if (h->path.n || h->addr.port)
		a->conf->admin_http_count++;
}

static void add_listener(struct assembly *a, const struct node *n, struct conf_http *all)
{
	if (span_starts(n->text, SPAN("unix:")) && n->text.n > 5)
		add_control(a, n);
	else if (span_starts(n->text, SPAN("http:")))
		add_http(a, n, all);
	else
		wrong(a, n,
		    "must be unix:PATH for the control socket, or http:ADDRESS:PORT or "
		    "http:unix:PATH");
}

/* ---- the token ---- */

static void token_wrong(struct assembly *a, const struct node *n, const char *why)
{
	assemble_wrong(a, n, "admin", SPAN(""), "token_file", why);
}

/* What is written in the file, without blanks and newlines around it; in text. -1: errno. */
static ssize_t read_token(const char *path, char *text, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, text, cap);
	int why = errno;

	if (fd >= 0)
		close(fd);
	errno = why;
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r' || text[n - 1] == ' '))
		n--;
	return n;
}

static void assemble_token(struct assembly *a)
{
	const struct node *n = a->draft->admin_token_file;
	char text[CONF_TOKEN_MAX + 8], why[256];
	struct buf b = BUF(why);
	struct span path;
	ssize_t size;

	if (!n)
		return;
	if (!n->text.n) {
		token_wrong(a, n, "must be a path");
		return;
	}
	path = assemble_path(a, n->text);
	size = path.n ? read_token(path.p, text, sizeof(text)) : -1;
	if (size < 0) {
		buf_addf(&b, "cannot be read: %s", strerror(errno));
		token_wrong(a, n, buf_terminate(&b) ? why : "cannot be read");
		return;
	}
	for (ssize_t i = 0; i < size; i++)
		if (text[i] <= ' ' || text[i] > '~')
			size = 0;
	if (size < CONF_TOKEN_MIN || size > CONF_TOKEN_MAX) {
		token_wrong(a, n,
		    "the file must hold one token of 16 to 256 printable ASCII characters without "
		    "blanks; `openssl rand -hex 32` makes one");
		return;
	}
	a->conf->admin_token = assemble_dup(a, span_of(text, (size_t)size));
	a->conf->admin_token_file = path;
}

/* Whoever reaches the address could read who is banned and how we are doing. */
static void check_exposed(struct assembly *a, const struct node *list)
{
	bool many = list->kind == NODE_LIST;

	if (a->conf->admin_token.n || a->draft->admin_token_file)
		return;
	for (const struct node *n = many ? list->children : list; n; n = many ? n->next : NULL) {
		struct addr x = {0};

		if (!span_starts(n->text, SPAN("http:")) ||
		    addr_parse(span_from(n->text, n->text.p + 5), 0, &x) != OK ||
		    addr_is_loopback(&x))
			continue;
		wrong(a, n,
		    "others than this machine reach this address: set admin.token_file, or listen "
		    "on 127.0.0.1 or http:unix:PATH");
	}
}

void assemble_admin(struct assembly *a)
{
	const struct node *list = a->draft->admin_listen;
	bool many = list && list->kind == NODE_LIST;
	struct conf_http *all = assemble_array(a, CONF_HTTP_MAX, sizeof(*all));
	size_t before = a->errs->count;

	if (!list || !all)
		return;
	a->conf->admin_http = all;
	assemble_token(a);
	for (const struct node *n = many ? list->children : list; n; n = many ? n->next : NULL)
		add_listener(a, n, all);
	if (!a->conf->admin_socket.n && a->errs->count == before)
		wrong(a, list,
		    "must name the control socket, too, like unix:" CONF_SOCKET_NAME
		    ": commands need it");
	check_exposed(a, list);
}
