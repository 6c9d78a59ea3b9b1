/* SPDX-License-Identifier: MIT */
#include "event/output_webhook.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"

#define BATCH_RECORDS 100
#define BATCH_BYTES   (128 * 1024)
#define ANSWER_MAX    (64 * 1024) /* what is read of an answer, which nobody looks at */
#define TRIES_MAX     5           /* of a batch that the server answers with trouble */
#define TOKEN_MAX     1024

struct webhook {
	struct output base;
	struct webhook_setup setup; /* its texts are owned */
	CURL *easy;
	CURLM *multi;
	struct curl_slist *headers;
	unsigned backoff_ms, tries;
	size_t answer;
	bool refused; /* the address is none that may be connected to */
	char body[BATCH_BYTES];
};

/* --- addresses --- */

struct reserved {
	uint8_t ip[16];
	uint8_t bits;
};

#define V4(a, b, c, bits)                                                           \
	{                                                                           \
		{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, 0}, 96 + (bits) \
	}
#define V6(a, b, bits)       \
	{                    \
		{a, b}, bits \
	}

/* IANA's registries of special-purpose addresses, what is not globally reachable; and what has an
 * IPv4 address inside, through which a private one could be meant. */
static const struct reserved reserved[] = {
    V4(0, 0, 0, 8), V4(10, 0, 0, 8), V4(100, 64, 0, 10), V4(127, 0, 0, 8), V4(169, 254, 0, 16),
    V4(172, 16, 0, 12), V4(192, 0, 0, 24), V4(192, 0, 2, 24), V4(192, 88, 99, 24),
    V4(192, 168, 0, 16), V4(198, 18, 0, 15), V4(198, 51, 100, 24), V4(203, 0, 113, 24),
    V4(224, 0, 0, 3), /* multicast, reserved, broadcast */
    V6(0xfc, 0x00, 7), V6(0xfe, 0x80, 10), V6(0xfe, 0xc0, 10), V6(0xff, 0x00, 8),
    V6(0x01, 0x00, 16),             /* discard-only */
    {{0x00, 0x64, 0xff, 0x9b}, 32}, /* NAT64 */
    {{0x20, 0x01, 0x00}, 23},       /* Teredo, ORCHID, benchmarks */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02}, 16},             /* 6to4 */
};

static bool is_reserved(const struct addr *a)
{
	static const uint8_t zeros[12];

	/* ::, ::1, and the old form of IPv4 inside IPv6 */
	if (memcmp(a->ip, zeros, sizeof(zeros)) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(reserved); i++) {
		struct prefix p = {.bits = reserved[i].bits};

		memcpy(p.ip, reserved[i].ip, sizeof(p.ip));
		if (prefix_contains(&p, a))
			return true;
	}
	return false;
}

bool webhook_allows(const struct webhook_setup *setup, const struct addr *a)
{
	if (setup->loopback)
		return addr_is_loopback(a);
	return setup->allow_private || !is_reserved(a);
}

/* Called by libcurl with each address that a name gave, before it is connected to. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose UNUSED, struct curl_sockaddr *to)
{
	struct webhook *w = arg;
	struct addr a;

	if (addr_from_sockaddr(&to->addr, &a) != OK || !webhook_allows(&w->setup, &a)) {
		w->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* --- one request --- */

static size_t drop_answer(char *p UNUSED, size_t size, size_t n, void *arg)
{
	struct webhook *w = arg;

	w->answer += size * n;
	return w->answer > ANSWER_MAX ? 0 : size * n;
}

/* "[record,record]" of as many as fit; *out_used: bytes of the chunk. */
static struct span make_body(
    struct webhook *w, struct span chunk, size_t *out_used, uint64_t *out_records)
{
	struct buf b = BUF(w->body);
	struct span rest = chunk, record;

	*out_records = 0;
	*out_used = 0;
	buf_add_char(&b, '[');
	while (*out_records < BATCH_RECORDS && output_next(&rest, &record) &&
	       record.n + 2 <= b.cap - b.n) {
		if (*out_records)
			buf_add_char(&b, ',');
		buf_add_span(&b, record);
		*out_used = chunk.n - rest.n;
		++*out_records;
	}
	buf_add_char(&b, ']');
	return buf_span(&b);
}

