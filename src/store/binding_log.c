/* SPDX-License-Identifier: MIT
 *
 * See binding_log.h. Compaction goes through four states, one step a tick:
 *
 *   IDLE      the log is small enough
 *   MARKING   its end was noted; all AoRs are being marked as changed, slice after slice
 *   WRITING   until a drain has found nothing left: each live AoR now stands behind the noted end
 *   TRIMMING  blobs up to the noted end are deleted, oldest first, so that a record never outlives
 *             the later one that replaced it */
#include "store/binding_log.h"

#include <stdlib.h>

#include "store/binding_record.h"

enum phase { IDLE, MARKING, WRITING, TRIMMING };

struct binding_log {
	struct bindings *table;
	struct binding_log_params params;
	struct binding_log_stats stats;
	struct binding_set set;
	struct buf blob;  /* being filled, or waiting for another try */
	bool drained;     /* the last drain left nothing */
	bool doubtful;    /* the store failed: look whether the log is still the one we know */
	uint64_t last_id; /* newest in the log, as far as known */
	enum phase phase;
	size_t mark_cursor;
	uint64_t end_id, trim_id; /* what is to be trimmed, and how far it was */
	uint64_t end_bytes;       /* log_bytes when end_id was noted */
};

_Static_assert(BINDING_FRAME_HEAD + BINDING_RECORD_MAX <= BINDING_LOG_BLOB_BYTES,
    "the longest record fits into a blob");

size_t binding_log_memory(void)
{
	return sizeof(struct binding_log) + binding_set_memory() + BINDING_LOG_BLOB_BYTES;
}

enum err binding_log_new(
    struct bindings *t, const struct binding_log_params *p, struct binding_log **out_log)
{
	struct binding_log *log = calloc(1, sizeof(*log));
	char *blob = malloc(BINDING_LOG_BLOB_BYTES);

	if (!log || !blob || binding_set_init(&log->set) != OK) {
		free(blob);
		free(log);
		return ERR_NOMEM;
	}
	log->table = t;
	log->blob = buf_of(blob, BINDING_LOG_BLOB_BYTES);
	if (p)
		log->params = *p;
	if (!log->params.blobs_per_tick)
		log->params.blobs_per_tick = 64;
	if (!log->params.slack_bytes)
		log->params.slack_bytes = 4u << 20;
	if (!log->params.mark_buckets)
		log->params.mark_buckets = 8192;
	if (!log->params.trim_ids)
		log->params.trim_ids = 256;
	*out_log = log;
	return OK;
}

void binding_log_free(struct binding_log *log)
{
	if (!log)
		return;
	binding_set_done(&log->set);
	free(log->blob.p);
	free(log);
}

/* Notes what the store said. */
static enum err said(struct binding_log *log, enum err e)
{
	if (e != OK) {
		log->stats.failed++;
		log->doubtful = true;
	}
	return e;
}

/* ---- loading ---- */

struct load {
	struct binding_log *log;
	usec_t wall;
};

static void load_record(struct binding_log *log, struct span payload, usec_t wall)
{
	enum err e = bindings_restore(log->table, payload, wall, &log->set);

	if (e == OK)
		log->stats.loaded++;
	else if (e == ERR_FULL)
		log->stats.loaded_drop++;
	else
		log->stats.corrupt++;
}

static bool load_blob(void *arg, uint64_t id, struct span blob)
{
	struct load *l = arg;
	struct binding_log *log = l->log;
	struct span payload;

	if (!log->last_id)
		log->trim_id = id - 1;
	log->last_id = id;
	log->stats.log_bytes += blob.n;
	for (;;) {
		switch (binding_frame_next(&blob, &payload)) {
		case BINDING_FRAME_OK:
			load_record(log, payload, l->wall);
			break;
		case BINDING_FRAME_END:
			return true;
		case BINDING_FRAME_DAMAGED:
		case BINDING_FRAME_TORN:
			log->stats.corrupt++;
			break;
		}
	}
}

enum err binding_log_load(struct binding_log *log, struct store *s, usec_t wall)
{
	struct load l = {log, wall};

	log->last_id = log->trim_id = 0;
	log->stats = (struct binding_log_stats){.failed = log->stats.failed};
	return said(log, store_log_read(s, 0, load_blob, &l));
}

