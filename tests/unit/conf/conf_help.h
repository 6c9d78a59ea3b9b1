/* SPDX-License-Identifier: MIT
 *
 * Loading a text in tests, as the file /etc/ringfence/ringfence.yaml. */
#ifndef CONF_HELP_H
#define CONF_HELP_H

#include <stddef.h>

#include "conf/conf.h"

#define LEAST "zones: {public: {listen: [udp:127.0.0.1:5060]}}\ndomains: {example.com: {}}\n"

#define assert_span(s, text)                                   \
	do {                                                   \
		assert_int_equal((s).n, strlen(text));         \
		assert_string_equal((s).n ? (s).p : "", text); \
	} while (0)

/* errs is initialised here and done by the caller. */
static inline const struct conf *load_with(const char *text, struct conf_errors *errs)
{
	struct conf *c = NULL;

	conf_errors_init(errs);
	if (conf_load_text(span_str(text), "/etc/ringfence/ringfence.yaml", &c, errs) != OK)
		fail_msg(
		    "%u:%u: %s", errs->list[0].line, errs->list[0].column, errs->list[0].text.p);
	return c;
}

/* A text without errors and warnings. */
static inline const struct conf *load(const char *text)
{
	struct conf_errors errs;
	const struct conf *c = load_with(text, &errs);

	assert_int_equal(errs.count, 0);
	conf_errors_done(&errs);
	return c;
}

#endif
