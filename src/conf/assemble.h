/* SPDX-License-Identifier: MIT
 *
 * From the draft to the snapshot: values that need more than the schema, and everything that must
 * fit together (names that exist, addresses that differ, a least below its most). Reports all that
 * is wrong; what could not be made is left out, so a snapshot with errors is never given out. */
#ifndef CONF_ASSEMBLE_H
#define CONF_ASSEMBLE_H

#include "conf/draft.h"
#include "conf/snapshot.h"

struct assembly {
	struct draft *draft;
	struct conf *conf;   /* of the snapshot; plain values stand already */
	struct arena *arena; /* of the snapshot */
	struct conf_errors *errs;
	bool nomem;
};

/* False only when there is no memory. */
NODISCARD bool assemble(struct assembly *a);

/* Its parts, in the order in which they depend on each other. */
void assemble_zones(struct assembly *a);
void assemble_domains(struct assembly *a);
void assemble_peers(struct assembly *a);
void assemble_upstreams(struct assembly *a);
void assemble_routes(struct assembly *a);
void assemble_sinks(struct assembly *a);
void assemble_limits(struct assembly *a);
void assemble_scan(struct assembly *a);
void assemble_standing(struct assembly *a);
void assemble_enforcement(struct assembly *a);
void assemble_privileges(struct assembly *a);
void assemble_admin(struct assembly *a);

/* What they share. ------------------------------------------------------------------------- */

/* Reports at a value: `peers.a.sources "10.0.0.1/8": why`. Place and value come from n. `where` is
 * the path, with name (n > 0) between its two halves. */
void assemble_wrong(struct assembly *a, const struct node *n, const char *section, struct span name,
    const char *key, const char *why);

/* A copy that lives as long as the snapshot. */
struct span assemble_dup(struct assembly *a, struct span s);
struct span assemble_lower(struct assembly *a, struct span s); /* in lower case */

/* count zeroed objects of that size; NULL (and a->nomem) without memory. */
void *assemble_array(struct assembly *a, size_t count, size_t size);

/* Letters, digits, - _ and ., the first a letter or digit; 1 to 64 of them. */
bool assemble_is_name(struct span s);

/* The name of an entry is one. Reports and says false else. */
bool assemble_check_name(struct assembly *a, const struct node *n, const char *section);

/* Reports a name that is nobody's, with the nearest or all of `known`. */
void assemble_unknown_name(struct assembly *a, const struct node *n, const char *section,
    struct span name, const char *key, const char *what, const struct span *known, size_t count);

/* Index of the zone that the node names, or CONF_NONE, reported. */
size_t assemble_zone_ref(
    struct assembly *a, const struct node *n, const char *section, struct span name);

/* A target from its URI: an address that the zone can reach and that is not our own. False,
 * reported, when it is not. */
bool assemble_target(struct assembly *a, const struct node *n, const char *section,
    struct span name, const char *key, size_t zone, struct conf_target *out_target);

/* An address or a prefix; one that takes in everyone is refused with the sentence `everyone`.
 * False, reported, when it is not one. */
bool assemble_prefix(struct assembly *a, const struct node *n, const char *section,
    struct span name, const char *key, const char *everyone, struct prefix *out_p);

/* "sip.db" becomes "/etc/ringfence/sip.db". */
struct span assemble_path(struct assembly *a, struct span path);

#endif
