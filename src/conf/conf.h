/* SPDX-License-Identifier: MIT
 *
 * The configuration as the program uses it: one immutable snapshot, made from one YAML file and
 * swapped whole on reload. A snapshot is counted (conf_get/conf_put) and may be read by every
 * thread without a lock; nothing in it points into the file. Every span in it is NUL-terminated
 * behind its length, so `.p` serves C interfaces; an absent text has n = 0.
 *
 * Names of zones, peers and upstreams are one name space. Indices (zone, listener, peer) are stable
 * within one snapshot only. */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdio.h>

#include "base/addr.h"
#include "base/flow.h"
#include "base/usec.h"
#include "conf/errors.h"
#include "event/format.h"
#include "event/select.h"

#define CONF_NONE           SIZE_MAX         /* no such index */
#define CONF_SOCKET_NAME    "ringfence.sock" /* in the folder of the file, unless it says */
#define CONF_WORKERS_MAX    64
#define CONF_LISTENERS_MAX  64
#define CONF_SINKS_MAX      8
#define CONF_ALGORITHMS_MAX 3

enum conf_mode { CONF_MODE_OFF, CONF_MODE_OBSERVE, CONF_MODE_ENFORCE };
enum conf_trust { CONF_TRUST_NONE, CONF_TRUST_NETWORK };
enum conf_algorithm { CONF_ALGORITHM_SHA512_256, CONF_ALGORITHM_SHA256, CONF_ALGORITHM_MD5 };

struct conf_zone {
	struct span name;
	enum conf_trust trust;
	struct span advertise_host;       /* n = 0: the listen address; IPv6 in brackets */
	uint16_t advertise_port;          /* 0: the listener's port */
	size_t first_listener, listeners; /* its run in conf->listeners */
};

struct conf_listener {
	enum transport transport; /* UDP or TCP */
	struct addr addr;         /* where to bind; may be the unspecified address */
	size_t zone;
	struct span host;    /* what others see of us: for Via, Record-Route; IPv6 in brackets */
	uint16_t port;       /* likewise, never 0 */
	struct span sent_by; /* "host:port", ready to be written */
	struct span text;    /* as configured: "udp:192.0.2.1:5060" */
};

struct conf_domain {
	struct span name; /* lower case; its registrar is local */
};

/* Where requests are sent: an address, so that no name needs to be looked up on the way. */
struct conf_target {
	struct span uri; /* as configured */
	struct addr addr;
	enum transport transport; /* TRANSPORT_UDP unless the URI says ;transport=tcp */
	bool backup;              /* only when every other target failed */
};

struct conf_peer {
	struct span name;
	size_t zone;
	const struct prefix *sources;
	size_t sources_count;
	bool has_target; /* false: nothing can be sent to it, it only calls */
	struct conf_target target;
	uint32_t requests; /* in the window of flood, of each of its addresses; 0: off */
};

struct conf_upstream {
	struct span name;
	size_t zone;
	const struct conf_target *targets; /* backups last, else as configured; at least one */
	size_t targets_count;
};

/* Exactly one of to_peer and to_upstream is set; a peer that is routed to has a target. */
struct conf_route {
	size_t from_peer, from_zone; /* CONF_NONE: from anyone */
	struct span match;           /* glob on the user of the Request-URI; n = 0: any */
	struct span domain;          /* lower case; n = 0: any that is ours */
	size_t to_peer, to_upstream;
};

struct conf_store {
	struct span path; /* of the SQLite file, resolved against the configuration's folder */
};

enum conf_sink_kind {
	CONF_SINK_FILE,
	CONF_SINK_STDOUT,
	CONF_SINK_SYSLOG,
	CONF_SINK_FAIL2BAN,
	CONF_SINK_WEBHOOK,
	CONF_SINK_EXEC,
	CONF_SINK_HEP,
	CONF_SINK_KIND_COUNT
};

/* Bits of conf_enforcement.where. The ledger is always in it. */
#define CONF_ENFORCE_LEDGER   1u
#define CONF_ENFORCE_NFTABLES 2u
#define CONF_ENFORCE_XDP      4u

#define CONF_TABLE_NAME_MAX   32 /* of nftables, ours */
#define CONF_INTERFACES_MAX   16
#define CONF_INTERFACE_MAX    15 /* bytes of the name of a network interface */

enum conf_xdp_mode { CONF_XDP_AUTO, CONF_XDP_NATIVE, CONF_XDP_GENERIC };
enum conf_helper { CONF_HELPER_AUTO, CONF_HELPER_START, CONF_HELPER_SOCKET };

