/* SPDX-License-Identifier: MIT */
#include "fuzz_sip.h"
#include "sip/auth.h"

/* Credentials that are read have all they need, and the same realm for everybody. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span value = input_of(data, size), realm;
	struct sip_parse_error e;
	struct sip_auth a;

	if (sip_auth_parse_challenge(value, &sip_limits_default, &a, &e) == SIP_OK)
		must(sip_auth_has(&a, SIP_AUTH_REALM) && sip_auth_has(&a, SIP_AUTH_NONCE));
	if (sip_auth_parse_credentials(value, &sip_limits_default, &a, &e) != SIP_OK)
		return 0;
	must(sip_auth_peek_realm(value, &realm) && span_eq(realm, a.value[SIP_AUTH_REALM]));
	must(a.value[SIP_AUTH_RESPONSE].n > 0 && sip_auth_has(&a, SIP_AUTH_NONCE));
	return 0;
}
