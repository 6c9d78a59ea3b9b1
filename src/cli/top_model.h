/* SPDX-License-Identifier: MIT
 *
 * What `ringfence top` knows: pictures of the daemon, made of the answers to the admin command
 * `top`, and the rates between two of them. A picture comes in pages, slices of the ledger; until
 * it is whole the one before is shown. No clock, no terminal, no socket; times are the daemon's.
 *
 * Memory is bounded: TOP_SOURCES sources a picture, whatever the daemon sends. */
#ifndef CLI_TOP_MODEL_H
#define CLI_TOP_MODEL_H

#include <jansson.h>

#include "base/addr.h"
#include "base/usec.h"
#include "event/event.h"
#include "guard/ledger.h"
#include "guard/standing_top.h"

#define TOP_SOURCES   2048
#define TOP_NAME_MAX  ADDR_TEXT_MAX
#define TOP_WORD_MAX  48
#define TOP_TREND_MAX 240
#define TOP_UNKNOWN   (-1.0) /* a rate without two pictures to make it of */

struct top_source {
	char name[TOP_NAME_MAX]; /* escaped, NUL-terminated, as all text here */
	char kind[16], reason[TOP_WORD_MAX];
	enum event_tier tier;
	bool proven, manual;
	double methods[LEDGER_METHODS]; /* messages a second that were looked at, by class */
	double drops;                   /* refused unread a second, or TOP_UNKNOWN */
	double rate;                    /* all that it sends, as far as known */
	double score, unproven;
	uint64_t dropped, failures, offences, devices, accounts;
	uint64_t banned_for, held_for, seen_ago; /* seconds */
	bool seen;
};

struct top_reason {
	char name[TOP_WORD_MAX];
	uint64_t total;
	double rate;
};

/* Sums over the slices. */
struct top_tiers {
	uint64_t n[EVENT_TIER_COUNT], banned, held, flows;
};

struct top_picture {
	json_t *figures; /* the first page: the members of `status`; NULL: no picture */
	usec_t at;
	struct top_tiers tiers;
	struct top_source *sources; /* TOP_SOURCES */
	size_t n;
};

struct top_model {
	struct top_picture pictures[3];
	struct top_picture *next, *now, *before;
	enum standing_top_key sort;
	bool reverse;
	struct top_reason reasons[REASON_COUNT];
	size_t reasons_n;
	/* Messages a second, oldest first. */
	struct {
		double received, refused;
	} trend[TOP_TREND_MAX];
	size_t trend_n;
};

/* ERR_NOMEM. */
NODISCARD enum err top_model_init(struct top_model *m);
void top_model_done(struct top_model *m);

/* The next picture begins anew. */
void top_model_begin(struct top_model *m);

/* Takes in an answer to `top`, which stays the caller's. *out_cursor: to go on with, valid as long
 * as the answer; NULL: the picture is whole and is the newest now. ERR_SYNTAX: it is no such
 * answer; then the picture has to be begun anew. */
NODISCARD enum err top_model_page(
    struct top_model *m, const json_t *reply, const char **out_cursor);

/* Sorts the newest by another key; the sources to choose from come with the next picture. */
void top_model_sort(struct top_model *m, enum standing_top_key key, bool reverse);

/* There is a picture. */
bool top_model_ready(const struct top_model *m);

/* Of the newest picture: a counter, the sum of all whose name begins so, and how much they grow a
 * second: TOP_UNKNOWN without an earlier picture of the same process. */
uint64_t top_count(const struct top_model *m, const char *name);
double top_rate(const struct top_model *m, const char *name);
double top_rate_sum(const struct top_model *m, const char *begin);

/* Packets a second that the firewall dropped before they reached us. */
double top_kernel_rate(const struct top_model *m);

/* How long a message waited for its worker, in microseconds: the mean between the two pictures;
 * TOP_UNKNOWN without messages. */
double top_lag(const struct top_model *m);

/* Seconds between the two pictures; 0: there is only one. */
double top_interval(const struct top_model *m);

/* A source of the newest picture by name; NULL. */
const struct top_source *top_find(const struct top_model *m, const char *name);

/* The whole picture with its rates as one object; the caller's. NULL: no memory. */
json_t *top_json(const struct top_model *m);

#endif
