/* SPDX-License-Identifier: MIT
 *
 * Signatures of scanners: the tools that are known, also when they change their User-Agent, and the
 * phones, PBXs and trunks that must never be taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../conf/conf_help.h"
#include "guard/signatures.h"

static const struct conf *conf;
static struct signatures *s;

static int setup(void **state)
{
	(void)state;
	conf = load(LEAST);
	return signatures_new(&conf->scan, &s) == OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	signatures_free(s);
	conf_put(conf);
	return 0;
}

/* Header lines "Name: value", one each. */
static struct span header_of(void *arg, struct span name)
{
	struct span rest = span_str(arg), line, head;

	while (rest.n) {
		(void)span_cut(&rest, '\n', &line);
		if (span_cut(&line, ':', &head) && span_ieq(head, name))
			return span_trim(line);
	}
	return span_of(NULL, 0);
}

static const char *match(const char *headers)
{
	struct signature_facts f = {.method = SPAN("OPTIONS"),
	    .user_agent = header_of((void *)(uintptr_t)headers, SPAN("User-Agent")),
	    .call_id = header_of((void *)(uintptr_t)headers, SPAN("Call-ID")),
	    .from_user = SPAN("100"),
	    .to_user = SPAN("100"),
	    .header = header_of,
	    .arg = (void *)(uintptr_t)headers};
	const struct conf_signature *sig = signatures_match(s, &f);

	return sig ? sig->name.p : "";
}

