/* SPDX-License-Identifier: MIT
 *
 * What the table of bindings costs: nanoseconds for a refresh, a lookup and a whole registration at
 * growing numbers of AoRs, in random order, and bytes for a binding. One thread, its CPU time, so
 * that what else runs here counts only by the caches it takes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/rng.h"
#include "edge/registrar.h"
#include "store/binding_log.h"
#include "store/sqlite.h"

#define WALL (1700000000 * USEC_SEC)

static uint64_t nanoseconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool refresh(void *arg, struct binding_set *s)
{
	const struct binding *new = arg;

	if (s->n == 0)
		s->n = 1;
	s->items[0] = *new;
	return true;
}

/* What an ordinary desk phone behind NAT sends. */
static void phone(struct binding *b, char contact[128], unsigned i, uint32_t cseq)
{
	*b = (struct binding){
	    .call_id = SPAN("8f3c2a1e-7b64-4c1d-9a55-3e2f1d0c9b8a"),
	    .instance = SPAN("<urn:uuid:0c67446e-f1a1-11d9-94d3-000a95a0e128>"),
	    .user_agent = SPAN("Yealink SIP-T46U 108.86.0.20"),
	    .flow = {.transport = TRANSPORT_UDP,
		.remote = {.port = 40000},
		.local = {.port = 5060}},
	    .expires_at = WALL + 3600 * USEC_SEC,
	    .registered_at = WALL,
	    .updated_at = WALL + cseq,
	    .cseq = cseq,
	    .q = BINDING_Q_MAX,
	};
	b->contact =
	    span_of(contact, (size_t)snprintf(contact, 128, "sip:user%u@192.168.%u.%u:5060;line=%u",
				 i, i >> 8 & 255, i & 255, i * 2654435761u));
}

static void one(struct bindings *t, unsigned i, uint32_t cseq, struct binding_set *s)
{
	char aor[64], contact[128];
	struct binding b;
	int n = snprintf(aor, sizeof(aor), "user%u@example.com", i);

	phone(&b, contact, i, cseq);
	if (bindings_update(t, span_of(aor, (size_t)n), WALL, s, refresh, &b) != OK)
		abort();
}

/* The same through RFC 3261 §10.3. */
static void registration(struct bindings *t, unsigned i, uint32_t cseq, struct binding_set *s)
{
	char aor[64], contact[128], answer[1024];
	struct registrar_policy policy;
	struct registrar_result r;
	struct buf out = BUF(answer);
	struct binding b;
	int n = snprintf(aor, sizeof(aor), "user%u@example.com", i);

	phone(&b, contact, i, cseq);
	registrar_policy_init(&policy);
	struct registrar_contact c = {.uri = b.contact, .instance = b.instance, .q = BINDING_Q_MAX};
	struct registrar_request req = {
	    .aor = span_of(aor, (size_t)n),
	    .call_id = b.call_id,
	    .cseq = cseq,
	    .contacts = &c,
	    .n_contacts = 1,
	    .user_agent = b.user_agent,
	    .flow = b.flow,
	    .wall = WALL,
	};
	registrar_register(t, &req, &policy, s, &r);
	registrar_write_contacts(&out, s, WALL);
	if (r.status != 200 || s->n != 1)
		abort();
}

static void look(struct bindings *t, unsigned i, struct binding_set *s)
{
	char aor[64];
	int n = snprintf(aor, sizeof(aor), "user%u@example.com", i);

	bindings_lookup(t, span_of(aor, (size_t)n), WALL, s);
	if (s->n != 1)
		abort();
}

/* The cost of the loop with its texts, which is not the table's. */
static void nothing(unsigned i, uint32_t cseq)
{
	char aor[64], contact[128];
	struct binding b;

	snprintf(aor, sizeof(aor), "user%u@example.com", i);
	phone(&b, contact, i, cseq);
	__asm__ volatile("" ::"r"(aor), "r"(&b), "r"(contact) : "memory");
}

