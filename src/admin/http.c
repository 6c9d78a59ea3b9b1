/* SPDX-License-Identifier: MIT
 *
 * Connections are accepted here and then given to libwebsockets, so that their number, the file of
 * a unix socket and the words for an address that is taken are ours. Of HTTP we answer one request
 * and close; upgrades (WebSocket, h2c) are refused. */
#include "admin/http.h"

#include <assert.h>
#include <errno.h>
#include <libwebsockets.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/exposition.h"
#include "admin/metrics.h"
#include "admin/socket.h"

#define BACKLOG       64
#define CLOSING_TURNS 8
#define CHUNK         ((size_t)8192)
#define HEADERS_MAX   512
#define TOKEN_MAX     CONF_TOKEN_MAX
#define AUTH_MAX      (TOKEN_MAX + 64)

struct listener {
	struct admin_http *http;
	uv_poll_t poll;
	int fd;
	bool is_unix;
	char *path; /* of a unix socket: its file, and which it is */
	dev_t dev;
	ino_t ino;
};

struct admin_http {
	uv_loop_t *loop;
	struct lws_context *context;
	struct lws_vhost *vhost;
	const struct admin_backend *backend;
	struct event_hub *hub;
	struct metrics_http figures;
	struct listener listeners[CONF_HTTP_MAX];
	size_t n;
	unsigned closing;
	char token[TOKEN_MAX];
	size_t token_n;
	usec_t made; /* monotonic time of `page`; 0: there is none */
	size_t page_n;
	char page[METRICS_MAX];
};

/* Of a connection; libwebsockets makes it, zeroed. */
struct session {
	char *body; /* ours to free */
	size_t n, sent;
	bool answered;
};

/* ---- pages ---- */

static const char about[] = "ringfence\n\n"
			    "/metrics  figures for Prometheus\n"
			    "/healthz  200 while all is well, else 503 and a word why\n";

static usec_t monotonic(void)
{
	return uv_hrtime() / 1000;
}

static usec_t wall_now(void)
{
	uv_timeval64_t tv;

	return uv_gettimeofday(&tv) == 0 ? (usec_t)tv.tv_sec * USEC_SEC + (usec_t)tv.tv_usec : 0;
}

/* Making the page walks tables: whoever asks often gets the same one for a while. */
static struct span metrics_page(struct admin_http *h)
{
	static struct admin_status st; /* some kilobytes; main thread only */
	struct metrics_input in = {&st, h->hub, &h->figures, wall_now()};
	struct buf b = BUF(h->page);

	if (h->made && monotonic() - h->made < ADMIN_HTTP_FRESH)
		return span_of(h->page, h->page_n);
	memset(&st, 0, sizeof(st));
	h->backend->status(h->backend->arg, &st);
	h->page_n = metrics_write(&in, &b) ? b.n : 0;
	h->made = monotonic();
	return span_of(h->page, h->page_n);
}

struct page {
	unsigned code;
	const char *type;
	struct span body;
};

static struct page text_page(unsigned code, struct span body)
{
	return (struct page){code, "text/plain; charset=utf-8", body};
}

static struct page health_page(struct admin_http *h)
{
	static struct admin_status st; /* as above */

	memset(&st, 0, sizeof(st));
	h->backend->figures(h->backend->arg, &st);
	return st.store_ok ? text_page(HTTP_STATUS_OK, SPAN("ok\n"))
			   : text_page(HTTP_STATUS_SERVICE_UNAVAILABLE,
				 SPAN("store: the database is lost; see `ringfence status`\n"));
}

bool admin_http_authorized(struct span header, struct span token)
{
	struct span scheme;

	while (header.n && header.p[0] == ' ')
		header = span_from(header, header.p + 1);
	if (!span_cut(&header, ' ', &scheme) || !span_ieq(scheme, SPAN("Bearer")))
		return false;
	while (header.n && header.p[0] == ' ')
		header = span_from(header, header.p + 1);
	while (header.n && header.p[header.n - 1] == ' ')
		header.n--;
	return span_eq_secret(header, token);
}

