/* SPDX-License-Identifier: MIT */
#include "cli/top_feed.h"

#include "cli/setup.h"

#define PATIENCE (5 * USEC_SEC) /* for one answer */

void top_feed_done(struct top_feed *f)
{
	admin_client_free(f->client);
	f->client = NULL;
}

int top_feed_fd(const struct top_feed *f)
{
	return f->client ? admin_client_fd(f->client) : -1;
}

static enum top_feed_news lost(struct top_feed *f, enum err e, struct buf *why)
{
	if (!why->n)
		buf_addf(why, "the daemon gave no answer: %s", err_text(e));
	top_feed_done(f);
	return TOP_FEED_LOST;
}

static enum top_feed_news send_request(
    struct top_feed *f, const struct top_model *m, const char *cursor, usec_t now, struct buf *why)
{
	json_t *request = cli_request("top");
	enum err e;

	cli_request_text(request, "sort", standing_top_key_name(m->sort));
	if (f->filter && f->filter[0])
		cli_request_text(request, "filter", f->filter);
	cli_request_text(request, "cursor", cursor);
	json_object_set_new(request, "count", json_integer(STANDING_TOP_MAX));
	e = admin_client_send(f->client, request);
	json_decref(request);
	f->asked = now;
	return e == OK ? TOP_FEED_NOTHING : lost(f, e, why);
}

enum top_feed_news top_feed_ask(
    struct top_feed *f, struct top_model *m, const char *filter, usec_t now, struct buf *why)
{
	enum err e;

	top_feed_done(f);
	top_model_begin(m);
	f->filter = filter;
	e = admin_client_new(f->path, why, &f->client);
	return e == OK ? send_request(f, m, NULL, now, why) : lost(f, e, why);
}

static enum top_feed_news refused(struct top_feed *f, const json_t *reply, struct buf *why)
{
	const char *error = json_string_value(json_object_get(reply, "error"));

	buf_add_escaped(why, span_str(error ? error : "the daemon said no"), 200);
	top_feed_done(f);
	return TOP_FEED_REFUSED;
}

static enum top_feed_news take(
    struct top_feed *f, struct top_model *m, const json_t *reply, usec_t now, struct buf *why)
{
	const char *cursor;
	enum err e;

	if (!json_is_true(json_object_get(reply, "ok")))
		return refused(f, reply, why);
	e = top_model_page(m, reply, &cursor);
	if (e != OK)
		return lost(f, e, why);
	if (cursor)
		return send_request(f, m, cursor, now, why);
	top_feed_done(f);
	return TOP_FEED_PICTURE;
}

enum top_feed_news top_feed_read(
    struct top_feed *f, struct top_model *m, int timeout_ms, usec_t now, struct buf *why)
{
	enum top_feed_news news;
	json_t *reply = NULL;
	enum err e;

	if (!f->client)
		return TOP_FEED_NOTHING;
	e = admin_client_next(f->client, timeout_ms, &reply);
	if (e == ERR_TIMEOUT && now < f->asked + PATIENCE)
		return TOP_FEED_NOTHING;
	if (e != OK)
		return lost(f, e, why);
	news = take(f, m, reply, now, why);
	json_decref(reply);
	return news;
}
