/* SPDX-License-Identifier: MIT
 *
 * The table of configuration keys. */
#include "conf/schema.h"

#include "base/usec.h"
#include "conf/draft.h"

#define AT(type, field)    .offset = offsetof(type, field), .width = sizeof(((type *)0)->field)
#define CONF(field)        AT(struct draft, conf.field)
#define DRAFT(field)       AT(struct draft, field)
#define ENTRIES(f, type)   AT(struct draft, f), .entry_size = sizeof(type)
#define BETWEEN(low, high) .min = (low), .max = (high)
#define KIB                ((uint64_t)1024)
#define MIB                (1024 * KIB)
#define HOUR               (60 * USEC_MIN)
#define NO_CONTROL         "this version has no such control"
#define NO_TLS             "needs TLS, which this version does not have"
#define MODES              "off|observe|enforce"

/* clang-format off */
const struct schema_key schema[] = {
	{"zones", TYPE_NAMED, .required = true, ENTRIES(zones, struct draft_zone),
	 .doc = "Sets of listeners with one level of trust each. At least one."},
	{"zones.*.trust", TYPE_WORD, .preset = "none", .words = "none|network", AT(struct draft_zone, trust),
	 .doc = "`none`: the internet. `network`: the inside; its listeners must not be reachable by "
	        "strangers. In both, requests must authenticate or come from a peer."},
	{"zones.*.listen", TYPE_LISTENS, .required = true, AT(struct draft_zone, listen),
	 .doc = "Where to listen: `udp:ADDRESS:PORT` or `tcp:ADDRESS:PORT`; IPv6 in brackets, and then in "
	        "quotes: `\"udp:[::1]:5060\"`."},
	{"zones.*.advertise", TYPE_HOST_PORT, AT(struct draft_zone, advertise),
	 .doc = "What others see of us in Via and Record-Route, `HOST` or `HOST:PORT`. Default: the listen "
	        "address. Needed where a listener is on 0.0.0.0 or [::]."},
	{"zones.*.require_tls", TYPE_BOOL, .preset = "false", AT(struct draft_zone, require_tls),
	 .doc = "Refuse everything that does not come over TLS. This version has no TLS: only `false`."},
	{"zones.*.media", TYPE_LATER, .doc = "this version relays no media: remove the key"},

	{"domains", TYPE_NAMED, .required = true, ENTRIES(domains, struct draft_domain),
	 .doc = "The domains that we are responsible for, by name or address. At least one."},
	{"domains.*.registrar", TYPE_NAME, .preset = "local", AT(struct draft_domain, registrar),
	 .doc = "Who keeps the registrations of the domain. `local`: ringfence does."},

	{"peers", TYPE_NAMED, ENTRIES(peers, struct draft_peer),
	 .doc = "Trunks: what comes from their addresses needs no password."},
	{"peers.*.zone", TYPE_NAME, .required = true, AT(struct draft_peer, zone),
	 .doc = "The zone in which the peer is met; the same address in another zone is a stranger."},
	{"peers.*.sources", TYPE_PREFIXES, .required = true, AT(struct draft_peer, sources),
	 .doc = "Addresses and prefixes that the peer sends from. Where peers overlap the longest prefix wins."},
	{"peers.*.target", TYPE_TARGET, AT(struct draft_peer, target),
	 .doc = "Where requests to the peer go: `sip:ADDRESS:PORT`, with `;transport=tcp` for TCP. Default: port "
	        "5060, over UDP, of the source if that is one single address."},
	{"peers.*.requests", TYPE_COUNT, .preset = "20000", .words = "off", BETWEEN(1, 65535), AT(struct draft_peer, requests),
	 .doc = "Messages of each address of the peer (IPv4, or IPv6 /64) within `controls.flood.window`; what is over is "
	        "dropped unread (`flood.peer`). Whoever forges such an address gets no further. `standing.allow` lifts it."},
	{"peers.*.tls_identity", TYPE_LATER, .doc = NO_TLS ": remove the key"},

	{"upstreams", TYPE_NAMED, ENTRIES(upstreams, struct draft_upstream),
	 .doc = "Groups of servers behind the edge, for routes to point to."},
	{"upstreams.*.zone", TYPE_NAME, .required = true, AT(struct draft_upstream, zone),
	 .doc = "The zone whose listeners requests are sent from."},
	{"upstreams.*.targets", TYPE_TARGETS, .required = true, AT(struct draft_upstream, targets),
	 .doc = "The servers: `sip:ADDRESS:PORT`, with `;transport=tcp` for TCP, or `{uri: URI, backup: true}`. The "
	        "first is used, the next is tried when it fails, backups when all others failed."},
	{"upstreams.*.probe", TYPE_LATER, .doc = "this version does not probe upstreams: remove the key"},

	{"routes", TYPE_LIST, ENTRIES(routes, struct draft_route),
	 .doc = "Where requests go that are not for a local account: the first that matches. What matches none "
	        "is refused."},
	{"routes.*.from", TYPE_NAME, AT(struct draft_route, from),
	 .doc = "The peer that sent the request, or the zone that it came in by. Default: anyone who may call."},
	{"routes.*.match", TYPE_TEXT, AT(struct draft_route, match),
	 .doc = "Pattern for the user part (the number) of the Request-URI: `*` stands for any text, `?` for one "
	        "character, `\\*` for a star. In quotes. Default: any."},
	{"routes.*.domain", TYPE_TEXT, AT(struct draft_route, domain),
	 .doc = "The host of the Request-URI. Default: any domain or address of ours."},
	{"routes.*.to", TYPE_NAME, .required = true, AT(struct draft_route, to),
	 .doc = "The peer or upstream that gets the request."},

	{"accounts", TYPE_MAP, .doc = "Subscribers and their digests."},
	{"accounts.store", TYPE_STORE, .preset = "sqlite:ringfence.db", DRAFT(accounts_store),
	 .doc = "`sqlite:PATH`. A `subscriber` table of OpenSIPS or Kamailio is read as it is, and `dbaliases` beside it."},
	{"accounts.cache", TYPE_COUNT, .preset = "65536", BETWEEN(64, 16777216), CONF(accounts_cache),
	 .doc = "Accounts kept in memory, found or not found; twice the number of accounts keeps them all."},
	{"accounts.cache_lifetime", TYPE_DURATION, .preset = "1m", BETWEEN(USEC_SEC, 24 * HOUR),
	 CONF(accounts_cache_lifetime),
	 .doc = "How long an account is believed before the store is asked again."},

	{"state", TYPE_MAP, .doc = "What outlives a restart: registrations, keys."},
	{"state.store", TYPE_STORE, .preset = "sqlite:ringfence.db", DRAFT(state_store), .doc = "`sqlite:PATH`."},

	{"controls", TYPE_MAP, .doc = "The guards in the path of a request. A control that is not named is at its default."},
	{"controls.check", TYPE_MAP, .doc = "Validity of messages: RFC 3261 §16.3, sizes, duplicates, smuggling."},
	{"controls.check.mode", TYPE_WORD, .preset = "enforce", .words = MODES, CONF(check_mode),
	 .doc = "`enforce`: refuse. `observe`: count and record what would have been refused. `off`: neither."},
	{"controls.auth", TYPE_MAP, .doc = "Digest authentication: RFC 3261 §22, RFC 7616, RFC 8760."},
	{"controls.auth.mode", TYPE_WORD, .preset = "enforce", .words = MODES, CONF(auth.mode),
	 .doc = "With `observe` or `off` nobody needs a password: the edge is open to everyone."},
	{"controls.auth.algorithms", TYPE_WORDS, .preset = "[MD5]", .words = DRAFT_ALGORITHMS,
	 DRAFT(algorithms),
	 .doc = "What is offered, in this order; phones take the first that they know. Many phones fail when they are offered one that they do not know: add `SHA-256` when yours do (docs/decisions/0001-algorithms-offered.md)."},
	{"controls.auth.nonce_lifetime", TYPE_DURATION, .preset = "1m", BETWEEN(5 * USEC_SEC, HOUR),
	 CONF(auth.nonce_lifetime),
	 .doc = "How long a challenge can be answered. Older ones are answered with a new challenge, no password is asked again."},
	{"controls.auth.rfc2069", TYPE_BOOL, .preset = "false", CONF(auth.rfc2069),
	 .doc = "Accept answers without qop, as phones older than RFC 2617 give them. They can be replayed while the nonce lives."},
	{"controls.flood", TYPE_MAP, .doc = "How much may be sent before anything is read: floods of one source, of one prefix, of very many sources. What is over is dropped unread."},
	{"controls.flood.mode", TYPE_WORD, .preset = "enforce", .words = MODES, CONF(flood.mode),
	 .doc = "`enforce`: drop. `observe`: count and record what would have been dropped. `off`: neither."},
	{"controls.flood.requests", TYPE_COUNT, .preset = "60", .words = "off", BETWEEN(1, 65535), CONF(flood.requests),
	 .doc = "Messages of a source that nobody logged in from, within `window`."},
	{"controls.flood.suspect_requests", TYPE_COUNT, .preset = "20", .words = "off", BETWEEN(1, 65535), CONF(flood.suspect_requests),
	 .doc = "Likewise of a suspect source."},
	{"controls.flood.known_requests", TYPE_COUNT, .preset = "1200", .words = "off", BETWEEN(1, 65535), CONF(flood.known_requests),
	 .doc = "Likewise of an address with known users, all its devices together."},
	{"controls.flood.flow_requests", TYPE_COUNT, .preset = "600", .words = "off", BETWEEN(1, 65535), CONF(flood.flow_requests),
	 .doc = "Likewise of one device (address and port) that logged in: a budget of its own, that nobody else at its address can spend."},
	{"controls.flood.prefix_requests", TYPE_COUNT, .preset = "600", .words = "off", BETWEEN(1, 65535), CONF(flood.prefix_requests),
	 .doc = "Likewise of all strangers of an IPv4 /24 or IPv6 /48 together."},
	{"controls.flood.wide_requests", TYPE_COUNT, .preset = "6000", .words = "off", BETWEEN(1, 100000000), CONF(flood.wide_requests),
	 .doc = "Likewise of an IPv4 /16 or IPv6 /32, by estimate."},
	{"controls.flood.window", TYPE_DURATION, .preset = "2s", BETWEEN(100 * USEC_MS, 5 * USEC_MIN), CONF(flood.window),
	 .doc = "The time within which messages are counted; it slides."},
	{"controls.flood.release", TYPE_DURATION, .preset = "30s", BETWEEN(100 * USEC_MS, HOUR), CONF(flood.release),
	 .doc = "A source over its threshold is let in again when it stayed below for so long."},
	{"controls.overload", TYPE_MAP, .doc = "When there is more to do than can be done, strangers are sent away first."},
	{"controls.overload.mode", TYPE_WORD, .preset = "enforce", .words = MODES, CONF(overload.mode),
	 .doc = "`enforce`: answer strangers with 503. `observe`: count and record. `off`: neither."},
	{"controls.overload.lag", TYPE_DURATION, .preset = "50ms", BETWEEN(USEC_MS, 10 * USEC_SEC), CONF(overload.lag),
	 .doc = "How long a message may have waited for its worker before strangers are sent away."},
	{"controls.overload.retry_after", TYPE_DURATION, .preset = "5s", BETWEEN(USEC_SEC, HOUR), DRAFT(retry_after_s),
	 .doc = "When they are told to come again."},
	{"controls.scan", TYPE_MAP, .doc = "Scanners, told by what they send, trying many users, sweeping with OPTIONS, decoys, unknown methods (docs/scanners.md)."},
	{"controls.scan.mode", TYPE_WORD, .preset = "enforce", .words = MODES, CONF(scan.mode),
	 .doc = "`enforce`: drop what scanners send. `observe`: count and record what would have been dropped. `off`: neither."},
	{"controls.scan.decoys", TYPE_SEVERAL, .preset = "[]", DRAFT(decoys),
	 .doc = "User names that nobody has and only a guesser tries, like `[admin, \"100\"]`. They are answered as all others are."},
	{"controls.scan.signatures", TYPE_PATH, DRAFT(signatures),
	 .doc = "A file with more signatures of scanners, or fewer, than those that are built in (docs/scanners.md)."},
	{"controls.scan.users", TYPE_COUNT, .preset = "10", .words = "off", BETWEEN(1, CONF_SCAN_USERS_MAX), CONF(scan.users),
	 .doc = "Different users that an address may try within `window` before anyone logs in from it."},
	{"controls.scan.sweep", TYPE_COUNT, .preset = "20", .words = "off", BETWEEN(1, 65535), CONF(scan.sweep),
	 .doc = "OPTIONS of an address within `window`, before anyone logs in from it."},
	{"controls.scan.methods", TYPE_COUNT, .preset = "5", .words = "off", BETWEEN(1, 65535), CONF(scan.methods),
	 .doc = "Likewise requests of methods that are not known."},
	{"controls.scan.window", TYPE_DURATION, .preset = "1m", BETWEEN(USEC_SEC, HOUR), CONF(scan.window),
	 .doc = "The time within which these are counted; it slides."},
	{"controls.guessing", TYPE_MAP, .doc = "Guessing of passwords, told by failed log-ins (docs/scanners.md)."},
	{"controls.guessing.mode", TYPE_WORD, .preset = "enforce", .words = MODES, CONF(guessing.mode),
	 .doc = "`enforce`: findings, and accounts under attack are closed to places where their owner never was. `observe`: count and record only. `off`: neither."},
	{"controls.guessing.pair", TYPE_COUNT, .preset = "5", .words = "off", BETWEEN(1, 65535), CONF(guessing.pair),
	 .doc = "Failed log-ins of one address at one account, within `window`."},
	{"controls.guessing.source", TYPE_COUNT, .preset = "10", .words = "off", BETWEEN(1, 65535), CONF(guessing.source),
	 .doc = "Likewise of one address at any account."},
	{"controls.guessing.account", TYPE_COUNT, .preset = "20", .words = "off", BETWEEN(1, 65535), CONF(guessing.account),
	 .doc = "Likewise at one account from all places where its owner never was, or so many such places within a day: the account is under attack."},
	{"controls.guessing.prefix", TYPE_COUNT, .preset = "100", .words = "off", BETWEEN(1, 65535), CONF(guessing.prefix),
	 .doc = "Likewise of one IPv4 /24 or IPv6 /48 at any account."},
	{"controls.guessing.window", TYPE_DURATION, .preset = "10m", BETWEEN(USEC_SEC, 24 * HOUR), CONF(guessing.window),
	 .doc = "The time within which these are counted; it slides."},
	{"controls.guessing.lock", TYPE_DURATION, .preset = "10m", BETWEEN(USEC_SEC, 24 * HOUR), CONF(guessing.lock),
	 .doc = "How long an account under attack stays closed to new places, from the last place that failed on."},
	{"controls.limits", TYPE_LIST, .preset = "[]", ENTRIES(limits, struct draft_limit),
	 .doc = "So many requests in so much time: any number of limits up to 64, asked in their order until one refuses (docs/limits.md)."},
	{"controls.limits.*.name", TYPE_TEXT, .required = true, AT(struct draft_limit, name),
	 .doc = "For events and `ringfence status`; also keeps what was counted across a reload."},
	{"controls.limits.*.mode", TYPE_WORD, .preset = "enforce", .words = MODES, AT(struct draft_limit, mode),
	 .doc = "`observe`: count and record what would have been refused. `off`: neither."},
	{"controls.limits.*.match", TYPE_MAP, .doc = "Which requests: those for which all keys that stand here hold."},
	{"controls.limits.*.match.method", TYPE_SEVERAL, AT(struct draft_limit, method),
	 .doc = "Default: all but ACK and CANCEL, which are never limited."},
	{"controls.limits.*.match.zone", TYPE_NAME, AT(struct draft_limit, zone),
	 .doc = "The zone that the request came in by."},
	{"controls.limits.*.match.tier", TYPE_SEVERAL, .words = DRAFT_TIERS, AT(struct draft_limit, tier),
	 .doc = "What the source has earned (docs/standing.md)."},
	{"controls.limits.*.match.peer", TYPE_NAME, AT(struct draft_limit, peer),
	 .doc = "The peer that sent the request."},
	{"controls.limits.*.match.domain", TYPE_TEXT, AT(struct draft_limit, domain),
	 .doc = "The domain of ours that the request is from (From; of a REGISTER To), or else the one that it is for."},
	{"controls.limits.*.match.account", TYPE_WORD, .preset = "any", .words = DRAFT_ACCOUNT, AT(struct draft_limit, account),
	 .doc = "`true`: the request says that it is from a user of a domain of ours, and no peer sent it. `false`: it does not."},
	{"controls.limits.*.per", TYPE_WORD, .preset = "source", .words = DRAFT_PER, AT(struct draft_limit, per),
	 .doc = "Who has an allowance of its own: each address (IPv6: /64), network (/24, /48), account (asked after the log-in), peer, called user; or all together."},
	{"controls.limits.*.algorithm", TYPE_WORD, .preset = "token-bucket", .words = DRAFT_LIMIT_ALGORITHMS,
	 AT(struct draft_limit, algorithm),
	 .doc = "`feedback` goes by our own CPU load and `network` by the fill of the receive queues, all others by `rate`."},
	{"controls.limits.*.rate", TYPE_TEXT, AT(struct draft_limit, rate),
	 .doc = "Requests a time: `10/s`, `5/m`, `100/h`. Needed, but for `feedback` and `network`."},
	{"controls.limits.*.burst", TYPE_COUNT, BETWEEN(1, 65535), AT(struct draft_limit, burst),
	 .doc = "Of `token-bucket`: requests that may come at once. Default: as many as `rate` has."},
	{"controls.limits.*.target", TYPE_TEXT, AT(struct draft_limit, target),
	 .doc = "Of `feedback`: the load of one core that is aimed at, default `80%`. Of `network`: the fill from which on requests are refused, default `50%`."},
	{"controls.limits.*.answer", TYPE_TEXT, .preset = "429", AT(struct draft_limit, answer),
	 .doc = "The status code of the refusal, 400 to 699, or `drop` to answer nothing."},
	{"controls.limits.*.retry_after", TYPE_DURATION, BETWEEN(USEC_SEC, HOUR), AT(struct draft_limit, retry_after),
	 .doc = "What the refusal tells in Retry-After. Default: when the next request would pass."},
	{"controls.limit_keys", TYPE_COUNT, .preset = "65536", BETWEEN(64, 16777216), CONF(limit_keys),
	 .doc = "Addresses, accounts and so on whose use of limits is remembered, of all limits together. Memory is taken only if there are limits."},
	{"controls.fraud", TYPE_LATER, .doc = NO_CONTROL},
	{"controls.topology", TYPE_LATER, .doc = NO_CONTROL},
	{"controls.media", TYPE_LATER, .doc = NO_CONTROL},

	{"events", TYPE_LIST, .preset = "[{file: events.jsonl}]", ENTRIES(sinks, struct draft_sink),
	 .doc = "Where the record of every verdict goes (docs/siem.md). Each entry is one sink, at most eight; it has one of `file`, "
	        "`stdout`, `syslog`, `fail2ban`, `webhook`, `exec`, `hep`, and what else it needs. `[]` for none."},
	{"events.*.file", TYPE_PATH, AT(struct draft_sink, file),
	 .doc = "Appends to this file, one JSON object a line; reopened on reload, for log rotation."},
	{"events.*.stdout", TYPE_BOOL, .preset = "false", AT(struct draft_sink, to_stdout), .doc = "Writes to standard output."},
	{"events.*.syslog", TYPE_TEXT, AT(struct draft_sink, syslog),
	 .doc = "Sends RFC 5424 messages to `unix:/dev/log`, `udp:HOST:PORT` or `tcp:HOST:PORT` (with octet counting, RFC 6587)."},
	{"events.*.fail2ban", TYPE_PATH, AT(struct draft_sink, fail2ban),
	 .doc = "Appends to this file one line for each failed log-in, scan and ban, and for nothing else, for fail2ban."},
	{"events.*.webhook", TYPE_TEXT, AT(struct draft_sink, webhook),
	 .doc = "Posts events, up to 100 as one JSON array, to `https://HOST/PATH`, or with `http://` to this machine only. No redirects."},
	{"events.*.exec", TYPE_SEVERAL, AT(struct draft_sink, exec),
	 .doc = "Runs a program for each event, one after the other: a path, or `[PATH, ARGUMENT, ...]`. Never a shell. The event is on its standard input as JSON, what ringfence itself words of it in `RINGFENCE_...`."},
	{"events.*.hep", TYPE_TEXT, AT(struct draft_sink, hep),
	 .doc = "Sends HEP3 to a capture server such as Homer: `udp:HOST:PORT`."},
	{"events.*.only", TYPE_WORDS, .words = DRAFT_VERDICTS, AT(struct draft_sink, only),
	 .doc = "Only these verdicts (`change`: changes of state). Default: all. All filters of a sink must fit."},
	{"events.*.reasons", TYPE_SEVERAL, AT(struct draft_sink, reasons),
	 .doc = "Only these reasons: a name, or a control for all of its reasons: `[auth, standing.banned]`. Default: all."},
	{"events.*.tiers", TYPE_SEVERAL, .words = DRAFT_SINK_TIERS, AT(struct draft_sink, tiers),
	 .doc = "Only events about sources of these tiers. Default: all."},
	{"events.*.format", TYPE_WORD, .preset = "json", .words = DRAFT_SINK_FORMATS, AT(struct draft_sink, cef),
	 .doc = "What `file`, `stdout` and `syslog` write: JSON, or ArcSight's Common Event Format (docs/events.md has the keys)."},
	{"events.*.facility", TYPE_WORD, .preset = "local0", .words = DRAFT_FACILITIES, AT(struct draft_sink, facility),
	 .doc = "Facility of `syslog`."},
	{"events.*.token_file", TYPE_PATH, AT(struct draft_sink, token_file),
	 .doc = "A file whose first line is the token that `webhook` shows (`Authorization: Bearer`), or a whole header, `Name: value`. "
	        "Read again on reload."},
	{"events.*.ca", TYPE_PATH, AT(struct draft_sink, ca),
	 .doc = "Certificates that the server of `webhook` may be signed by. Default: those of the system."},
	{"events.*.allow_private", TYPE_BOOL, .preset = "false", AT(struct draft_sink, allow_private),
	 .doc = "`webhook` may go to private, link-local and loopback addresses, too."},
	{"events.*.timeout", TYPE_DURATION, .preset = "10s", BETWEEN(100 * USEC_MS, 5 * USEC_MIN), AT(struct draft_sink, timeout),
	 .doc = "How long a request of `webhook` may take as a whole; how long a program of `exec` may run before it is killed."},
	{"events.*.capture_id", TYPE_COUNT, .preset = "2001", BETWEEN(1, UINT32_MAX), AT(struct draft_sink, capture_id),
	 .doc = "By which `hep` names this machine to the capture server."},
	{"events.*.queue", TYPE_SIZE, .preset = "1MiB", BETWEEN(64 * KIB, 64 * MIB), AT(struct draft_sink, queue),
	 .doc = "How much may wait while it cannot be written; twice this is taken at start. What is more is lost and counted."},

	{"history", TYPE_MAP, .doc = "The record of what happened lately, from which `ringfence why` tells."},
	{"history.memory", TYPE_SIZE, .preset = "16MiB", .words = "off", BETWEEN(256 * KIB, 4096 * MIB), CONF(history_memory),
	 .doc = "Its memory, taken at start: an event is some 400 bytes. What is older is looked up in the files of `events`; with `off`, everything."},

	{"admin", TYPE_MAP, .doc = "How commands and Prometheus reach the running daemon."},
	{"admin.listen", TYPE_SEVERAL, .preset = "unix:" CONF_SOCKET_NAME, DRAFT(admin_listen),
	 .doc = "Where commands (`unix:PATH`) and Prometheus (`http:ADDRESS:PORT` or `http:unix:PATH`) find it, one or a list. The control "
	        "socket `unix:PATH` must be there once; beyond loopback HTTP needs `admin.token_file`."},
	{"admin.token_file", TYPE_PATH, DRAFT(admin_token_file),
	 .doc = "A file with the token that HTTP clients must show as `Authorization: Bearer TOKEN`: 16 to 256 printable characters, "
	        "no blanks. `/healthz` needs none. Keep the file from others' eyes; it is read at start and on reload."},

	{"node", TYPE_TEXT, DRAFT(node_name), .doc = "Name of this machine in events. Default: the host name."},
	{"workers", TYPE_COUNT, BETWEEN(1, CONF_WORKERS_MAX), DRAFT(workers),
	 .doc = "Threads that handle messages. Default: one for each core, at most 64."},

	{"sip", TYPE_MAP, .doc = "Limits and timers of RFC 3261. A message over a limit is refused."},
	{"sip.max_message", TYPE_SIZE, .preset = "65535", BETWEEN(1500, 65535), CONF(sip.max_message),
	 .doc = "Bytes of one message: what a stranger can make us hold before it is complete."},
	{"sip.max_headers", TYPE_COUNT, .preset = "128", BETWEEN(16, 512), CONF(sip.max_headers),
	 .doc = "Header fields of one message: bounds the work of looking one up."},
	{"sip.max_header_name", TYPE_SIZE, .preset = "128", BETWEEN(32, 255), CONF(sip.max_header_name),
	 .doc = "Bytes of a header name."},
	{"sip.max_header_value", TYPE_SIZE, .preset = "8KiB", BETWEEN(256, 65535), CONF(sip.max_header_value),
	 .doc = "Bytes of a header value: bounds what a header can make its parser do."},
	{"sip.t1", TYPE_DURATION, .preset = "500ms", BETWEEN(10 * USEC_MS, 10 * USEC_SEC), CONF(sip.t1),
	 .doc = "T1, the round trip that retransmissions start from; a transaction gives up after 64 × T1."},
	{"sip.t2", TYPE_DURATION, .preset = "4s", BETWEEN(10 * USEC_MS, USEC_MIN), CONF(sip.t2),
	 .doc = "T2, the longest gap between retransmissions."},
	{"sip.t4", TYPE_DURATION, .preset = "5s", BETWEEN(10 * USEC_MS, USEC_MIN), CONF(sip.t4),
	 .doc = "T4, how long a message can stay in the network."},
	{"sip.timer_c", TYPE_DURATION, .preset = "185s", BETWEEN(USEC_SEC, HOUR), CONF(sip.timer_c),
	 .doc = "How long a call may ring before it is cancelled; RFC 3261 wants more than 3 minutes."},
	{"sip.max_forwards", TYPE_COUNT, .preset = "70", BETWEEN(1, 255), CONF(sip.max_forwards),
	 .doc = "Max-Forwards given to a request that has none."},
	{"sip.max_breadth", TYPE_COUNT, .preset = "60", BETWEEN(1, 255), CONF(sip.max_breadth),
	 .doc = "Branches that a request may have at once over all proxies (RFC 5393)."},
	{"sip.transactions", TYPE_COUNT, .preset = "65536", BETWEEN(256, 4194304), CONF(sip.transactions),
	 .doc = "Transactions at once, in all."},
	{"sip.transaction_memory", TYPE_SIZE, .preset = "64MiB", BETWEEN(MIB, 65536 * MIB), CONF(sip.transaction_memory),
	 .doc = "Memory for the messages of transactions, in all."},

	{"tcp", TYPE_MAP, .doc = "Limits and deadlines of TCP connections."},
	{"tcp.connections", TYPE_COUNT, .preset = "4096", BETWEEN(16, 786432), CONF(tcp.connections),
	 .doc = "Connections at once that are accepted, in all. Three quarters of them are for anybody; the last quarter is kept for sources that logged in, peers and the allow-list."},
	{"tcp.connections_per_source", TYPE_COUNT, .preset = "64", BETWEEN(1, 65535), CONF(tcp.connections_per_source),
	 .doc = "Connections of one IPv4 address or IPv6 /64."},
	{"tcp.idle", TYPE_DURATION, .preset = "15m", BETWEEN(USEC_SEC, 24 * HOUR), CONF(tcp.idle),
	 .doc = "A connection without traffic is closed after this."},
	{"tcp.first_message", TYPE_DURATION, .preset = "10s", BETWEEN(100 * USEC_MS, 5 * USEC_MIN), CONF(tcp.first_message),
	 .doc = "A new connection must have sent a whole message by then."},
	{"tcp.message", TYPE_DURATION, .preset = "10s", BETWEEN(100 * USEC_MS, 5 * USEC_MIN), CONF(tcp.message),
	 .doc = "A message that has begun must be whole by then."},
	{"tcp.connect", TYPE_DURATION, .preset = "3s", BETWEEN(100 * USEC_MS, USEC_MIN), CONF(tcp.connect),
	 .doc = "How long connecting to another may take."},
	{"tcp.write_queue", TYPE_SIZE, .preset = "256KiB", BETWEEN(64 * KIB, 64 * MIB), CONF(tcp.write_queue),
	 .doc = "Bytes that wait for a slow reader before its connection is closed."},

	{"registrar", TYPE_MAP, .doc = "Registrations at local domains (RFC 3261 §10)."},
	{"registrar.min_expires", TYPE_DURATION, .preset = "1m", BETWEEN(USEC_SEC, 24 * HOUR), CONF(registrar.min_expires_s),
	 .doc = "Shorter registrations are refused with 423."},
	{"registrar.default_expires", TYPE_DURATION, .preset = "1h", BETWEEN(USEC_SEC, 7 * 24 * HOUR), CONF(registrar.default_expires_s),
	 .doc = "For phones that ask for no time."},
	{"registrar.max_expires", TYPE_DURATION, .preset = "2h", BETWEEN(USEC_SEC, 30 * 24 * HOUR), CONF(registrar.max_expires_s),
	 .doc = "Longer registrations are shortened to this."},
	{"registrar.max_contacts", TYPE_COUNT, .preset = "10", BETWEEN(1, 64), CONF(registrar.max_contacts),
	 .doc = "Phones of one account."},
	{"registrar.max_bindings", TYPE_COUNT, .preset = "100000", BETWEEN(16, 16777216), CONF(registrar.max_bindings),
	 .doc = "Registrations in all; their memory is taken at start."},
	{"registrar.keepalive", TYPE_DURATION, .preset = "off", .words = "off", BETWEEN(5 * USEC_SEC, HOUR), CONF(registrar.keepalive),
	 .doc = "Sends a keep-alive to registered phones this often, so that NATs keep the way open; or `off`."},

	{"standing", TYPE_MAP, .doc = "What a source has earned by all that it did: findings raise its score, which halves with time; log-ins make it known (docs/standing.md)."},
	{"standing.mode", TYPE_WORD, .preset = "enforce", .words = MODES, CONF(standing.mode),
	 .doc = "`enforce`: ban. `observe`: keep scores, record what would have been banned. `off`: keep no scores."},
	{"standing.half_life", TYPE_DURATION, .preset = "10m", BETWEEN(USEC_SEC, 24 * HOUR), CONF(standing.half_life),
	 .doc = "A score halves in this time."},
	{"standing.suspect", TYPE_COUNT, .preset = "5", BETWEEN(1, 1000000), CONF(standing.suspect),
	 .doc = "From this score on a source is served last and may send less."},
	{"standing.deny", TYPE_COUNT, .preset = "10", BETWEEN(1, 1000000), CONF(standing.deny),
	 .doc = "From this score on a source is banned, if it proved that it is at its address."},
	{"standing.ban", TYPE_DURATION, .preset = "10m", BETWEEN(USEC_SEC, 365 * 24 * HOUR), CONF(standing.ban),
	 .doc = "How long a first ban lasts; each further one lasts twice as long."},
	{"standing.ban_max", TYPE_DURATION, .preset = "24h", BETWEEN(USEC_SEC, 365 * 24 * HOUR), CONF(standing.ban_max),
	 .doc = "The longest ban."},
	{"standing.allow", TYPE_PREFIXES, .preset = "[]", DRAFT(allow),
	 .doc = "Addresses and prefixes that are trusted: never banned, never held, never counted. They still have to log in."},
	{"standing.devices", TYPE_COUNT, .preset = "3", BETWEEN(1, 255), CONF(standing.devices),
	 .doc = "Behind an address with known users devices are banned one by one; when so many are, the address is, but for those that logged in and did nothing."},
	{"standing.known", TYPE_DURATION, .preset = "24h", BETWEEN(USEC_MIN, 365 * 24 * HOUR), CONF(standing.known),
	 .doc = "How long a log-in makes its source known."},
	{"standing.challenged", TYPE_DURATION, .preset = "5s", BETWEEN(100 * USEC_MS, USEC_MIN), CONF(standing.challenged),
	 .doc = "How long the answer to a challenge is let through whatever else comes from its source."},
	{"standing.sources", TYPE_COUNT, .preset = "65536", BETWEEN(1024, 16777216), CONF(standing.sources),
	 .doc = "Sources that are remembered; their memory is taken at start. Strangers do not push out those that are banned or known while there are about four times as many places as those need (an address and a device each)."},
	{"standing.weights", TYPE_WEIGHTS, DRAFT(weights),
	 .doc = "What a finding adds to the score of its source, by the name of its reason, where it is to differ from docs/reasons.md. 0 adds nothing."},

	{"enforce", TYPE_WORDS, .preset = "[ledger]", .words = DRAFT_ENFORCE, DRAFT(enforce),
	 .doc = "Where bans are carried out (docs/enforcement.md). `ledger`: by ringfence itself, always. `nftables`, `xdp`: in the kernel too, where what a banned source sends costs next to nothing; needs the helper."},
	{"nftables", TYPE_MAP, .doc = "Bans in a table of nftables that is ringfence's own; no other table is touched."},
	{"nftables.table", TYPE_TEXT, .preset = "ringfence", DRAFT(nft_table),
	 .doc = "The name of the table (family inet): 1 to 32 of a to z, 0 to 9 and _, the first a letter."},
	{"nftables.ports", TYPE_WORD, .preset = "listeners", .words = "listeners|all", CONF(enforcement.all_ports),
	 .doc = "With `listeners` only what a banned source sends to the ports of our listeners is dropped, so that nobody behind the same address loses ssh; with `all` whatever it sends to this machine. Of `xdp`, too."},
	{"nftables.keep", TYPE_BOOL, .preset = "false", CONF(enforcement.keep),
	 .doc = "Leave the table with its bans in place when ringfence stops; each ban still ends at its time. XDP's end with the helper."},
	{"xdp", TYPE_MAP, .doc = "Bans in the driver of the network card, before the kernel spends anything on a packet."},
	{"xdp.interfaces", TYPE_SEVERAL, .preset = "[]", DRAFT(interfaces),
	 .doc = "The network interfaces, like `[eth0]`. Default: those with Ethernet that have the addresses of the listeners in zones without trust."},
	{"xdp.mode", TYPE_WORD, .preset = "auto", .words = "auto|native|generic", CONF(enforcement.xdp_mode),
	 .doc = "With `native` in the driver; with `generic` behind it, with every driver, at more cost; with `auto` native, or else generic."},
	{"helper", TYPE_TEXT, .preset = "auto", DRAFT(helper),
	 .doc = "The process with the privilege to change the firewall. With `start` ringfence starts it, which needs CAP_NET_ADMIN at the start; with `unix:PATH` it runs as a service of its own and listens there; with `auto` it is asked at /run/ringfence-helper.sock if there is such a socket, else it is started if that is allowed."},
	{"privileges", TYPE_MAP, .doc = "What the process that reads packets of strangers may do once it has started (docs/privileges.md)."},
	{"privileges.user", TYPE_TEXT, DRAFT(user),
	 .doc = "The user that ringfence becomes when it is started by root. Default: it stays who it is; as root, too, it gives up every capability, but then still owns root's files."},
	{"privileges.sandbox", TYPE_WORD, .preset = "enforce", .words = "enforce|off", CONF(privileges.sandbox_off),
	 .doc = "`enforce`: the system calls that are not needed, and the files that neither this configuration nor the system's libraries need, are refused by the kernel. `off`: neither is."},
	{"tls", TYPE_LATER, .doc = NO_TLS ": remove the key"},
};
/* clang-format on */