static bool may_ask(const struct admin_http *h, struct lws *wsi)
{
	char text[AUTH_MAX];
	int n;

	if (!h->token_n)
		return true;
	n = lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP_AUTHORIZATION);
	return n > 0 &&
	       admin_http_authorized(span_of(text, (size_t)n), span_of(h->token, h->token_n));
}

/* A request that says it has a body: GET and HEAD have none. */
static bool has_body(struct lws *wsi)
{
	char text[24];
	int n = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH);

	if (n == 0)
		return false;
	n = lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP_CONTENT_LENGTH);
	return n != 1 || text[0] != '0';
}

static struct page page_for(struct admin_http *h, struct lws *wsi, struct span path)
{
	if (!lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) &&
	    !lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI))
		return text_page(
		    HTTP_STATUS_METHOD_NOT_ALLOWED, SPAN("only GET and HEAD are understood\n"));
	if (has_body(wsi))
		return text_page(
		    HTTP_STATUS_REQ_ENTITY_TOO_LARGE, SPAN("a request has no body here\n"));
	if (span_eq(path, SPAN("/healthz")))
		return health_page(h);
	if (!span_eq(path, SPAN("/")) && !span_eq(path, SPAN("/metrics")))
		return text_page(
		    HTTP_STATUS_NOT_FOUND, SPAN("there is /metrics, /healthz and /\n"));
	if (!may_ask(h, wsi))
		return text_page(HTTP_STATUS_UNAUTHORIZED,
		    SPAN("send `Authorization: Bearer TOKEN` with the token of "
			 "admin.token_file\n"));
	if (span_eq(path, SPAN("/")))
		return text_page(HTTP_STATUS_OK, span_of(about, sizeof(about) - 1));
	return (struct page){HTTP_STATUS_OK, EXPOSITION_TYPE, metrics_page(h)};
}

/* ---- answering ---- */

static void count(struct metrics_http *f, unsigned code)
{
	for (size_t i = 0; i < METRICS_CODES_MAX; i++) {
		if (f->code[i] && f->code[i] != code)
			continue;
		f->code[i] = (uint16_t)code;
		f->answers[i]++;
		return;
	}
}

static bool add_header(
    struct lws *wsi, const char *name, const char *value, unsigned char **p, unsigned char *end)
{
	return lws_add_http_header_by_name(wsi, (const unsigned char *)name,
		   (const unsigned char *)value, (int)strlen(value), p, end) == 0;
}

static bool send_headers(struct lws *wsi, const struct page *page)
{
	unsigned char room[LWS_PRE + HEADERS_MAX], *start = room + LWS_PRE, *p = start;
	unsigned char *end = room + sizeof(room);
	bool ok = lws_add_http_header_status(wsi, page->code, &p, end) == 0 &&
		  add_header(wsi, "content-type:", page->type, &p, end) &&
		  lws_add_http_header_content_length(wsi, page->body.n, &p, end) == 0 &&
		  add_header(wsi, "cache-control:", "no-store", &p, end) &&
		  add_header(wsi, "x-content-type-options:", "nosniff", &p, end) &&
		  add_header(wsi, "connection:", "close", &p, end);

	if (ok && page->code == HTTP_STATUS_UNAUTHORIZED)
		ok = add_header(wsi, "www-authenticate:", "Bearer realm=\"ringfence\"", &p, end);
	if (ok && page->code == HTTP_STATUS_METHOD_NOT_ALLOWED)
		ok = add_header(wsi, "allow:", "GET, HEAD", &p, end);
	return ok && lws_finalize_write_http_header(wsi, start, &p, end) == 0;
}

/* Not 0: close. */
static int on_request(struct admin_http *h, struct lws *wsi, struct session *s, struct span path)
{
	struct page page;

	if (s->answered)
		return -1;
	s->answered = true;
	page = page_for(h, wsi, path);
	if (page.code == HTTP_STATUS_OK && page.body.n == 0)
		page = text_page(
		    HTTP_STATUS_INTERNAL_SERVER_ERROR, SPAN("the page is larger than it may be\n"));
	count(&h->figures, page.code);
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, ADMIN_HTTP_DEADLINE);
	if (!lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI)) {
		s->body = malloc(page.body.n);
		if (!s->body)
			return -1;
		memcpy(s->body, page.body.p, page.body.n);
		s->n = page.body.n;
	}
	if (!send_headers(wsi, &page))
		return -1;
	lws_callback_on_writable(wsi);
	return 0;
}

