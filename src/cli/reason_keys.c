/* SPDX-License-Identifier: MIT */
#include "cli/reason_keys.h"

#include <stdio.h>

#include "conf/value.h"

/* The section of the keys by which a control judges; NULL: there are none. */
static const char *section_of(enum control c)
{
	static const char *const sections[CONTROL_COUNT] = {
	    [CONTROL_PARSE] = "sip",
	    [CONTROL_CHECK] = "controls.check",
	    [CONTROL_AUTH] = "controls.auth",
	    [CONTROL_GATE] = "standing",
	    [CONTROL_FLOOD] = "controls.flood",
	    [CONTROL_SCAN] = "controls.scan",
	    [CONTROL_GUESSING] = "controls.guessing",
	    [CONTROL_OVERLOAD] = "controls.overload",
	    [CONTROL_STANDING] = "standing",
	    [CONTROL_REGISTRAR] = "registrar",
	    [CONTROL_TXN] = "sip",
	    [CONTROL_TRANSPORT] = "tcp",
	};

	return sections[c];
}

uint32_t reason_weight(enum reason r, const struct conf *conf)
{
	for (size_t i = 0; conf && i < conf->standing.weights_count; i++)
		if (conf->standing.weights[i].reason == r)
			return conf->standing.weights[i].weight;
	return reason_info(r)->weight;
}

void reason_keys_each(enum reason r, const struct conf *conf, conf_key_fn *fn, void *arg)
{
	enum control control = reason_info(r)->control;
	char path[96], text[64];

	if (section_of(control))
		conf_keys_each(conf, section_of(control), fn, arg);
	for (size_t i = 0; control == CONTROL_LIMIT && i < conf->limits_count; i++) {
		const struct conf_limit *l = &conf->limits[i];
		struct buf b = BUF(text);

		if (l->events) {
			buf_addf(&b, "%u in ", l->events);
			value_add_duration(&b, l->window);
		} else {
			buf_addf(&b, "target %.0f%%", l->target * 100);
		}
		snprintf(path, sizeof(path), "controls.limits: %.*s", SPAN_FMT(l->name));
		fn(arg, path, buf_span(&b));
	}
	if (reason_weight(r, conf) && control != CONTROL_STANDING && control != CONTROL_GATE) {
		snprintf(text, sizeof(text), "%u", conf->standing.suspect);
		fn(arg, "standing.suspect", span_str(text));
		snprintf(text, sizeof(text), "%u", conf->standing.deny);
		fn(arg, "standing.deny", span_str(text));
	}
}