const size_t schema_count = ARRAY_LEN(schema);

static size_t prefix_length(const struct schema_key *parent)
{
	if (!parent)
		return 0;
	return strlen(parent->path) + (parent->type == TYPE_MAP ? 1 : 3);
}

struct span schema_leaf(const struct schema_key *row)
{
	const char *dot = strrchr(row->path, '.');

	return span_str(dot ? dot + 1 : row->path);
}

const struct schema_key *schema_next(const struct schema_key *parent, const struct schema_key *row)
{
	size_t n = prefix_length(parent);

	for (row = row ? row + 1 : schema; row < schema + schema_count; row++)
		if ((!parent || (strncmp(row->path, parent->path, strlen(parent->path)) == 0 &&
				    strlen(row->path) > n && row->path[n - 1] == '.')) &&
		    !strchr(row->path + n, '.'))
			return row;
	return NULL;
}

const struct schema_key *schema_find(const struct schema_key *parent, struct span key)
{
	const struct schema_key *row = schema_next(parent, NULL);

	while (row && !span_eq(schema_leaf(row), key))
		row = schema_next(parent, row);
	return row;
}

bool schema_is_container(const struct schema_key *row)
{
	return row->type == TYPE_MAP || row->type == TYPE_NAMED || row->type == TYPE_LIST;
}

struct span schema_word(const char *words, size_t i)
{
	struct span rest = span_str(words), word = SPAN("");

	for (size_t k = 0; k <= i; k++) {
		if (!rest.n)
			return SPAN("");
		span_cut(&rest, '|', &word);
	}
	return word;
}

int schema_word_index(const char *words, struct span word)
{
	for (size_t i = 0; schema_word(words, i).n; i++)
		if (span_eq(schema_word(words, i), word))
			return (int)i;
	return -1;
}

void schema_add_words(struct buf *b, const char *words)
{
	for (size_t i = 0; schema_word(words, i).n; i++) {
		if (i)
			buf_add_span(b, schema_word(words, i + 1).n ? SPAN(", ") : SPAN(" or "));
		buf_add_span(b, schema_word(words, i));
	}
}
