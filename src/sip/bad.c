/* SPDX-License-Identifier: MIT */
#include "sip/bad.h"

static const struct {
	const char *slug;
	const char *text;
} table[SIP_BAD_COUNT] = {
    [SIP_BAD_NONE] = {"none", "nothing is wrong"},
    [SIP_BAD_EMPTY] = {"empty", "there is nothing but line ends"},
    [SIP_BAD_MESSAGE_LONG] = {"message-long", "the message is longer than allowed"},
    [SIP_BAD_NOT_SIP] = {"not-sip", "the first line is neither a SIP request nor a SIP response"},
    [SIP_BAD_TRUNCATED] = {"truncated", "the header section has no end"},
    [SIP_BAD_HEADER_NAME] = {"header-name", "a header line has no valid name and colon"},
    [SIP_BAD_NUL] = {"nul", "a NUL stands outside of the body"},
    [SIP_BAD_BARE_CR] = {"bare-cr", "a CR stands without LF"},
    [SIP_BAD_CONTROL] = {"control", "a control character stands outside of the body"},
    [SIP_BAD_HEADER_COUNT] = {"header-count", "there are more headers than allowed"},
    [SIP_BAD_HEADER_NAME_LONG] = {"header-name-long", "a header name is longer than allowed"},
    [SIP_BAD_HEADER_VALUE_LONG] = {"header-value-long", "a header value is longer than allowed"},
    [SIP_BAD_START_LINE_LONG] = {"start-line-long", "the first line is longer than allowed"},
    [SIP_BAD_METHOD_LONG] = {"method-long", "the method is longer than allowed"},
    [SIP_BAD_START_LINE] = {"start-line", "the first line has white space where none may be"},
    [SIP_BAD_METHOD] = {"method", "the method is not a token"},
    [SIP_BAD_VERSION] = {"version", "the SIP version is not 2.0"},
    [SIP_BAD_STATUS] = {"status", "the status is not between 100 and 699"},
    [SIP_BAD_URI] = {"uri", "a URI is malformed"},
    [SIP_BAD_URI_LONG] = {"uri-long", "a URI is longer than allowed"},
    [SIP_BAD_URI_SCHEME] = {"uri-scheme", "the scheme of the Request-URI is not supported"},
    [SIP_BAD_NO_VIA] = {"no-via", "there is no Via"},
    [SIP_BAD_NO_FROM] = {"no-from", "there is no From"},
    [SIP_BAD_NO_TO] = {"no-to", "there is no To"},
    [SIP_BAD_NO_CALL_ID] = {"no-call-id", "there is no Call-ID"},
    [SIP_BAD_NO_CSEQ] = {"no-cseq", "there is no CSeq"},
    [SIP_BAD_NO_CONTENT_LENGTH] = {"no-content-length", "a stream needs Content-Length"},
    [SIP_BAD_NO_CONTENT_TYPE] = {"no-content-type", "there is a body but no Content-Type"},
    [SIP_BAD_DUPLICATE] = {"duplicate", "a header that may stand once stands more than once"},
    [SIP_BAD_VIA] = {"via", "a Via is malformed"},
    [SIP_BAD_VIA_COUNT] = {"via-count", "there are more Vias than allowed"},
    [SIP_BAD_BRANCH_LONG] = {"branch-long", "a branch is longer than allowed"},
    [SIP_BAD_FROM] = {"from", "From is malformed"},
    [SIP_BAD_TO] = {"to", "To is malformed"},
    [SIP_BAD_TAG_LONG] = {"tag-long", "a tag is longer than allowed"},
    [SIP_BAD_CALL_ID] = {"call-id", "Call-ID is malformed"},
    [SIP_BAD_CALL_ID_LONG] = {"call-id-long", "Call-ID is longer than allowed"},
    [SIP_BAD_CSEQ] = {"cseq", "CSeq is malformed"},
    [SIP_BAD_CSEQ_RANGE] = {"cseq-range", "the CSeq number is 2^31 or more"},
    [SIP_BAD_CSEQ_METHOD] = {"cseq-method", "CSeq names another method than the request"},
    [SIP_BAD_MAX_FORWARDS] = {"max-forwards", "Max-Forwards is not a number up to 255"},
    [SIP_BAD_HOPS] = {"hops", "Max-Forwards has reached 0"},
    [SIP_BAD_CONTENT_LENGTH] = {"content-length", "Content-Length is not a plain number"},
    [SIP_BAD_BODY_SHORT] = {"body-short", "the body is shorter than Content-Length says"},
    [SIP_BAD_BODY_LONG] = {"body-long", "the body is longer than allowed"},
    [SIP_BAD_EXPIRES] = {"expires", "Expires is not a number of seconds"},
    [SIP_BAD_CONTACT] = {"contact", "a Contact is malformed"},
    [SIP_BAD_CONTACT_COUNT] = {"contact-count", "there are more Contacts than allowed"},
    [SIP_BAD_ROUTE] = {"route", "a Route, Record-Route or Path is malformed"},
    [SIP_BAD_ROUTE_COUNT] = {"route-count", "there are more Routes than allowed"},
    [SIP_BAD_PARAM] = {"param", "a parameter is malformed"},
    [SIP_BAD_PARAM_COUNT] = {"param-count", "a value has more parameters than allowed"},
    [SIP_BAD_PARAM_DUPLICATE] = {"param-duplicate", "a parameter stands twice"},
    [SIP_BAD_AUTH] = {"auth", "credentials are malformed"},
    [SIP_BAD_AUTH_SCHEME] = {"auth-scheme", "the authentication scheme is not Digest"},
    [SIP_BAD_AUTH_DUPLICATE] = {"auth-duplicate", "a digest parameter stands twice"},
    [SIP_BAD_AUTH_MISSING] = {"auth-missing", "a digest parameter is missing"},
    [SIP_BAD_AUTH_LONG] = {"auth-long", "a digest parameter is longer than allowed"},
    [SIP_BAD_SDP] = {"sdp", "a line of the session description is malformed or misplaced"},
    [SIP_BAD_SDP_ORIGIN] = {"sdp-origin", "the o= line is malformed"},
    [SIP_BAD_SDP_CONNECTION] = {"sdp-connection", "a c= line is malformed or missing"},
    [SIP_BAD_SDP_MEDIA] = {"sdp-media", "an m= line is malformed"},
    [SIP_BAD_SDP_BANDWIDTH] = {"sdp-bandwidth", "a b= line is malformed"},
    [SIP_BAD_SDP_ATTRIBUTE] = {"sdp-attribute", "an a= line is malformed"},
    [SIP_BAD_SDP_LINES] = {"sdp-lines", "the session description has more lines than allowed"},
};

const char *sip_bad_slug(enum sip_bad reason)
{
	return table[(unsigned)reason < SIP_BAD_COUNT ? reason : SIP_BAD_NONE].slug;
}

const char *sip_bad_text(enum sip_bad reason)
{
	return table[(unsigned)reason < SIP_BAD_COUNT ? reason : SIP_BAD_NONE].text;
}