/* Where bans are carried out besides the ledger (docs/enforcement.md). */
struct conf_enforcement {
	unsigned where; /* CONF_ENFORCE_ bits */
	bool all_ports; /* false: only what is sent to our listeners is dropped */
	bool keep;      /* the table of nftables outlives a clean stop */
	struct span table;
	const struct span *interfaces; /* of XDP; none: those of the listeners */
	size_t interfaces_count;
	enum conf_xdp_mode xdp_mode;
	enum conf_helper helper;
	struct span helper_socket; /* resolved; of CONF_HELPER_SOCKET */
};

#define CONF_USER_MAX 32 /* bytes of the name of a user of the system */

/* What the daemon may do once it has started (docs/privileges.md). */
struct conf_privileges {
	struct span user; /* whom root becomes; n = 0: nobody else */
	bool sandbox_off;
};

/* How a server of SYSLOG or HEP is spoken to. */
enum conf_sink_transport { CONF_SINK_UNIX, CONF_SINK_UDP, CONF_SINK_TCP };

struct conf_sink {
	enum conf_sink_kind kind;
	struct span name; /* for people: the path, "stdout", "syslog udp:192.0.2.1:514" */
	struct span
	    text; /* all that the file says of it: two sinks that are the same have the same */
	struct event_select select;
	struct event_format format;
	size_t queue;     /* bytes of each of its two buffers */
	struct span path; /* resolved; of FILE, FAIL2BAN, and SYSLOG over UNIX */

	enum conf_sink_transport transport; /* of SYSLOG, HEP */
	struct span host; /* of SYSLOG, HEP: an address or a name; without brackets */
	uint16_t port;

	struct span url;        /* of WEBHOOK */
	bool url_is_loopback;   /* its host may only be this machine */
	bool allow_private;     /* of WEBHOOK: private addresses too */
	struct span token_file; /* of WEBHOOK: resolved; n = 0: none */
	struct span ca;         /* of WEBHOOK: resolved path of certificates; n = 0: the system's */

	const struct span *argv; /* of EXEC: argv[0] is the resolved path of the program */
	size_t argc;

	usec_t timeout; /* of WEBHOOK, EXEC */
};

/* RFC 3261 limits and timers. Each limit caps what one message can make us do. */
struct conf_sip {
	size_t max_message;        /* bytes of one message */
	size_t max_headers;        /* header fields of one message */
	size_t max_header_name;    /* bytes */
	size_t max_header_value;   /* bytes */
	usec_t t1, t2, t4;         /* §17.1.1.1, §17.1.2.2 */
	usec_t timer_c;            /* §16.6 step 11 */
	uint32_t max_forwards;     /* written where a request has none; §16.6 step 3 */
	uint32_t max_breadth;      /* RFC 5393 §5.3.3 */
	size_t transactions;       /* at once, in the whole process */
	size_t transaction_memory; /* bytes for their messages, in the whole process */
};

struct conf_tcp {
	size_t connections;            /* at once, in the whole process */
	size_t connections_per_source; /* an IPv4 address or an IPv6 /64 */
	usec_t idle;                   /* closed after this without traffic */
	usec_t first_message;          /* deadline after accept */
	usec_t message;                /* deadline for a message in the making */
	usec_t connect;
	size_t write_queue; /* bytes waiting for a slow reader */
};

struct conf_registrar {
	uint32_t min_expires_s, default_expires_s, max_expires_s;
	size_t max_contacts; /* of one account */
	size_t max_bindings; /* in all; their memory is taken at start */
	usec_t keepalive;    /* 0 = off */
};

struct conf_auth {
	enum conf_mode mode;
	enum conf_algorithm algorithms[CONF_ALGORITHMS_MAX]; /* as offered, first is preferred */
	size_t algorithms_count;                             /* at least one */
	usec_t nonce_lifetime;
	bool rfc2069; /* accept a digest without qop: no replay window */
};

struct conf_weight {
	enum reason reason;
	uint32_t weight;
};

/* What a source earns (docs/standing.md). */
struct conf_standing {
	enum conf_mode mode;
	usec_t half_life;       /* of the score */
	uint32_t suspect, deny; /* scores */
	usec_t ban, ban_max;    /* doubles with each offence, up to ban_max */
	const struct prefix *allow;
	size_t allow_count;
	uint32_t devices; /* denied devices behind an address with known users that bring it down */
	usec_t known;     /* a log-in makes known for so long */
	usec_t challenged; /* a challenge keeps the way open for its answer for so long */
	size_t sources;    /* entries of the ledger */
	const struct conf_weight *weights; /* those that differ from the table of reasons */
	size_t weights_count;
};

/* Requests in `window`; 0: no threshold. */
struct conf_flood {
	enum conf_mode mode;
	uint32_t requests;         /* of an unknown source */
	uint32_t suspect_requests; /* of a suspect source */
	uint32_t known_requests;   /* of a source with known users, of all its devices together */
	uint32_t flow_requests;    /* of one known flow (address and port) */
	uint32_t prefix_requests;  /* of the strangers of an IPv4 /24 or IPv6 /48 together */
	uint32_t wide_requests;    /* likewise of an IPv4 /16 or IPv6 /32, estimated */
	usec_t window, release;
};

