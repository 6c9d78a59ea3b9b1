/* SPDX-License-Identifier: MIT */
#include "sip/edit.h"

#include "sip/chars.h"
#include "sip/clean.h"
#include "sip/scan.h"

static void add(struct sip_edits *edits, enum sip_edit_op op, size_t at, struct span text)
{
	size_t i;

	if (edits->n == edits->cap) {
		edits->overflow = true;
		return;
	}
	for (i = edits->n++; i > 0 && edits->list[i - 1].at > at; i--)
		edits->list[i] = edits->list[i - 1];
	edits->list[i] = (struct sip_edit){text, (uint16_t)at, (uint8_t)op};
}

void sip_edit_start_line(struct sip_edits *edits, struct span line)
{
	edits->start_line = line;
}

void sip_edit_uri(struct sip_edits *edits, struct span uri)
{
	edits->uri = uri;
}

void sip_edit_body(struct sip_edits *edits, struct span body)
{
	edits->body = body;
	edits->has_body = true;
}

void sip_edit_value(struct sip_edits *edits, const struct sip_msg *msg, const struct sip_header *h,
    struct span value)
{
	add(edits, SIP_EDIT_VALUE, sip_msg_index(msg, h), value);
}

void sip_edit_first_value(struct sip_edits *edits, const struct sip_msg *msg,
    const struct sip_header *h, struct span value)
{
	add(edits, SIP_EDIT_FIRST_VALUE, sip_msg_index(msg, h), value);
}

void sip_edit_remove_first(
    struct sip_edits *edits, const struct sip_msg *msg, const struct sip_header *h)
{
	add(edits, SIP_EDIT_REMOVE_FIRST, sip_msg_index(msg, h), span_of(NULL, 0));
}

void sip_edit_remove(struct sip_edits *edits, const struct sip_msg *msg, const struct sip_header *h)
{
	add(edits, SIP_EDIT_REMOVE, sip_msg_index(msg, h), span_of(NULL, 0));
}

void sip_edit_remove_all(struct sip_edits *edits, const struct sip_msg *msg, enum sip_header_id id)
{
	for (const struct sip_header *h = sip_msg_header(msg, id); h; h = sip_msg_next(msg, h))
		sip_edit_remove(edits, msg, h);
}

void sip_edit_insert_before(struct sip_edits *edits, const struct sip_msg *msg,
    const struct sip_header *h, struct span line)
{
	add(edits, SIP_EDIT_INSERT, h ? sip_msg_index(msg, h) : msg->n_headers, line);
}

void sip_edit_insert_top(
    struct sip_edits *edits, const struct sip_msg *msg, enum sip_header_id id, struct span line)
{
	const struct sip_header *h = sip_msg_header(msg, id);

	add(edits, SIP_EDIT_INSERT, h ? sip_msg_index(msg, h) : 0, line);
}

void sip_edit_append(struct sip_edits *edits, const struct sip_msg *msg, struct span line)
{
	add(edits, SIP_EDIT_INSERT, msg->n_headers, line);
}

void sip_edit_set(
    struct sip_edits *edits, const struct sip_msg *msg, enum sip_header_id id, struct span line)
{
	const struct sip_header *h = sip_msg_header(msg, id);
	struct span name, value = line;

	if (!h) {
		sip_edit_append(edits, msg, line);
		return;
	}
	span_cut(&value, ':', &name);
	sip_edit_value(edits, msg, h, span_trim(value));
	while ((h = sip_msg_next(msg, h)) != NULL)
		sip_edit_remove(edits, msg, h);
}

/* State of one writing. */
struct writing {
	const struct sip_msg *msg;
	const struct sip_edits *edits;
	struct buf *out;
	struct span body;
	const char *run; /* clean octets not yet written, up to run_end */
	const char *run_end;
	size_t next; /* first edit not yet applied */
	bool has_length;
	bool failed;
};

static void flush(struct writing *w)
{
	buf_add(w->out, w->run, (size_t)(w->run_end - w->run));
	w->run = w->run_end = NULL;
}

/* Adds raw octets to the run, which continues only where they follow it. */
static void copy(struct writing *w, struct span raw)
{
	if (w->run_end != raw.p) {
		flush(w);
		w->run = raw.p;
	}
	w->run_end = sip_end(raw);
}

/* Text of an edit: one line without control characters. */
static void write_text(struct writing *w, struct span text)
{
	if (sip_find_control(text.p, sip_end(text)) != sip_end(text))
		w->failed = true;
	buf_add_span(w->out, text);
}

