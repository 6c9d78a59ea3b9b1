/* SPDX-License-Identifier: MIT
 *
 * What guard/guessing says of a log-in, and what it is told, as stage_authenticate needs it. */
#ifndef EDGE_GUESS_H
#define EDGE_GUESS_H

#include "edge/pass.h"

struct edge;

/* The account is under attack and its owner was never here, or far too much was guessed from here
 * and this flow did not log in before: whatever the password is, it is
 * answered like a wrong one. False in mode observe, too, where guess_concluded tells what would
 * have been.
 */
bool guess_is_closed(const struct pass *p, const struct auth_facts *f, const struct auth_claim *c);

/* The outcome of a log-in, after p->account_user and p->account_domain were set: counted, and what
 * follows from it told. */
void guess_concluded(
    struct pass *p, const struct auth_facts *f, const struct auth_claim *c, enum auth_outcome o);

/* At start: where phones are registered from, their owners were. */
void guess_restore(struct edge *e, usec_t now, usec_t wall);

#endif
