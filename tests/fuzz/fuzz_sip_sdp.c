/* SPDX-License-Identifier: MIT */
#include "fuzz_sip.h"
#include "sip/sdp.h"

/* What the whole reader accepted, the walker walks to its end. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sip_parse_error e;
	struct sip_sdp_media m;
	struct sip_sdp sdp;
	struct span rest;

	if (sip_sdp_parse(input_of(data, size), &sip_limits_default, &sdp, &e) != SIP_OK)
		return 0;
	rest = sdp.media;
	for (size_t i = 0; i < sdp.n_media; i++)
		must(sip_sdp_next_media(&rest, &m) == SIP_OK && m.n_fmts > 0);
	must(sip_sdp_next_media(&rest, &m) == SIP_END);
	return 0;
}
