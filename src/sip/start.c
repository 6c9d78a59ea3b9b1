/* SPDX-License-Identifier: MIT */
#include "sip/start.h"

#include "sip/chars.h"
#include "sip/line.h"

#define VERSION_LEN 7 /* "SIP/2.0" */

static void set_fault(struct sip_msg *msg, enum sip_bad reason, const char *at)
{
	if (msg->fault.reason == SIP_BAD_NONE)
		msg->fault = (struct sip_parse_error){reason, (size_t)(at - msg->text.p)};
}

static bool is_current_version(struct span v)
{
	return v.n == VERSION_LEN && memcmp(v.p, "SIP/2.0", VERSION_LEN) == 0;
}

/* "SIP" "/" 1*DIGIT "." 1*DIGIT, any case. */
static bool is_version(struct span v)
{
	const char *end = sip_end(v), *p, *dot;

	if (!span_istarts(v, SPAN("SIP/")))
		return false;
	p = v.p + 4;
	for (dot = p; dot < end && ascii_is_digit(*dot); dot++)
		;
	if (dot == p || dot == end || *dot != '.')
		return false;
	for (p = dot + 1; p < end && ascii_is_digit(*p); p++)
		;
	return p == end && p > dot + 1;
}

static void check_version(struct sip_msg *msg, struct span version)
{
	if (!is_current_version(version)) {
		msg->start_clean = false;
		if (!span_ieq(version, SPAN("SIP/2.0")))
			set_fault(msg, SIP_BAD_VERSION, version.p);
	}
}

/* SIP-Version SP 3DIGIT SP Reason-Phrase */
static bool read_status(struct sip_msg *msg, struct span line)
{
	struct span version, code;
	uint32_t status = 0;

	if (!span_cut(&line, ' ', &version) || !is_version(version))
		return false;
	if (!span_cut(&line, ' ', &code))
		msg->start_clean = false;
	msg->phrase = line;
	check_version(msg, version);
	if (code.n != 3 || span_to_u32(code, 699, &status) != OK || status < 100)
		set_fault(msg, SIP_BAD_STATUS, code.p);
	else
		msg->status = (uint16_t)status;
	return true;
}

/* The last SP of the line; NULL when there is none. */
static const char *last_space(struct span line)
{
	return line.n ? memrchr(line.p, ' ', line.n) : NULL;
}

/* Method SP Request-URI SP SIP-Version. What stands between the first and the last space is taken
 * for the URI; white space in it is a fault. */
static bool read_request(struct sip_msg *msg, struct span line, const struct sip_limits *limits)
{
	struct span all = line, trimmed = span_trim(line), version;
	const char *last = last_space(trimmed), *uri_end;

	if (!last)
		return false;
	version = span_from(trimmed, last + 1);
	if (!is_current_version(version) && !is_version(version))
		return false;
	if (trimmed.n != all.n)
		set_fault(msg, SIP_BAD_START_LINE, all.p);
	if (!span_cut(&trimmed, ' ', &msg->method_name) || trimmed.p > last)
		return false;
	uri_end = last;
	msg->is_request = true;
	msg->uri = span_of(trimmed.p, (size_t)(uri_end - trimmed.p));
	msg->method = sip_method_from(msg->method_name);
	if (msg->method_name.n > limits->method)
		set_fault(msg, SIP_BAD_METHOD_LONG, all.p);
	else if (msg->method == SIP_METHOD_UNKNOWN &&
		 (msg->method_name.n == 0 ||
		     sip_skip(msg->method_name.p, msg->uri.p - 1, SIP_C_TOKEN) != msg->uri.p - 1))
		set_fault(msg, SIP_BAD_METHOD, all.p);
	check_version(msg, version);
	if (msg->uri.n == 0 || span_find(msg->uri, ' ') < msg->uri.n ||
	    span_find(msg->uri, '\t') < msg->uri.n)
		set_fault(msg, SIP_BAD_START_LINE, msg->uri.p);
	else if (msg->uri.n > limits->uri)
		set_fault(msg, SIP_BAD_URI_LONG, msg->uri.p);
	return true;
}

const char *sip_start_read(struct sip_msg *msg, const char *p, const char *end,
    const struct sip_limits *limits, enum sip_bad *out_reason)
{
	const char *line_end, *next;
	bool sip;

	next = sip_line_end(p, end, &line_end, out_reason);
	if (!next) {
		/* Text that does not even begin like SIP is told as such: TLS, HTTP, noise. */
		if (*out_reason != SIP_BAD_TRUNCATED && !sip_char_is(*p, SIP_C_TOKEN))
			*out_reason = SIP_BAD_NOT_SIP;
		return line_end;
	}
	msg->start_line = span_of(p, (size_t)(line_end - p));
	msg->start_clean = next - line_end == 2;
	if (msg->start_line.n > limits->start_line) {
		*out_reason = SIP_BAD_START_LINE_LONG;
		return p;
	}
	if (span_istarts(msg->start_line, SPAN("SIP/")))
		sip = read_status(msg, msg->start_line);
	else
		sip = read_request(msg, msg->start_line, limits);
	if (!sip) {
		*out_reason = SIP_BAD_NOT_SIP;
		return p;
	}
	return next;
}