/* ---- writing ---- */

static enum err append_blob(struct binding_log *log, struct store *s)
{
	struct span blob = buf_span(&log->blob);
	enum err e = said(log, store_log_append(s, &blob, 1));

	if (e != OK)
		return e;
	log->stats.log_bytes += blob.n;
	log->stats.appended_bytes += blob.n;
	log->stats.appended_blobs++;
	log->last_id++;
	log->blob.n = 0;
	return OK;
}

static enum err write_changes(
    struct binding_log *log, struct store *s, usec_t wall, size_t max_blobs)
{
	for (log->drained = false; max_blobs && !log->drained; max_blobs--) {
		enum err e = OK;
		bool left = true;

		if (!log->blob.n)
			left = bindings_drain(log->table, wall, &log->blob);
		if (log->blob.n)
			e = append_blob(log, s);
		if (e != OK)
			return e;
		log->drained = !left;
	}
	return OK;
}

/* ---- compaction ---- */

/* Notes the end of the log, of which the store is the better witness. */
static enum err compaction_begin(struct binding_log *log, struct store *s)
{
	uint64_t last;
	enum err e = said(log, store_log_last(s, &last));

	if (e != OK)
		return e;
	log->last_id = log->end_id = last;
	log->trim_id = MIN(log->trim_id, last);
	log->end_bytes = log->stats.log_bytes;
	log->mark_cursor = 0;
	log->phase = MARKING;
	return OK;
}

static enum err trim_slice(struct binding_log *log, struct store *s)
{
	uint64_t through = MIN(log->end_id, log->trim_id + log->params.trim_ids);
	enum err e = said(log, store_log_trim(s, through));

	if (e != OK)
		return e;
	log->trim_id = through;
	if (through == log->end_id) {
		log->stats.log_bytes -= log->end_bytes;
		log->stats.compactions++;
		log->phase = IDLE;
	}
	return OK;
}

static bool log_is_fat(const struct binding_log *log)
{
	return log->stats.log_bytes >
	       2 * bindings_logged_bytes(log->table) + log->params.slack_bytes;
}

static enum err compaction_step(struct binding_log *log, struct store *s)
{
	switch (log->phase) {
	case IDLE:
		if (log_is_fat(log))
			return compaction_begin(log, s);
		return OK;
	case MARKING:
		if (!bindings_mark(log->table, &log->mark_cursor, log->params.mark_buckets))
			log->phase = WRITING;
		return OK;
	case WRITING:
		if (log->drained)
			log->phase = TRIMMING;
		return OK;
	case TRIMMING:
		return trim_slice(log, s);
	}
	return OK;
}

/* After a failure the store may have been opened again on an older or another file: if its log does
 * not end where ours did, all that lives is written again behind that end. An append of ours whose
 * success we were not told looks the same, and costs no more than that. */
static enum err recognise(struct binding_log *log, struct store *s)
{
	uint64_t last;
	enum err e;

	if (!log->doubtful)
		return OK;
	e = said(log, store_log_last(s, &last));
	if (e != OK)
		return e;
	if (last != log->last_id)
		e = compaction_begin(log, s);
	log->doubtful = e != OK;
	return e;
}

enum err binding_log_tick(struct binding_log *log, struct store *s, usec_t wall)
{
	enum err e;

	if (!s)
		return said(log, ERR_IO);
	e = recognise(log, s);
	if (e == OK)
		e = write_changes(log, s, wall, log->params.blobs_per_tick);
	if (e == OK)
		e = compaction_step(log, s);
	return e;
}

enum err binding_log_flush(struct binding_log *log, struct store *s, usec_t wall)
{
	enum err e;

	if (!s)
		return said(log, ERR_IO);
	e = recognise(log, s);
	if (e == OK)
		e = write_changes(log, s, wall, SIZE_MAX);
	return e;
}

void binding_log_stats(const struct binding_log *log, struct binding_log_stats *out_s)
{
	*out_s = log->stats;
	out_s->live_bytes = bindings_logged_bytes(log->table);
	out_s->pending = log->blob.n > 0;
	out_s->compacting = log->phase != IDLE;
}
