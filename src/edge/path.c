/* SPDX-License-Identifier: MIT
 *
 * The path of a message: read the tables from top to bottom to know what ringfence does. The walker
 * below does once, for all stages, what cuts across them: the mode of each control, findings,
 * counters, the time each stage takes, and the event at the end. */
#include "edge/pass.h"
#include "edge/record.h"
#include "edge/reply.h"
#include "edge/stages.h"

struct stage {
	const char *name;
	enum step (*run)(struct pass *p);
	/* The mode of the control that the stage is; NULL: it is no control, it always acts. */
	enum conf_mode (*mode)(const struct conf *c);
};

static enum conf_mode check_mode(const struct conf *c)
{
	return c->check_mode;
}

static enum conf_mode overload_mode(const struct conf *c)
{
	return c->overload.mode;
}

static enum conf_mode scan_mode(const struct conf *c)
{
	return c->scan.mode;
}

static enum conf_mode auth_mode(const struct conf *c)
{
	return c->auth.mode;
}

/* clang-format off */
static const struct stage request_path[] = {
	{"parse",        stage_parse,        NULL},
	{"overload",     stage_overload,     overload_mode},
	{"valid",        stage_valid,        NULL},
	{"check",        stage_check,        check_mode},
	{"hops",         stage_hops,         NULL},
	{"match",        stage_match,        NULL},
	{"identify",     stage_identify,     NULL},
	{"inspect",      stage_inspect,      scan_mode},
	{"limit",        stage_limit,        NULL}, /* each limit has a mode of its own */
	{"authenticate", stage_authenticate, auth_mode},
	{"account-limit", stage_account_limit, NULL},
	{"route",        stage_route,        NULL},
	{"send",         stage_send,         NULL},
};

static const struct stage response_path[] = {
	{"response-parse", stage_parse,          NULL},
	{"response-check", stage_check_response, NULL},
	{"response-match", stage_match_response, NULL},
};
/* clang-format on */

_Static_assert(ARRAY_LEN(request_path) + ARRAY_LEN(response_path) <= WORKER_STAGES_MAX,
    "a time for each stage");

/* Time is taken of one message in so many: reading the clock costs as much as a short stage. */
enum { SAMPLE = 64 };

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static enum step run_timed(struct pass *p, const struct stage *s, size_t index)
{
	uint64_t before = clock_ns();
	enum step step = s->run(p);

	histogram_add(&p->w->times.stage[index], clock_ns() - before);
	return step;
}

void pass_forget_finding(struct pass *p)
{
	p->finding = (struct finding){.reason = REASON_NONE};
	p->reply = (struct reply){.status = 0};
}

/* A verdict is carried out and recorded. */
static void finish(struct pass *p, enum step step)
{
	if (step == STEP_WAIT)
		return;
	if (step == STEP_REPLY)
		reply_send(p);
	record_verdict(p, EVENT_MODE_ENFORCE, step);
}

/* timed: the time of each stage is taken; first: where those of this path stand among the times. */
static void walk(struct pass *p, const struct stage *path, size_t n, size_t first, bool timed)
{
	for (size_t i = 0; i < n; i++) {
		enum conf_mode mode = path[i].mode ? path[i].mode(p->conf) : CONF_MODE_ENFORCE;
		enum step step;

		if (mode == CONF_MODE_OFF)
			continue;
		step = timed ? run_timed(p, &path[i], first + i) : path[i].run(p);
		if (step == STEP_NEXT)
			continue;
		if (mode == CONF_MODE_OBSERVE && (step == STEP_REPLY || step == STEP_DROP)) {
			record_verdict(p, EVENT_MODE_OBSERVE, step);
			pass_forget_finding(p);
			continue;
		}
		finish(p, step);
		return;
	}
	finish(p, STEP_DONE);
}

/* As the parser tells them apart (RFC 3261 §7.5, §25.1: no method begins like that). */
static bool is_response(struct span data)
{
	while (span_starts(data, SPAN("\r\n")))
		data = span_of(data.p + 2, data.n - 2);
	return span_istarts(data, SPAN("SIP/"));
}