/* A piece, or the end of the connection once all has been handed to the kernel. */
static int on_writable(struct lws *wsi, struct session *s)
{
	unsigned char room[LWS_PRE + CHUNK];
	size_t n = MIN(CHUNK, s->n - s->sent);
	bool last = s->sent + n == s->n;

	if (!s->answered)
		return 0;
	if (n == 0)
		return -1;
	memcpy(room + LWS_PRE, s->body + s->sent, n);
	if (lws_write(wsi, room + LWS_PRE, n, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0)
		return -1;
	s->sent += n;
	lws_callback_on_writable(wsi);
	return 0;
}

static int on_http(
    struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct lws_vhost *vhost = lws_get_vhost(wsi);
	struct admin_http *h = vhost ? lws_vhost_user(vhost) : NULL;
	struct session *s = user;

	/* What is not listed is none of our business. */
	if (reason == LWS_CALLBACK_HTTP_CONFIRM_UPGRADE ||
	    reason == LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION)
		return -1;
	if (reason == LWS_CALLBACK_HTTP)
		return on_request(h, wsi, s, span_of(in, len));
	if (reason == LWS_CALLBACK_HTTP_BODY || reason == LWS_CALLBACK_HTTP_BODY_COMPLETION)
		return 0;
	if (reason == LWS_CALLBACK_HTTP_WRITEABLE)
		return on_writable(wsi, s);
	if (reason == LWS_CALLBACK_HTTP_DROP_PROTOCOL && s) {
		free(s->body);
		s->body = NULL;
	}
	if (reason == LWS_CALLBACK_WSI_DESTROY && h && h->figures.connections)
		h->figures.connections--;
	return 0;
}

/* ---- accepting ---- */

static void on_readable(uv_poll_t *poll, int status, int events UNUSED)
{
	struct listener *l = poll->data;
	struct admin_http *h = l->http;

	if (status < 0)
		return;
	for (int i = 0; i < BACKLOG; i++) {
		lws_sock_file_fd_type fd = {
		    .sockfd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)};

		if (fd.sockfd < 0)
			return;
		if (h->figures.connections >= ADMIN_HTTP_CLIENTS) {
			h->figures.refused++;
			close(fd.sockfd);
			continue;
		}
		h->figures.connections++;
		/* It closes the descriptor when it fails, and then tells no end. */
		(void)lws_adopt_descriptor_vhost(
		    h->vhost, LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP, fd, NULL, NULL);
	}
}

static enum err bind_unix(struct listener *l, const char *path, struct buf *why)
{
	enum err e = admin_socket_bind(path, why, &l->fd);
	struct stat st;

	if (e != OK)
		return e;
	l->path = strdup(path);
	if (!l->path || lstat(path, &st) != 0)
		return ERR_NOMEM;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return OK;
}

static enum err bind_address(struct listener *l, const struct conf_http *c, struct buf *why)
{
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(&c->addr, false, &ss);
	int one = 1;

	l->fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd >= 0 && ss.ss_family == AF_INET6)
		(void)setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (l->fd >= 0)
		(void)setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (l->fd >= 0 && bind(l->fd, (const struct sockaddr *)&ss, n) == 0)
		return OK;
	buf_addf(why, "admin.listen: cannot listen on %.*s: %s", SPAN_FMT(c->text),
	    errno == EADDRINUSE ? "the address is in use: is another daemon running?"
				: strerror(errno));
	return ERR_IO;
}

static enum err listen_on(struct admin_http *h, const struct conf_http *c, struct buf *why)
{
	struct listener *l = &h->listeners[h->n++];
	enum err e;

	*l = (struct listener){.http = h, .fd = -1};
	e = c->path.n ? bind_unix(l, c->path.p, why) : bind_address(l, c, why);
	if (e != OK)
		return e;
	if (listen(l->fd, BACKLOG) != 0 || uv_poll_init(h->loop, &l->poll, l->fd) != 0) {
		buf_addf(why, "admin.listen: cannot listen on %.*s", SPAN_FMT(c->text));
		return ERR_IO;
	}
	l->poll.data = l;
	h->closing++; /* handles to close at the end */
	uv_poll_start(&l->poll, UV_READABLE, on_readable);
	return OK;
}