/* What a signature looks at. */
enum conf_signature_part {
	CONF_SIGNATURE_METHOD,
	CONF_SIGNATURE_USER_AGENT,
	CONF_SIGNATURE_FROM_USER,
	CONF_SIGNATURE_TO_USER,
	CONF_SIGNATURE_CALL_ID,
	CONF_SIGNATURE_HEADER
};

enum conf_signature_match {
	CONF_SIGNATURE_IS,
	CONF_SIGNATURE_STARTS,
	CONF_SIGNATURE_CONTAINS,
	CONF_SIGNATURE_GLOB
};

/* Wildcards of a glob, in place of *, ? and #. */
#define CONF_GLOB_ANY              '\1'
#define CONF_GLOB_ONE              '\2'
#define CONF_GLOB_DIGIT            '\3'

#define CONF_SIGNATURES_MAX        512
#define CONF_SIGNATURE_PATTERN_MAX 96

/* What a known scanner sends (conf/signatures.h). */
struct conf_signature {
	struct span name;
	enum conf_signature_part part;
	enum conf_signature_match match;
	struct span header;  /* of part HEADER: its name */
	struct span pattern; /* lower case */
};

#define CONF_SCAN_USERS_MAX 25

struct conf_scan {
	enum conf_mode mode;
	const struct span *decoys; /* user names that nobody has, lower case */
	size_t decoys_count;
	struct span signatures_file; /* resolved path of the operator's additions; n = 0: none */
	const struct conf_signature *signatures; /* those built in and the operator's */
	size_t signatures_count;
	/* Of a stranger, in `window`; 0: no threshold. */
	uint32_t users;   /* different users that it may try; at most CONF_SCAN_USERS_MAX */
	uint32_t sweep;   /* OPTIONS */
	uint32_t methods; /* requests of unknown methods */
	usec_t window;
};

/* Failed log-ins in `window`; 0: no threshold. */
struct conf_guessing {
	enum conf_mode mode;
	uint32_t pair;    /* one source at one account */
	uint32_t source;  /* one source at any account */
	uint32_t account; /* any source at one account: it is then closed to new places */
	uint32_t prefix;  /* an IPv4 /24 or IPv6 /48 at any account */
	usec_t window;
	usec_t lock; /* an account under attack stays closed to strangers for so long */
};

struct conf_overload {
	enum conf_mode mode;
	usec_t lag;         /* the loop is behind by so much: strangers are shed */
	usec_t retry_after; /* told to them, whole seconds */
};

enum conf_limit_per {
	CONF_LIMIT_SOURCE,
	CONF_LIMIT_PREFIX,
	CONF_LIMIT_ACCOUNT,
	CONF_LIMIT_PEER,
	CONF_LIMIT_DESTINATION,
	CONF_LIMIT_GLOBAL
};

enum conf_limit_algorithm {
	CONF_LIMIT_TOKEN_BUCKET, /* GCRA */
	CONF_LIMIT_SLIDING_WINDOW,
	CONF_LIMIT_FIXED_WINDOW,
	CONF_LIMIT_RED,
	CONF_LIMIT_FEEDBACK,
	CONF_LIMIT_NETWORK
};

/* Any of match is left out by n = 0, CONF_NONE, or ANY. */
struct conf_limit {
	struct span name;
	enum conf_mode mode;
	const struct span *methods;
	size_t methods_count;
	size_t zone, peer, domain;
	uint32_t tiers; /* bit 1 << enum event_tier; 0: any */
	int account;    /* 1: the request claims an account of ours; 0: none; -1: any */
	enum conf_limit_per per;
	enum conf_limit_algorithm algorithm;
	uint32_t events;    /* of rate: events in window */
	usec_t window;      /* of rate */
	uint32_t burst;     /* at least 1 */
	double target;      /* FEEDBACK: own CPU load, NETWORK: fill of the receive queue, 0..1 */
	unsigned answer;    /* SIP status; 0: drop */
	usec_t retry_after; /* 0: worked out */
};

#define CONF_LIMITS_MAX 64

#define CONF_HTTP_MAX   8
#define CONF_TOKEN_MIN  16
#define CONF_TOKEN_MAX  256

/* Where HTTP is spoken. */
struct conf_http {
	struct span text; /* "http:127.0.0.1:8060" */
	struct span path; /* of a unix socket, resolved; n = 0: addr */
	struct addr addr;
};

struct conf {
	struct span file; /* as given to conf_load */
	struct span dir;  /* what relative paths start from: "." when the file has none */
	struct span node;
	size_t workers; /* 1..CONF_WORKERS_MAX */