static void nothing_look(unsigned i)
{
	char aor[64];

	snprintf(aor, sizeof(aor), "user%u@example.com", i);
	__asm__ volatile("" ::"r"(aor) : "memory");
}

static void measure(unsigned n, struct rng *rng)
{
	const unsigned rounds = 2000000;
	struct siphash_key key = {rng_u64(rng), rng_u64(rng)};
	struct bindings_stats st;
	struct bindings *t;
	struct binding_set s;
	uint64_t at[6];

	if (bindings_new(n, &key, &t) != OK || binding_set_init(&s) != OK)
		abort();
	for (unsigned i = 0; i < n; i++)
		one(t, i, 1, &s);
	at[0] = nanoseconds();
	for (unsigned i = 0; i < rounds; i++)
		nothing(rng_below(rng, n), i);
	at[1] = nanoseconds();
	for (unsigned i = 0; i < rounds; i++)
		one(t, rng_below(rng, n), i, &s);
	at[2] = nanoseconds();
	for (unsigned i = 0; i < rounds; i++)
		look(t, rng_below(rng, n), &s);
	at[3] = nanoseconds();
	for (unsigned i = 0; i < rounds; i++)
		nothing_look(rng_below(rng, n));
	at[4] = nanoseconds();
	for (unsigned i = 0; i < rounds; i++)
		registration(t, rng_below(rng, n), rounds + i, &s);
	at[5] = nanoseconds();
	bindings_stats(t, &st);
	printf("%8u AoRs  refresh %4.0f ns  lookup %4.0f ns  registration %4.0f ns  %3.0f bytes in "
	       "cells each, table %zu KiB "
	       "(%zu bytes a binding)\n",
	    n, ((double)(at[2] - at[1]) - (double)(at[1] - at[0])) / rounds,
	    ((double)(at[3] - at[2]) - (double)(at[4] - at[3])) / rounds,
	    ((double)(at[5] - at[4]) - (double)(at[1] - at[0])) / rounds,
	    (double)st.cells * 256 / (double)st.bindings, bindings_memory(n) / 1024,
	    bindings_memory(n) / n);
	bindings_free(t);
	binding_set_done(&s);
}

/* n changed AoRs to an SQLite file, and back at a restart. */
static void measure_log(unsigned n, struct rng *rng)
{
	struct siphash_key key = {rng_u64(rng), rng_u64(rng)};
	char dir[] = "/tmp/ringfence-bench-XXXXXX", path[64], why[256];
	struct buf b = BUF(why);
	struct binding_log *log;
	struct bindings *t, *again;
	struct binding_set s;
	struct store *store;
	uint64_t at[3];

	if (!mkdtemp(dir) || bindings_new(n, &key, &t) != OK || binding_set_init(&s) != OK)
		abort();
	snprintf(path, sizeof(path), "%s/b.db", dir);
	if (sqlite_open(path, STORE_STATE | STORE_CREATE, 100, &b, &store) != OK ||
	    binding_log_new(t, NULL, &log) != OK)
		abort();
	for (unsigned i = 0; i < n; i++)
		one(t, i, 1, &s);
	at[0] = nanoseconds();
	if (binding_log_flush(log, store, WALL) != OK)
		abort();
	at[1] = nanoseconds();
	binding_log_free(log);
	if (bindings_new(n, &key, &again) != OK || binding_log_new(again, NULL, &log) != OK ||
	    binding_log_load(log, store, WALL) != OK)
		abort();
	at[2] = nanoseconds();
	printf("%8u AoRs  written to the log %4.0f ns each, loaded %4.0f ns each\n", n,
	    (double)(at[1] - at[0]) / n, (double)(at[2] - at[1]) / n);
	binding_log_free(log);
	store_close(store);
	bindings_free(t);
	bindings_free(again);
	binding_set_done(&s);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	static const unsigned sizes[] = {10, 1000, 100000, 1000000};
	struct rng rng;

	rng_init_seed(&rng, 1);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		measure(sizes[i], &rng);
	measure_log(1000, &rng);
	measure_log(100000, &rng);
	return 0;
}
