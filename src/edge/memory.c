/* SPDX-License-Identifier: MIT */
#include "edge/memory.h"

#include "edge/edge.h"
#include "event/history.h"
#include "guard/guessing.h"
#include "guard/replay.h"
#include "guard/scan.h"
#include "guard/sketch.h"
#include "guard/standing.h"
#include "net/sources.h"
#include "store/accounts.h"
#include "store/binding_log.h"
#include "store/bindings.h"
#include "store/worker.h"

size_t edge_memory_report(const struct conf *c, struct memory_part *parts, size_t cap)
{
	const size_t transactions = txns_memory(worker_transactions(c));
	const size_t messages = slab_memory(worker_transaction_memory(c));
	const struct memory_part all[] = {
	    {"registrations", c->registrar.max_bindings,
		bindings_memory(c->registrar.max_bindings) + binding_log_memory()},
	    {"accounts kept in memory", c->accounts_cache, accounts_memory(c->accounts_cache)},
	    {"logins that cannot be replayed", EDGE_REPLAY_ENTRIES,
		replay_memory(EDGE_REPLAY_ENTRIES)},
	    {"transactions", worker_transactions(c) * c->workers, transactions * c->workers},
	    {"messages of transactions", 0, messages * c->workers},
	    {"connections, sockets and buffers of workers", c->workers,
		worker_net_memory(c) * c->workers},
	    {"sources of connections", 0, net_sources_memory(c->tcp.connections)},
	    {"sources and their standing", c->standing.sources,
		standing_memory(c->standing.sources) + standing_keep_memory() + sketch_memory()},
	    {"counts of scanning", edge_scan_entries(c), scan_memory(edge_scan_entries(c))},
	    {"failed log-ins, and places of accounts", c->standing.sources,
		guessing_memory(c->standing.sources)},
	    {"keys of limits", c->limits_count ? c->limit_keys : 0,
		limits_memory(c->limits, c->limits_count, c->limit_keys)},
	    {"history of events", 0, event_history_memory(c->history_memory)},
	    {"requests to the storage thread", EDGE_STORE_QUEUE,
		store_worker_memory(EDGE_STORE_QUEUE)},
	};
	size_t n = MIN(cap, ARRAY_LEN(all));

	_Static_assert(ARRAY_LEN(all) <= EDGE_MEMORY_PARTS, "room for all parts");
	memcpy(parts, all, n * sizeof(*parts));
	return n;
}
