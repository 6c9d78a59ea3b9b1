/* SPDX-License-Identifier: MIT
 *
 * On its way to the targets that were found. */
#include "edge/proxy.h"
#include "edge/stages.h"

enum step stage_send(struct pass *p)
{
	enum step step = proxy_forward(p);

	if (step != STEP_DONE || p->parts.to_tag.n)
		return step;
	if (p->msg.method == SIP_METHOD_INVITE) {
		p->finding.reason = REASON_CALL_START;
		counter_inc(p->w->counters, COUNTER_CALL_STARTED);
	} else {
		p->finding.reason = REASON_ROUTE_FORWARDED;
	}
	return step;
}