	const struct conf_zone *zones;
	size_t zones_count;
	const struct conf_listener *listeners;
	size_t listeners_count;
	const struct conf_domain *domains;
	size_t domains_count;
	const struct conf_peer *peers;
	size_t peers_count;
	const struct conf_upstream *upstreams;
	size_t upstreams_count;
	const struct conf_route *routes;
	size_t routes_count;
	const struct conf_sink *sinks;
	size_t sinks_count;

	struct conf_store accounts_store, state_store;
	size_t accounts_cache; /* entries */
	usec_t accounts_cache_lifetime;

	enum conf_mode check_mode;
	struct conf_auth auth;
	struct conf_standing standing;
	struct conf_flood flood;
	struct conf_scan scan;
	struct conf_guessing guessing;
	struct conf_overload overload;
	const struct conf_limit *limits;
	size_t limits_count;
	size_t limit_keys; /* entries of the table of limits, all limits together */
	struct conf_sip sip;
	struct conf_tcp tcp;
	struct conf_registrar registrar;
	struct conf_enforcement enforcement;
	struct conf_privileges privileges;
	size_t history_memory;    /* bytes; 0: none is kept */
	struct span admin_socket; /* resolved path of the control socket */
	const struct conf_http *admin_http;
	size_t admin_http_count;
	struct span admin_token;      /* what HTTP clients must show; n = 0: nothing */
	struct span admin_token_file; /* resolved path of where it was read; n = 0: nowhere */
};

/* Reads and judges the whole file. Every error and warning is added to errs (initialised by the
 * caller); OK only when there is no error, warnings do not count. *out_c has one reference.
 * ERR_SYNTAX: the file is wrong and errs tells how. ERR_IO: it cannot be read (errs tells too).
 * ERR_NOMEM. */
NODISCARD enum err conf_load(const char *path, struct conf **out_c, struct conf_errors *errs);

/* The same from memory; `path` only names it in messages and gives the folder. */
NODISCARD enum err conf_load_text(
    struct span text, const char *path, struct conf **out_c, struct conf_errors *errs);

/* The path of the control socket that a daemon with this file listens on, as far as the file tells:
 * whatever else is wrong with it, commands must find the daemon. ERR_IO, with errno: the file
 * cannot be read. ERR_RANGE: no room in b. ERR_NOMEM. */
NODISCARD enum err conf_find_socket(const char *path, struct buf *b);

/* Somebody is to be told of events, so it is worth making them. */
static inline bool conf_wants_events(const struct conf *c)
{
	return c->sinks_count > 0 || c->history_memory > 0;
}

/* Reference counting, from any thread. conf_get returns its argument; conf_put accepts NULL. */
const struct conf *conf_get(const struct conf *c);
void conf_put(const struct conf *c);

/* The domain of that name, without regard to case and to one trailing dot; NULL: not ours. */
const struct conf_domain *conf_domain_find(const struct conf *c, struct span name);

/* The peer of that zone whose longest prefix holds the address; NULL: none. */
const struct conf_peer *conf_peer_find(const struct conf *c, size_t zone, const struct addr *a);

/* A URI's host and port name one of our listeners: by address, or by an advertised name. Port 0
 * (none in the URI) is 5060 for an address and any port for a name. IPv6 with or without brackets.
 * Domains are not asked: see conf_domain_find. A listener on the unspecified address is known by
 * its advertised name alone: compare with the local address of the flow, too. */
bool conf_is_own_address(const struct conf *c, struct span host, uint16_t port);

/* The first route for a request: `from` is the peer that sent it or NULL, `zone` where it came in,
 * `domain` the host of the Request-URI (empty: an address of ours), `user` its user part,
 * unescaped. A route without `domain` is for hosts that are ours only. NULL: no route. */
const struct conf_route *conf_route_find(const struct conf *c, size_t zone,
    const struct conf_peer *from, struct span domain, struct span user);

/* By name, for commands; CONF_NONE when there is none. */
size_t conf_zone_index(const struct conf *c, struct span name);

/* Every plain value below a section ("controls.flood") with its key, as one would write it:
 * "controls.flood.window", "2s". Lists and names are left out. */
typedef void conf_key_fn(void *arg, const char *path, struct span value);
void conf_keys_each(const struct conf *c, const char *section, conf_key_fn *fn, void *arg);

/* Words for people: "off", "observe", "enforce"; "SHA-256". */
const char *conf_mode_name(enum conf_mode m);
const char *conf_sink_kind_name(enum conf_sink_kind k); /* "file", as in the file */
const char *conf_algorithm_name(enum conf_algorithm a); /* as in RFC 7616, RFC 8760 */
struct span conf_limit_per_name(enum conf_limit_per p); /* "source", as in the file */
struct span conf_limit_algorithm_name(enum conf_limit_algorithm a);

#endif