static void tools(void **state)
{
	static const struct {
		const char *agent, *name;
	} rows[] = {
	    {"friendly-scanner", "sipvicious"},
	    {"Friendly-Scanner", "sipvicious"},
	    {"sipvicious", "sipvicious"},
	    {"VoIP SIPVicious/0.3", "sipvicious"},
	    {"friendly-request", "sipvicious"},
	    {"pplsip", "sippts"},
	    {"sipcli/v1.8", "sipcli"},
	    {"sundayddr", "sundayddr"},
	    {"VaxSIPUserAgent/3.1", "vaxsip"},
	    {"VaxIPUserAgent", "vaxsip"},
	    {"sipsak 0.9.8.1", "sipsak"},
	    {"iWar", "iwar"},
	    {"sip-scan", "sip-scan"},
	    {"SIVuS VoIP Security Scanner", "sivus"},
	    {"Gulp", "gulp"},
	    {"sipv", "sipv"},
	    {"smap 0.6.0", "smap"},
	    {"siparmyknife", "siparmyknife"},
	    {"Viproy Penetration Testing Kit - Test Agent", "viproy"},
	    {"Nmap NSE", "nmap"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[200];
		struct buf b = BUF(text);

		buf_addf(&b, "User-Agent: %s", rows[i].agent);
		assert_true(buf_terminate(&b));
		assert_string_equal(match(text), rows[i].name);
	}
}

/* As sent by svmap, svwar and svcrack 0.3.3 with another User-Agent, and by nmap's probe. */
static void shapes(void **state)
{
	static const struct {
		const char *headers, *name;
	} rows[] = {
	    {"From: \"sipvicious\"<sip:100@1.1.1.1>;tag=x", "sipvicious"},
	    {"From: "
	     "\"Bob\"<sip:100@10.1.1.1>;tag=3766303030303031313661390133353034363737363139",
		"sipvicious"}, /* svmap --fromname */
	    {"From: \"3675947466\"<sip:3675947466@127.0.0.1>;"
	     "tag=333637353934373436360131373933393836313838",
		"sipvicious"}, /* svwar */
	    {"From: \"100\" <sip:100@127.0.0.1>;tag=3130303a31310131393630363833393732",
		"sipvicious"}, /* svcrack, with a password */
	    {"From: \"a\" <sip:a@127.0.0.1>;tag=61013236303432393339\nUser-Agent: Cisco",
		"sipvicious"}, /* svwar, a dictionary */
	    {"From: \"100\" <sip:100@127.0.0.1>;tag=3206210844\nContact: sip:123@1.1.1.1",
		"sipvicious"}, /* svcrack, its first request */
	    {"From: <sip:nm@nm>;tag=root\nTo: <sip:nm2@nm2>\nCall-ID: 50000", "nmap"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(match(rows[i].headers), rows[i].name);
}

static void innocents(void **state)
{
	static const char *const agents[] = {
	    "Linphone-Desktop/5.2.6 (debian) LinphoneSDK/5.3.58",
	    "LinphoneAndroid/5.2.3 (Pixel 7) LinphoneSDK/5.3.20",
	    "LinphoneiOS/5.2.3 (iPhone) LinphoneSDK/5.3.20",
	    "baresip v2.10.0 (x86_64/Linux)",
	    "baresip 1.0.0 (x86_64/linux)",
	    "PJSUA v2.13 Linux-6.1/x86_64/glibc-2.36",
	    "pjsip python",
	    "Zoiper v2.10.20.5",
	    "Zoiper rv2.10.11.3-mod",
	    "Z 5.6.1 v2.10.19.9",
	    "Z 3.14.38765 rv2.8.3",
	    "Grandstream GXP2170 1.0.11.64",
	    "Grandstream HT802 1.0.29.8",
	    "Yealink SIP-T46S 66.86.0.15",
	    "Yealink W60B 77.85.0.20",
	    "snomD785/10.1.127.10",
	    "PolycomVVX-VVX_411-UA/5.9.6.2327",
	    "Poly/8.1.1 VVX450",
	    "Cisco/SPA504G-7.6.2",
	    "Cisco-SIPGateway/IOS-15.4.3.M3",
	    "Cisco-CP8841-3PCC/11.3.1",
	    "Fanvil X4U 2.4.0",
	    "Gigaset N510 IP PRO/42.250",
	    "AVM FRITZ!Box 7590 154.07.57",
	    "Panasonic_KX-TGP600/06.001",
	    "MicroSIP/3.21.3",
	    "X-Lite release 5.8.3",
	    "Bria 6 release 6.5.1",
	    "eyeBeam release 1102q stamp 51814",
	    "CSipSimple_a53g-16/r2457",
	    "Sipdroid/2.7 beta/SM-G960F",
	    "Jitsi2.10.5550Linux",
	    "Blink 5.9.1 (Linux)",
	    "sipML5-v1.2016.03.04",
	    "JsSIP 3.10.0",
	    "SIP.js/0.21.2",
	    "Acrobits/6.2",
	    "Groundwire/6.2.1",
	    "3CXPhone 6.0.26523.0",
	    "3CX Mobile Client",
	    "Asterisk PBX 18.10.0",
	    "FPBX-16.0.40.7(18.20.0)",
	    "Asterisk",
	    "FreeSWITCH-mod_sofia/1.10.10-release",
	    "kamailio (5.6.3 (x86_64/linux))",
	    "OpenSIPS (3.4.2 (x86_64/linux))",
	    "Sippy Softswitch v5.2",
	    "Mitel-5320-SIP-Phone",
	    "Aastra 6757i/3.3.1",
	    "innovaphone IP240/13r2",
	    "Alcatel-Lucent OmniPCX",
	    "Avaya one-X Deskphone",
	    "Oracle SBC",
	    "Ribbon SBC",
	    "Twilio Gateway",
	    "sipgate",
	    "sipura/SPA2102-5.2.13",
	    "SIPURA",
	    "sipp",
	    "Smart Communicator",
	    "SmartPhone 1.0",
	    "Gulper 2",
	    "SIPVoice 1.0",
	    "SIP Scanphone 3",
	    "",
	};
	static const char *const froms[] = {
	    "\"Alice\" <sip:alice@example.com>;tag=as3f013a31",
	    "<sip:100@192.0.2.1>;tag=9fxced76sl",
	    "<sip:100@1.1.1.10>;tag=1",
	    "<sip:1234@example.com>;tag=3130303a31310131a393630363833393732",
	    "<sip:1234@example.com>;tag=8f2c0130a1b2c3d4e5f60718293a4b5c6d7e8f90",
	    "<sip:1234@example.com>;tag=30313031323334353637383930313233",
	    "<sip:1234@example.com>;tag=gK013a3b3c",
	    "sip:nm@nm.example",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(agents); i++) {
		char text[200];
		struct buf b = BUF(text);

		buf_addf(&b, "User-Agent: %s\nContact: <sip:123@192.0.2.1:5060>", agents[i]);
		assert_true(buf_terminate(&b));
		if (*match(text))
			fail_msg("%s is taken for %s", agents[i], match(text));
	}
	for (size_t i = 0; i < ARRAY_LEN(froms); i++) {
		char text[200];
		struct buf b = BUF(text);

		buf_addf(&b, "From: %s", froms[i]);
		assert_true(buf_terminate(&b));
		if (*match(text))
			fail_msg("%s is taken for %s", froms[i], match(text));
	}
}

/* Ways to match, on a set of one. */
static void ways(void **state)
{
	static const struct {
		enum conf_signature_match how;
		const char *pattern, *text;
		bool want;
	} rows[] = {
	    {CONF_SIGNATURE_IS, "evil", "Evil", true},
	    {CONF_SIGNATURE_IS, "evil", "Evil ", false},
	    {CONF_SIGNATURE_IS, "evil", "Evi", false},
	    {CONF_SIGNATURE_STARTS, "evil", "EVIL/1", true},
	    {CONF_SIGNATURE_STARTS, "evil", "an evil", false},
	    {CONF_SIGNATURE_CONTAINS, "evil", "an eviL one", true},
	    {CONF_SIGNATURE_CONTAINS, "evil", "evi levi", false},
	    {CONF_SIGNATURE_CONTAINS, "evil", "", false},
	    {CONF_SIGNATURE_GLOB, "evil", "evil", true},
	    {CONF_SIGNATURE_GLOB, "evil", "evil1", false},
	    {CONF_SIGNATURE_GLOB, "e\2il\1", "Evil and more", true},
	    {CONF_SIGNATURE_GLOB, "e\2il\1", "Eil", false},
	    {CONF_SIGNATURE_GLOB, "\1v\3", "aaav1v2", true},
	    {CONF_SIGNATURE_GLOB, "\1v\3", "aaav1v2 ", false},
	    {CONF_SIGNATURE_GLOB, "\1v\3", "aaavx", false},
	    {CONF_SIGNATURE_GLOB, "\1ab\1ab\1c", "abxabab", false},
	    {CONF_SIGNATURE_GLOB, "\1ab\1ab\1c", "abxabdc", true},
	    {CONF_SIGNATURE_GLOB, "abc\1", "abc", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf_signature sig = {.name = SPAN("x"),
		    .part = CONF_SIGNATURE_TO_USER,
		    .match = rows[i].how,
		    .pattern = span_str(rows[i].pattern)};
		struct conf_scan c = {.signatures = &sig, .signatures_count = 1};
		struct signature_facts f = {.to_user = span_str(rows[i].text)};
		struct signatures *one;

		assert_int_equal(signatures_new(&c, &one), OK);
		if ((signatures_match(one, &f) != NULL) != rows[i].want)
			fail_msg("row %zu", i);
		signatures_free(one);
	}
}

/* However long a text is, only its beginning is looked at, and quickly. */
static void long_texts(void **state)
{
	static char text[8192];
	struct signature_facts f = {.user_agent = span_of(text, sizeof(text))};

	(void)state;
	memset(text, 'f', sizeof(text));
	assert_null(signatures_match(s, &f));
	memcpy(text + SIGNATURES_LOOK - 16, "friendly-scanner", 16);
	assert_non_null(signatures_match(s, &f));
	memset(text, 'f', sizeof(text));
	memcpy(text + SIGNATURES_LOOK - 15, "friendly-scanner", 16);
	assert_null(signatures_match(s, &f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tools),
	    cmocka_unit_test(shapes),
	    cmocka_unit_test(innocents),
	    cmocka_unit_test(ways),
	    cmocka_unit_test(long_texts),
	};

	return cmocka_run_group_tests_name("guard/signatures", tests, setup, teardown);
}