static void write_start(struct writing *w)
{
	const struct sip_msg *msg = w->msg;
	bool own_line = w->edits && w->edits->start_line.n;
	bool own_uri = w->edits && w->edits->uri.n && msg->is_request;

	if (!own_line && !own_uri && msg->start_clean) {
		copy(w, span_of(msg->start_line.p, msg->start_line.n + 2));
		return;
	}
	if (own_line) {
		write_text(w, w->edits->start_line);
	} else if (msg->is_request) {
		buf_add_span(w->out, msg->method_name);
		buf_add_char(w->out, ' ');
		write_text(w, own_uri ? w->edits->uri : msg->uri);
		buf_add_lit(w->out, " SIP/2.0");
	} else {
		buf_add_lit(w->out, "SIP/2.0 ");
		buf_add_u64(w->out, msg->status);
		buf_add_char(w->out, ' ');
		buf_add_span(w->out, msg->phrase);
	}
	buf_add_lit(w->out, "\r\n");
}

static void write_length(struct writing *w, struct span name)
{
	flush(w);
	buf_add_span(w->out, name);
	buf_add_lit(w->out, ": ");
	buf_add_u64(w->out, w->body.n);
	buf_add_lit(w->out, "\r\n");
}

static size_t decimal_digits(uint64_t v)
{
	size_t n = 1;

	for (; v >= 10; v /= 10)
		n++;
	return n;
}

/* The first Content-Length says the truth, others go. */
static void write_content_length(struct writing *w, const struct sip_header *h)
{
	if (w->has_length)
		return;
	w->has_length = true;
	if (h->form == SIP_FORM_CLEAN && w->msg->content_length == (int64_t)w->body.n &&
	    h->value.n == decimal_digits(w->body.n))
		copy(w, sip_header_raw(h));
	else
		write_length(w, h->name);
}

/* Applies VALUE, FIRST_VALUE or REMOVE_FIRST. */
static void write_edited(struct writing *w, const struct sip_header *h, const struct sip_edit *edit)
{
	struct span rest = {NULL, 0};

	if (edit->op != SIP_EDIT_VALUE && !sip_rest_of_list(h, &rest))
		w->failed = true;
	flush(w);
	if (edit->op == SIP_EDIT_REMOVE_FIRST && rest.n == 0)
		return;
	buf_add_span(w->out, h->name);
	buf_add_lit(w->out, ": ");
	if (edit->op != SIP_EDIT_REMOVE_FIRST)
		write_text(w, edit->text);
	if (edit->op == SIP_EDIT_FIRST_VALUE && rest.n)
		buf_add_lit(w->out, ", ");
	sip_clean_text(w->out, rest);
	buf_add_lit(w->out, "\r\n");
}

/* Writes the inserts before header i; gives its last other edit, or NULL. */
static const struct sip_edit *apply_edits(struct writing *w, size_t i)
{
	const struct sip_edit *other = NULL;

	for (; w->edits && w->next < w->edits->n && w->edits->list[w->next].at == i; w->next++) {
		const struct sip_edit *edit = &w->edits->list[w->next];

		if (edit->op != SIP_EDIT_INSERT) {
			other = edit;
			continue;
		}
		flush(w);
		write_text(w, edit->text);
		buf_add_lit(w->out, "\r\n");
	}
	return other;
}

static void write_header(struct writing *w, const struct sip_header *h, const struct sip_edit *edit)
{
	if (h->id == SIP_HEADER_CONTENT_LENGTH) {
		write_content_length(w, h);
	} else if (edit) {
		if (edit->op != SIP_EDIT_REMOVE)
			write_edited(w, h, edit);
	} else if (h->form == SIP_FORM_CLEAN) {
		copy(w, sip_header_raw(h));
	} else {
		flush(w);
		sip_clean_header(w->out, h);
	}
}

enum err sip_edit_write(const struct sip_msg *msg, const struct sip_edits *edits, struct buf *out)
{
	struct writing w = {.msg = msg, .edits = edits, .out = out, .body = msg->body};

	if (edits && edits->overflow)
		return ERR_FULL;
	if (msg->fault.reason != SIP_BAD_NONE)
		return ERR_SYNTAX;
	if (edits && edits->has_body)
		w.body = edits->body;
	write_start(&w);
	for (size_t i = 0; i < msg->n_headers; i++)
		write_header(&w, &msg->headers[i], apply_edits(&w, i));
	apply_edits(&w, msg->n_headers);
	if (!w.has_length)
		write_length(&w, SPAN("Content-Length"));
	flush(&w);
	buf_add_lit(out, "\r\n");
	buf_add_span(out, w.body);
	if (out->overflow)
		return ERR_FULL;
	return w.failed ? ERR_SYNTAX : OK;
}