/* ---- life ---- */

static const struct lws_protocols protocols[] = {
    {.name = "http", .callback = on_http, .per_session_data_size = sizeof(struct session)},
    {0},
};

static enum err make_context(struct admin_http *h, struct buf *why)
{
	void *loops[] = {h->loop};
	struct lws_context_creation_info info = {
	    .port = CONTEXT_PORT_NO_LISTEN_SERVER,
	    .gid = (gid_t)-1,
	    .uid = (uid_t)-1,
	    .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
		       LWS_SERVER_OPTION_NO_LWS_SYSTEM_STATES |
		       LWS_SERVER_OPTION_UV_NO_SIGSEGV_SIGFPE_SPIN,
	    .foreign_loops = loops,
	    .pcontext = &h->context,
	    .protocols = protocols,
	    .user = h,
	    .vhost_name = "ringfence",
	    .max_http_header_data = ADMIN_HTTP_REQUEST,
	    .max_http_header_pool = ADMIN_HTTP_CLIENTS,
	    .fd_limit_per_thread = ADMIN_HTTP_CLIENTS + 16,
	    .pt_serv_buf_size = ADMIN_HTTP_REQUEST,
	    .timeout_secs = ADMIN_HTTP_DEADLINE,
	    .keepalive_timeout = ADMIN_HTTP_DEADLINE,
	};

	lws_set_log_level(0, NULL); /* what strangers send is nobody's log line */
	h->context = lws_create_context(&info);
	h->vhost = h->context ? lws_create_vhost(h->context, &info) : NULL;
	if (h->vhost)
		return OK;
	buf_add_lit(why, "admin.listen: libwebsockets cannot be started: is its libuv plug-in "
			 "(package libwebsockets-evlib-uv) installed?");
	return ERR_IO;
}

void admin_http_use(struct admin_http *h, const struct conf *c)
{
	if (!h)
		return;
	assert(c->admin_token.n <= sizeof(h->token));
	if (c->admin_token.n)
		memcpy(h->token, c->admin_token.p, c->admin_token.n);
	h->token_n = c->admin_token.n;
}

enum err admin_http_new(uv_loop_t *loop, const struct conf *c, const struct admin_backend *backend,
    struct event_hub *hub, struct buf *why, struct admin_http **out_h)
{
	struct admin_http *h;
	enum err e;

	*out_h = NULL;
	if (!c->admin_http_count)
		return OK;
	h = calloc(1, sizeof(*h));
	if (!h)
		return ERR_NOMEM;
	h->loop = loop;
	h->backend = backend;
	h->hub = hub;
	admin_http_use(h, c);
	e = make_context(h, why);
	for (size_t i = 0; i < c->admin_http_count && e == OK; i++)
		e = listen_on(h, &c->admin_http[i], why);
	if (e == OK)
		*out_h = h;
	else
		admin_http_free(h);
	return e;
}

static void on_closed(uv_handle_t *handle)
{
	struct listener *l = handle->data;

	l->http->closing--;
}

static void close_listener(struct listener *l)
{
	struct stat st;

	if (l->path && lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->path);
	free(l->path);
	if (l->poll.data) {
		uv_poll_stop(&l->poll);
		uv_close((uv_handle_t *)&l->poll, on_closed);
	}
	if (l->fd >= 0)
		close(l->fd);
}

void admin_http_free(struct admin_http *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->n; i++)
		close_listener(&h->listeners[i]);
	if (h->context)
		lws_context_destroy(h->context);
	/* On a loop that is not its own libwebsockets only begins to close, and ends when it is
	 * called again after its handles are closed, which takes a turn of the loop. */
	for (unsigned i = 0; i < CLOSING_TURNS || h->closing; i++)
		uv_run(h->loop, UV_RUN_NOWAIT);
	if (h->context)
		lws_context_destroy(h->context);
	free(h);
}