/* Until it is done, or the sink must end: then CURLE_ABORTED_BY_CALLBACK. */
static CURLcode perform(struct webhook *w)
{
	CURLcode code = CURLE_ABORTED_BY_CALLBACK;
	int running = 1;

	if (curl_multi_add_handle(w->multi, w->easy) != CURLM_OK)
		return CURLE_OUT_OF_MEMORY;
	while (!output_must_end(&w->base)) {
		CURLMsg *done;
		int left;

		if (curl_multi_perform(w->multi, &running) != CURLM_OK)
			break;
		done = running ? NULL : curl_multi_info_read(w->multi, &left);
		if (done) {
			code = done->data.result;
			break;
		}
		if (curl_multi_poll(w->multi, NULL, 0, OUTPUT_TICK_MS, NULL) != CURLM_OK)
			break;
	}
	curl_multi_remove_handle(w->multi, w->easy);
	return code;
}

/* The batch can be tried again, for ever where no server was met, else a few times: a record that a
 * server always stumbles over must not hold up those behind it. */
static bool may_retry(struct webhook *w, CURLcode code, long status)
{
	const bool no_server = code == CURLE_COULDNT_CONNECT ||
			       code == CURLE_COULDNT_RESOLVE_HOST ||
			       code == CURLE_PEER_FAILED_VERIFICATION ||
			       code == CURLE_SSL_CONNECT_ERROR || code == CURLE_SSL_CACERT_BADFILE;

	if (no_server)
		return true;
	if (code == CURLE_OK && status < 500 && status != 408 && status != 425 && status != 429)
		return false;
	return ++w->tries < TRIES_MAX;
}

static void explain(struct webhook *w, CURLcode code, long status, struct output_result *out)
{
	if (w->refused)
		output_fail(out, EACCES, "%s",
		    w->setup.loopback ? "the address is not of this machine"
				      : "the address is private: allow_private permits it");
	else if (code == CURLE_OK)
		output_fail(out, EPROTO, "the server answered %ld", status);
	else
		output_fail(out, code == CURLE_OPERATION_TIMEDOUT ? ETIMEDOUT : EIO, "%s",
		    curl_easy_strerror(code));
}

static void deliver(struct output *o, struct span chunk, struct output_result *out)
{
	struct webhook *w = (struct webhook *)o;
	struct span body;
	uint64_t records;
	size_t used;
	CURLcode code;
	long status = 0;

	body = make_body(w, chunk, &used, &records);
	w->answer = 0;
	w->refused = false;
	curl_easy_setopt(w->easy, CURLOPT_POSTFIELDS, body.p);
	curl_easy_setopt(w->easy, CURLOPT_POSTFIELDSIZE, (long)body.n);
	code = perform(w);
	curl_easy_getinfo(w->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_WRITE_ERROR && w->answer > ANSWER_MAX)
		code = CURLE_OK; /* the answer is too long to be of interest; its status came */
	if (code == CURLE_OK && status >= 200 && status < 300) {
		out->used = used;
		out->delivered = records;
		w->backoff_ms = w->tries = 0;
		return;
	}
	explain(w, code, status, out);
	if (may_retry(w, code, status)) {
		w->backoff_ms = output_backoff(w->backoff_ms);
		out->retry_ms = w->backoff_ms;
		return;
	}
	out->used = used;
	out->lost = records;
	w->backoff_ms = w->tries = 0;
}

/* --- setting up --- */

/* The first line of the file, without blanks around it. */
static enum err read_token(const char *path, char *text, size_t cap, struct span *out_token)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, cap);
	int error = errno;
	struct span line;

	if (fd >= 0)
		close(fd);
	errno = error;
	if (n < 0)
		return ERR_IO;
	line = span_of(text, (size_t)n);
	line.n = span_find(line, '\n');
	line = span_trim(line);
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] < ' ' || line.p[i] == 0x7f)
			return ERR_SYNTAX;
	if (line.n == 0 || line.n == cap)
		return ERR_SYNTAX;
	*out_token = line;
	return OK;
}

