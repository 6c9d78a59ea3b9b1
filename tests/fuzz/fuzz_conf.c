/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span text = span_of((const char *)data, n);
	struct conf_errors errs;
	struct conf *c = NULL;
	struct addr a = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10}};

	conf_errors_init(&errs);
	if ((conf_load_text(text, "fuzz.yaml", &c, &errs) == OK) != (errs.errors == 0))
		abort(); /* refused without a word, or taken in spite of an error */
	if (c) {
		const struct conf_peer *p = conf_peer_find(c, 0, &a);

		(void)conf_route_find(c, 0, p, c->domains[0].name, SPAN("+4930"));
		(void)conf_is_own_address(c, c->listeners[0].host, 0);
	}
	conf_put(c);
	conf_errors_done(&errs);
	return 0;
}
