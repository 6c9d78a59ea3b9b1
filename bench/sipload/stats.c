/* SPDX-License-Identifier: MIT */
#include "stats.h"

#include <inttypes.h>

#include "base/attr.h"

static const char *const wrong_names[WRONG_COUNT] = {
    [WRONG_CALL_ID] = "call_id",
    [WRONG_CSEQ] = "cseq",
    [WRONG_FROM_TAG] = "from_tag",
    [WRONG_NO_CHALLENGE] = "no_challenge",
    [WRONG_REALM] = "realm",
    [WRONG_NO_BINDING] = "no_binding",
    [WRONG_NO_ROUTE] = "no_route",
    [WRONG_TOO_LONG] = "too_long",
    [WRONG_NO_USER] = "no_user",
};

static const struct {
	double p;
	const char *name;
} percentiles[] = {{50, "p50"}, {90, "p90"}, {99, "p99"}, {99.9, "p99_9"}, {100, "max"}};

uint64_t stats_failures(const struct stats *s)
{
	uint64_t n = s->timeouts;
	for (unsigned i = 0; i < STATUS_MAX; i++)
		n += s->refused[i];
	for (unsigned i = 0; i < WRONG_COUNT; i++)
		n += s->wrong[i];
	return n;
}

void stats_reset(struct stats *s)
{
	uint64_t failures = stats_failures(s) + s->warmup_failures;
	*s = (struct stats){.warmup_failures = failures};
}

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

/* Microseconds an operation; 0 when there was none. */
static double us_per_op(const struct stats *s, uint64_t ns)
{
	return s->ops ? (double)ns / 1e3 / (double)s->ops : 0;
}

static double ops_rate(const struct stats *s)
{
	return s->elapsed_ns ? (double)s->ops / seconds(s->elapsed_ns) : 0;
}

static void print_failures_json(const struct stats *s, FILE *f)
{
	const char *comma = "";
	(void)fprintf(f, "\"failures\":%" PRIu64 ",\"failed\":{", stats_failures(s));
	for (unsigned i = 0; i < STATUS_MAX; i++) {
		if (s->refused[i]) {
			(void)fprintf(f, "%s\"%u\":%" PRIu64, comma, i, s->refused[i]);
			comma = ",";
		}
	}
	for (unsigned i = 0; i < WRONG_COUNT; i++) {
		if (s->wrong[i]) {
			(void)fprintf(f, "%s\"%s\":%" PRIu64, comma, wrong_names[i], s->wrong[i]);
			comma = ",";
		}
	}
	(void)fprintf(f, "%s\"timeout\":%" PRIu64 "},", comma, s->timeouts);
}

void stats_print_json(
    const struct stats *s, const char *scene, double rate, unsigned window, bool watched, FILE *f)
{
	(void)fprintf(f,
	    "{\"scene\":\"%s\",\"offered\":%.1f,\"window\":%u,\"seconds\":%.4f,\"ops\":%" PRIu64
	    ",\"rate\":%.1f,",
	    scene, rate, window, seconds(s->elapsed_ns), s->ops, ops_rate(s));
	if (watched)
		(void)fprintf(f, "\"cpu_us\":%.4f,\"cpu_seconds\":%.4f,\"spin_cpu_seconds\":%.4f,",
		    us_per_op(s, s->watch_cpu_ns), seconds(s->watch_cpu_ns),
		    seconds(s->spin_cpu_ns));
	(void)fprintf(f, "\"own_cpu_us\":%.4f,\"own_cpu_seconds\":%.4f,\"latency_us\":{",
	    us_per_op(s, s->own_cpu_ns), seconds(s->own_cpu_ns));
	for (unsigned i = 0; i < ARRAY_LEN(percentiles); i++)
		(void)fprintf(f, "\"%s\":%.1f,", percentiles[i].name,
		    (double)hist_percentile_ns(&s->latency, percentiles[i].p) / 1e3);
	(void)fprintf(f, "\"mean\":%.1f},", (double)hist_mean_ns(&s->latency) / 1e3);
	print_failures_json(s, f);
	(void)fprintf(f,
	    "\"started\":%" PRIu64 ",\"retransmits\":%" PRIu64 ",\"challenges\":%" PRIu64
	    ",\"late\":%" PRIu64 ",\"stray\":%" PRIu64 ",\"unreadable\":%" PRIu64
	    ",\"unexpected\":%" PRIu64 ",\"ack_missing\":%" PRIu64 ",\"warmup_failures\":%" PRIu64
	    "}\n",
	    s->started, s->retransmits, s->challenges, s->late, s->stray, s->unreadable,
	    s->unexpected, s->ack_missing, s->warmup_failures);
}

void stats_print_text(const struct stats *s, const char *scene, bool watched, FILE *f)
{
	(void)fprintf(f, "%s: %" PRIu64 " done in %.2f s = %.0f/s", scene, s->ops,
	    seconds(s->elapsed_ns), ops_rate(s));
	if (watched)
		(void)fprintf(f, ", server %.2f us each", us_per_op(s, s->watch_cpu_ns));
	(void)fprintf(f, ", generator %.2f us each\n  latency us:", us_per_op(s, s->own_cpu_ns));
	for (unsigned i = 0; i < ARRAY_LEN(percentiles); i++)
		(void)fprintf(f, " %s %.0f", percentiles[i].name,
		    (double)hist_percentile_ns(&s->latency, percentiles[i].p) / 1e3);
	(void)fprintf(f,
	    "\n  sent again %" PRIu64 ", challenges %" PRIu64 ", late %" PRIu64 ", stray %" PRIu64
	    ", unreadable %" PRIu64 ", unexpected %" PRIu64 ", ACK missing %" PRIu64 "\n",
	    s->retransmits, s->challenges, s->late, s->stray, s->unreadable, s->unexpected,
	    s->ack_missing);
	(void)fprintf(f, "  failed %" PRIu64 " (while warming up %" PRIu64 "):", stats_failures(s),
	    s->warmup_failures);
	for (unsigned i = 0; i < STATUS_MAX; i++) {
		if (s->refused[i])
			(void)fprintf(f, " %u: %" PRIu64, i, s->refused[i]);
	}
	for (unsigned i = 0; i < WRONG_COUNT; i++) {
		if (s->wrong[i])
			(void)fprintf(f, " wrong %s: %" PRIu64, wrong_names[i], s->wrong[i]);
	}
	(void)fprintf(f, " timeout: %" PRIu64 "\n", s->timeouts);
}