static bool add_header(struct curl_slist **list, const char *line)
{
	struct curl_slist *more = curl_slist_append(*list, line);

	if (more)
		*list = more;
	return more != NULL;
}

/* Takes the place of the headers in use; those stay on failure. */
static enum err make_headers(struct webhook *w)
{
	struct curl_slist *list = NULL;
	char text[TOKEN_MAX], line[TOKEN_MAX + 32];
	struct span token = {NULL, 0};
	struct buf b = BUF(line);
	enum err e = OK;
	bool ok;

	if (w->setup.token)
		e = read_token(w->setup.token, text, sizeof(text), &token);
	if (e != OK)
		return e;
	if (token.n && span_find(token, ':') == token.n)
		buf_add_lit(&b, "Authorization: Bearer ");
	buf_add_span(&b, token);
	ok = add_header(&list, "Content-Type: application/json") &&
	     add_header(&list, "User-Agent: ringfence") && add_header(&list, "Expect:");
	if (token.n)
		ok = ok && buf_terminate(&b) && add_header(&list, line);
	explicit_bzero(text, sizeof(text));
	explicit_bzero(line, sizeof(line));
	if (!ok) {
		curl_slist_free_all(list);
		return ERR_NOMEM;
	}
	curl_slist_free_all(w->headers);
	w->headers = list;
	curl_easy_setopt(w->easy, CURLOPT_HTTPHEADER, list);
	return OK;
}

/* The token may be another one; what was said to the server before is forgotten. */
static void reopen(struct output *o, struct output_result *out)
{
	struct webhook *w = (struct webhook *)o;
	enum err e = make_headers(w);

	if (e != OK)
		output_fail(out, e == ERR_IO ? errno : EINVAL, "token_file: %s",
		    e == ERR_IO ? strerror(errno) : "has no token in its first line");
}

static void free_webhook(struct output *o)
{
	struct webhook *w = (struct webhook *)o;

	if (w->easy)
		curl_easy_cleanup(w->easy);
	if (w->multi)
		curl_multi_cleanup(w->multi);
	curl_slist_free_all(w->headers);
	free((char *)w->setup.url);
	free((char *)w->setup.ca);
	free((char *)w->setup.token);
	free(w);
}

static const struct output_ops ops = {
    .framed = true, .deliver = deliver, .reopen = reopen, .free = free_webhook};

static bool set_options(struct webhook *w)
{
	CURL *c = w->easy;
	bool ok = curl_easy_setopt(c, CURLOPT_URL, w->setup.url) == CURLE_OK &&
		  curl_easy_setopt(
		      c, CURLOPT_PROTOCOLS_STR, w->setup.loopback ? "http" : "https") == CURLE_OK;

	curl_easy_setopt(c, CURLOPT_POST, 1L);
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)(w->setup.timeout / USEC_MS));
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, drop_answer);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, w);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, w);
	if (w->setup.ca)
		ok = ok && curl_easy_setopt(c, CURLOPT_CAINFO, w->setup.ca) == CURLE_OK;
	return ok;
}

static char *copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

enum err output_new_webhook(const struct webhook_setup *setup, struct output **out_o)
{
	struct webhook *w = calloc(1, sizeof(*w));
	enum err e = ERR_NOMEM;
	int error;

	if (!w)
		return ERR_NOMEM;
	w->base.ops = &ops;
	w->setup = *setup;
	w->setup.url = copy(setup->url);
	w->setup.ca = copy(setup->ca);
	w->setup.token = copy(setup->token);
	w->easy = curl_easy_init();
	w->multi = curl_multi_init();
	if (w->setup.url && w->easy && w->multi && !w->setup.ca == !setup->ca &&
	    !w->setup.token == !setup->token && set_options(w))
		e = make_headers(w);
	if (e == OK) {
		*out_o = &w->base;
		return OK;
	}
	error = errno;
	free_webhook(&w->base);
	errno = error;
	return e;
}

enum err webhook_global_init(void)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == 0 ? OK : ERR_NOMEM;
}
