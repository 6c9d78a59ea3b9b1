/* SPDX-License-Identifier: MIT
 *
 * The header fields that are known by name. Everything else is SIP_HEADER_OTHER and is kept as it
 * came. */
#ifndef SIP_HEADER_H
#define SIP_HEADER_H

#include "base/span.h"

/* id, canonical name, compact letter or 0, flags. The order is that of enum sip_header_id. */
#define SIP_HEADER_TABLE(X)                                                   \
	X(VIA, "Via", 'v', SIP_HEADER_LIST | SIP_HEADER_MANDATORY)            \
	X(FROM, "From", 'f', SIP_HEADER_SINGLE | SIP_HEADER_MANDATORY)        \
	X(TO, "To", 't', SIP_HEADER_SINGLE | SIP_HEADER_MANDATORY)            \
	X(CALL_ID, "Call-ID", 'i', SIP_HEADER_SINGLE | SIP_HEADER_MANDATORY)  \
	X(CSEQ, "CSeq", 0, SIP_HEADER_SINGLE | SIP_HEADER_MANDATORY)          \
	X(MAX_FORWARDS, "Max-Forwards", 0, SIP_HEADER_SINGLE)                 \
	X(CONTENT_LENGTH, "Content-Length", 'l', SIP_HEADER_SINGLE)           \
	X(CONTENT_TYPE, "Content-Type", 'c', SIP_HEADER_SINGLE)               \
	X(CONTACT, "Contact", 'm', SIP_HEADER_LIST)                           \
	X(ROUTE, "Route", 0, SIP_HEADER_LIST)                                 \
	X(RECORD_ROUTE, "Record-Route", 0, SIP_HEADER_LIST)                   \
	X(PATH, "Path", 0, SIP_HEADER_LIST)                                   \
	X(SERVICE_ROUTE, "Service-Route", 0, SIP_HEADER_LIST)                 \
	X(EXPIRES, "Expires", 0, SIP_HEADER_SINGLE)                           \
	X(MIN_EXPIRES, "Min-Expires", 0, SIP_HEADER_SINGLE)                   \
	X(AUTHORIZATION, "Authorization", 0, 0)                               \
	X(PROXY_AUTHORIZATION, "Proxy-Authorization", 0, 0)                   \
	X(WWW_AUTHENTICATE, "WWW-Authenticate", 0, 0)                         \
	X(PROXY_AUTHENTICATE, "Proxy-Authenticate", 0, 0)                     \
	X(AUTHENTICATION_INFO, "Authentication-Info", 0, SIP_HEADER_SINGLE)   \
	X(USER_AGENT, "User-Agent", 0, 0)                                     \
	X(SERVER, "Server", 0, 0)                                             \
	X(ALLOW, "Allow", 0, SIP_HEADER_LIST)                                 \
	X(SUPPORTED, "Supported", 'k', SIP_HEADER_LIST)                       \
	X(UNSUPPORTED, "Unsupported", 0, SIP_HEADER_LIST)                     \
	X(REQUIRE, "Require", 0, SIP_HEADER_LIST)                             \
	X(PROXY_REQUIRE, "Proxy-Require", 0, SIP_HEADER_LIST)                 \
	X(ACCEPT, "Accept", 0, SIP_HEADER_LIST)                               \
	X(ACCEPT_ENCODING, "Accept-Encoding", 0, SIP_HEADER_LIST)             \
	X(ACCEPT_LANGUAGE, "Accept-Language", 0, SIP_HEADER_LIST)             \
	X(ACCEPT_CONTACT, "Accept-Contact", 'a', SIP_HEADER_LIST)             \
	X(REJECT_CONTACT, "Reject-Contact", 'j', SIP_HEADER_LIST)             \
	X(REQUEST_DISPOSITION, "Request-Disposition", 'd', SIP_HEADER_LIST)   \
	X(ALERT_INFO, "Alert-Info", 0, SIP_HEADER_LIST)                       \
	X(CALL_INFO, "Call-Info", 0, SIP_HEADER_LIST)                         \
	X(ERROR_INFO, "Error-Info", 0, SIP_HEADER_LIST)                       \
	X(CONTENT_DISPOSITION, "Content-Disposition", 0, SIP_HEADER_SINGLE)   \
	X(CONTENT_ENCODING, "Content-Encoding", 'e', SIP_HEADER_LIST)         \
	X(CONTENT_LANGUAGE, "Content-Language", 0, SIP_HEADER_LIST)           \
	X(DATE, "Date", 0, 0)                                                 \
	X(IN_REPLY_TO, "In-Reply-To", 0, SIP_HEADER_LIST)                     \
	X(MIME_VERSION, "MIME-Version", 0, 0)                                 \
	X(ORGANIZATION, "Organization", 0, 0)                                 \
	X(PRIORITY, "Priority", 0, 0)                                         \
	X(REPLY_TO, "Reply-To", 0, SIP_HEADER_SINGLE)                         \
	X(RETRY_AFTER, "Retry-After", 0, SIP_HEADER_SINGLE)                   \
	X(SUBJECT, "Subject", 's', 0)                                         \
	X(TIMESTAMP, "Timestamp", 0, 0)                                       \
	X(WARNING, "Warning", 0, SIP_HEADER_LIST)                             \
	X(RSEQ, "RSeq", 0, SIP_HEADER_SINGLE)                                 \
	X(RACK, "RAck", 0, SIP_HEADER_SINGLE)                                 \
	X(EVENT, "Event", 'o', SIP_HEADER_SINGLE)                             \
	X(ALLOW_EVENTS, "Allow-Events", 'u', SIP_HEADER_LIST)                 \
	X(SUBSCRIPTION_STATE, "Subscription-State", 0, SIP_HEADER_SINGLE)     \
	X(REFER_TO, "Refer-To", 'r', SIP_HEADER_SINGLE)                       \
	X(REFERRED_BY, "Referred-By", 'b', SIP_HEADER_SINGLE)                 \
	X(REFER_SUB, "Refer-Sub", 0, SIP_HEADER_SINGLE)                       \
	X(REPLACES, "Replaces", 0, SIP_HEADER_SINGLE)                         \
	X(JOIN, "Join", 0, SIP_HEADER_SINGLE)                                 \
	X(TARGET_DIALOG, "Target-Dialog", 0, SIP_HEADER_SINGLE)               \
	X(SESSION_EXPIRES, "Session-Expires", 'x', SIP_HEADER_SINGLE)         \
	X(MIN_SE, "Min-SE", 0, SIP_HEADER_SINGLE)                             \
	X(SIP_ETAG, "SIP-ETag", 0, SIP_HEADER_SINGLE)                         \
	X(SIP_IF_MATCH, "SIP-If-Match", 0, SIP_HEADER_SINGLE)                 \
	X(FLOW_TIMER, "Flow-Timer", 0, SIP_HEADER_SINGLE)                     \
	X(MAX_BREADTH, "Max-Breadth", 0, SIP_HEADER_SINGLE)                   \
	X(REASON, "Reason", 0, SIP_HEADER_LIST)                               \
	X(PRIVACY, "Privacy", 0, SIP_HEADER_SINGLE)                           \
	X(P_ASSERTED_IDENTITY, "P-Asserted-Identity", 0, SIP_HEADER_LIST)     \
	X(P_PREFERRED_IDENTITY, "P-Preferred-Identity", 0, SIP_HEADER_LIST)   \
	X(P_ASSOCIATED_URI, "P-Associated-URI", 0, SIP_HEADER_LIST)           \
	X(P_CALLED_PARTY_ID, "P-Called-Party-ID", 0, SIP_HEADER_SINGLE)       \
	X(P_CHARGING_VECTOR, "P-Charging-Vector", 0, SIP_HEADER_SINGLE)       \
	X(P_ACCESS_NETWORK_INFO, "P-Access-Network-Info", 0, SIP_HEADER_LIST) \
	X(P_VISITED_NETWORK_ID, "P-Visited-Network-ID", 0, SIP_HEADER_LIST)   \
	X(REMOTE_PARTY_ID, "Remote-Party-ID", 0, SIP_HEADER_LIST)             \
	X(IDENTITY, "Identity", 'y', SIP_HEADER_LIST)                         \
	X(IDENTITY_INFO, "Identity-Info", 'n', SIP_HEADER_SINGLE)             \
	X(DIVERSION, "Diversion", 0, SIP_HEADER_LIST)                         \
	X(HISTORY_INFO, "History-Info", 0, SIP_HEADER_LIST)                   \
	X(GEOLOCATION, "Geolocation", 0, SIP_HEADER_LIST)                     \
	X(RESOURCE_PRIORITY, "Resource-Priority", 0, SIP_HEADER_LIST)         \
	X(FEATURE_CAPS, "Feature-Caps", 0, SIP_HEADER_LIST)                   \
	X(SECURITY_CLIENT, "Security-Client", 0, SIP_HEADER_LIST)             \
	X(SECURITY_SERVER, "Security-Server", 0, SIP_HEADER_LIST)             \
	X(SECURITY_VERIFY, "Security-Verify", 0, SIP_HEADER_LIST)             \
	X(USER_TO_USER, "User-to-User", 0, SIP_HEADER_LIST)

enum sip_header_flag {
	SIP_HEADER_SINGLE = 1,    /* may stand once; a second one would mislead somebody */
	SIP_HEADER_LIST = 2,      /* its value is a comma list (RFC 3261 §7.3.1) */
	SIP_HEADER_MANDATORY = 4, /* in every message (RFC 3261 §8.1.1) */
};

enum sip_header_id {
	SIP_HEADER_OTHER = 0,
#define SIP_HEADER_ENUM(id, name, compact, flags) SIP_HEADER_##id,
	SIP_HEADER_TABLE(SIP_HEADER_ENUM)
#undef SIP_HEADER_ENUM
	    SIP_HEADER_COUNT
};

/* Long or compact form, any case. SIP_HEADER_OTHER for what is not listed. */
enum sip_header_id sip_header_from(struct span name);

/* "Call-ID"; empty for SIP_HEADER_OTHER. Static. */
struct span sip_header_name(enum sip_header_id id);

/* 'i' for Call-ID, 0 where there is no compact form. */
char sip_header_compact(enum sip_header_id id);

/* Bits of enum sip_header_flag. */
unsigned sip_header_flags(enum sip_header_id id);

#endif