static void walk_either(struct pass *p, bool response, bool timed)
{
	if (response)
		walk(p, response_path, ARRAY_LEN(response_path), ARRAY_LEN(request_path), timed);
	else
		walk(p, request_path, ARRAY_LEN(request_path), 0, timed);
}

/* Of a message that walked. */
static enum path_kind kind_of(const struct pass *p, bool response)
{
	static const enum path_kind kinds[SIP_METHOD_COUNT] = {
	    [SIP_METHOD_UNKNOWN] = PATH_OTHER,
	    [SIP_METHOD_INVITE] = PATH_INVITE,
	    [SIP_METHOD_ACK] = PATH_IN_CALL,
	    [SIP_METHOD_BYE] = PATH_IN_CALL,
	    [SIP_METHOD_CANCEL] = PATH_IN_CALL,
	    [SIP_METHOD_OPTIONS] = PATH_OPTIONS,
	    [SIP_METHOD_REGISTER] = PATH_REGISTER,
	    [SIP_METHOD_PRACK] = PATH_IN_CALL,
	    [SIP_METHOD_UPDATE] = PATH_IN_CALL,
	    [SIP_METHOD_INFO] = PATH_IN_CALL,
	    [SIP_METHOD_REFER] = PATH_IN_CALL,
	    [SIP_METHOD_MESSAGE] = PATH_OTHER,
	    [SIP_METHOD_SUBSCRIBE] = PATH_OTHER,
	    [SIP_METHOD_NOTIFY] = PATH_OTHER,
	    [SIP_METHOD_PUBLISH] = PATH_OTHER,
	};

	if (response)
		return PATH_RESPONSE;
	if (reason_info(p->finding.reason)->control == CONTROL_PARSE)
		return PATH_BROKEN;
	return kinds[p->msg.method];
}

static void walk_timed(struct pass *p, bool response)
{
	struct path_times *t = &p->w->times;
	uint64_t before = clock_ns();

	histogram_add(&t->wait, overload_lag(&p->w->overload) * 1000);
	walk_either(p, response, true);
	histogram_add(&t->whole[kind_of(p, response)], clock_ns() - before);
}

void path_walk(struct pass *p)
{
	bool response = is_response(p->data);

	if (p->w->sampled++ % SAMPLE == 0)
		walk_timed(p, response);
	else
		walk_either(p, response, false);
}

const char *path_kind_name(enum path_kind k)
{
	static const char *const names[PATH_KINDS] = {
	    [PATH_INVITE] = "invite",
	    [PATH_REGISTER] = "register",
	    [PATH_OPTIONS] = "options",
	    [PATH_IN_CALL] = "in-call",
	    [PATH_OTHER] = "other",
	    [PATH_RESPONSE] = "response",
	    [PATH_BROKEN] = "broken",
	};

	return names[k];
}

const char *path_stage_name(size_t index)
{
	if (index < ARRAY_LEN(request_path))
		return request_path[index].name;
	index -= ARRAY_LEN(request_path);
	return index < ARRAY_LEN(response_path) ? response_path[index].name : NULL;
}

void pass_init(struct pass *p)
{
	/* The message is written whole by the parser, its parts by the check, targets and event by
	 * those who use them. */
	memset(&p->peer, 0, offsetof(struct pass, answers) - offsetof(struct pass, peer));
	p->answers.have = 0;
	p->n_targets = 0;
	p->forwarding = (struct forwarding){.own_routes = 0};
	pass_forget_finding(p);
}

enum step pass_reply(struct pass *p, enum reason r, unsigned status)
{
	p->finding.reason = r;
	p->reply.status = status;
	/* An ACK is never answered (RFC 3261 §17.2.1 and §8.2.6). */
	return p->msg.method == SIP_METHOD_ACK ? STEP_DROP : STEP_REPLY;
}

enum step pass_drop(struct pass *p, enum reason r)
{
	p->finding.reason = r;
	return STEP_DROP;
}

void pass_evidence(struct pass *p, double value, double threshold, usec_t window)
{
	p->finding.has_value = true;
	p->finding.value = value;
	p->finding.threshold = threshold;
	p->finding.window = window;
}

void pass_evidence_text(struct pass *p, struct span text)
{
	p->finding.text = text;
}
