/* SPDX-License-Identifier: MIT
 *
 * The foremost sources: found slice by slice whatever the size of a slice, by every key; which
 * sources a filter means; that tiers are counted once. */
#include "guard/standing_top.h"
#include "judge.h"

#define SOURCES 500

static struct standing_top top; /* too large for a stack frame */

static const struct standing_filter all;

/* Walks the whole ledger in slices and gives the value of each wanted source by its last number, 0
 * where it is not among the first `max`. */
static size_t walk(struct judge *j, enum standing_top_key key, size_t max, size_t budget,
    const struct standing_filter *f, usec_t now, bool seen[static SOURCES])
{
	size_t cursor = 0, best = 0, slices = 0;
	bool more;

	memset(seen, 0, SOURCES * sizeof(seen[0]));
	do {
		top = (struct standing_top){.key = key, .max = max, .filter = f};
		more = standing_top_walk(j->standing, &j->policy, &cursor, budget, now, &top);
		slices++;
		for (size_t i = 0; i < top.found.n; i++) {
			struct prefix p = ledger_key_prefix(&top.found.at[i].item.view.key);

			size_t number = (size_t)p.ip[14] << 8 | p.ip[15];

			seen[number] = true;
			best = MAX(best, number);
		}
		assert_true(top.found.n <= max);
	} while (more);
	assert_true(slices == 1 || budget < SIZE_MAX);
	return best;
}

/* Source 10.0.x.y sends x * 256 + y messages. */
static void fill(struct judge *j)
{
	judge_init(j, 4096);
	j->flood_conf.requests = 100000;
	j->flood_conf.prefix_requests = j->flood_conf.wide_requests = 0;
	for (unsigned i = 0; i < SOURCES; i++) {
		struct addr a = judge_addr("10.0.0.0:5060");

		a.ip[14] = (uint8_t)(i >> 8);
		a.ip[15] = (uint8_t)i;
		for (unsigned k = 0; k < i; k++)
			assert_true(judge_ask(j, &a, LEDGER_REGISTER, false, T0));
	}
}

/* The greatest of all are there whatever the slices are; with one slice nobody else is. */
static void first_by_rate(void **state UNUSED)
{
	static const size_t budgets[] = {1, 7, 64, SIZE_MAX};
	static bool seen[SOURCES];
	struct judge j;

	fill(&j);
	for (size_t b = 0; b < ARRAY_LEN(budgets); b++) {
		size_t n = 0;

		assert_int_equal(
		    walk(&j, STANDING_TOP_RATE, 10, budgets[b], &all, T0, seen), SOURCES - 1);
		for (size_t i = SOURCES - 10; i < SOURCES; i++)
			assert_true(seen[i]);
		for (size_t i = 0; i < SOURCES; i++)
			n += seen[i];
		assert_true(budgets[b] < SIZE_MAX || n == 10);
	}
	judge_done(&j);
}

/* Each source is met once, in whatever slices. */
static void tiers(void **state UNUSED)
{
	size_t cursor = 0, unknown = 0, denied = 0;
	struct standing_who who = judge_who("10.9.0.1:5060", true);
	struct judge j;
	bool more;

	fill(&j);
	for (unsigned i = 0; i < 5; i++)
		judge_found(&j, &who, REASON_AUTH_BAD_PASSWORD, T0);
	do {
		top = (struct standing_top){.max = 1, .filter = &all};
		more = standing_top_walk(j.standing, &j.policy, &cursor, 3, T0, &top);
		unknown += top.tiers.n[EVENT_TIER_UNKNOWN];
		denied += top.tiers.n[EVENT_TIER_DENIED];
	} while (more);
	assert_int_equal(unknown, SOURCES - 1); /* the first one sent nothing */
	assert_int_equal(denied, 1);
	judge_done(&j);
}

static const struct standing_top_item *first(
    struct judge *j, enum standing_top_key key, const char *filter, usec_t now)
{
	static struct standing_filter f;
	size_t cursor = 0;

	assert_int_equal(standing_filter_parse(span_str(filter), &f), OK);
	top = (struct standing_top){.key = key, .max = 1, .filter = &f};
	assert_false(standing_top_walk(j->standing, &j->policy, &cursor, SIZE_MAX, now, &top));
	return top.found.n ? &top.found.at[0].item : NULL;
}

static void is_first(
    struct judge *j, enum standing_top_key key, const char *filter, const char *want)
{
	const struct standing_top_item *item = first(j, key, filter, T0 + USEC_SEC);
	char text[ADDR_TEXT_MAX];
	struct buf b = BUF(text);

	if (item && item->by_hand)
		prefix_add(&b, &item->prefix);
	else if (item)
		ledger_key_add(&b, &item->view.key);
	assert_true(buf_terminate(&b));
	assert_string_equal(text, want);
}

static void keys_and_filters(void **state UNUSED)
{
	struct standing_who guesser = judge_who("192.0.2.7:5060", true);
	struct standing_who scanner = judge_who("[2001:db8:1:2::9]:5060", true);
	struct prefix hand = judge_prefix("198.51.100.0/24");
	struct judge j;

	judge_init(&j, 256);
	for (unsigned i = 0; i < 5; i++)
		judge_found(&j, &guesser, REASON_AUTH_BAD_PASSWORD, T0);
	for (unsigned i = 0; i < 3; i++)
		judge_found(&j, &scanner, REASON_SCAN_SIGNATURE, T0);
	judge_burst(&j, "192.0.2.7:5060", LEDGER_INVITE, 50, T0);
	judge_burst(&j, "203.0.113.1:5060", LEDGER_OPTIONS, 20, T0);
	assert_int_equal(standing_ban(j.standing, &j.policy, &hand, T0 + 40 * USEC_MIN, T0), OK);
	judge_burst(&j, "198.51.100.9:5060", LEDGER_OPTIONS, 500, T0);

	is_first(&j, STANDING_TOP_RATE, "", "203.0.113.1");
	is_first(&j, STANDING_TOP_DROPPED, "", "198.51.100.0/24");
	is_first(&j, STANDING_TOP_DROPPED, "192.0.2.7", "192.0.2.7");
	is_first(&j, STANDING_TOP_SCORE, "", "2001:db8:1:2::/64");
	is_first(&j, STANDING_TOP_FAILURES, "", "192.0.2.7");
	is_first(&j, STANDING_TOP_OFFENCES, "192.0.", "192.0.2.7");
	is_first(&j, STANDING_TOP_BANNED, "", "198.51.100.0/24");
	is_first(&j, STANDING_TOP_BANNED, "2001:db8:", "2001:db8:1:2::/64");
	is_first(&j, STANDING_TOP_SCORE, "auth.", "192.0.2.7");
	is_first(&j, STANDING_TOP_SCORE, "unknown", "203.0.113.1");
	is_first(&j, STANDING_TOP_SCORE, "10.0.0.0/8", "");
	/* The address in a prefix finds the ban of the prefix. */
	is_first(&j, STANDING_TOP_BANNED, "198.51.100.9", "198.51.100.0/24");

	/* Of a banned source no rate is kept: it comes by what is dropped, while it goes on. */
	(void)first(&j, STANDING_TOP_RATE, "192.0.2.", T0 + USEC_SEC);
	assert_int_equal(top.dropped.n, 1);
	assert_int_equal(top.dropped.at[0].item.view.dropped, 50);
	(void)first(&j, STANDING_TOP_RATE, "192.0.2.", T0 + STANDING_TOP_ACTIVE);
	assert_int_equal(top.dropped.n, 0);
	judge_done(&j);
}

static void filters(void **state UNUSED)
{
	static const struct {
		const char *text, *prefix; /* NULL: a name; "": refused */
	} rows[] = {
	    {"192.0.2.7", "192.0.2.7/32"},
	    {"192.0.2.0/24", "192.0.2.0/24"},
	    {"192", "192.0.0.0/8"},
	    {"192.", "192.0.0.0/8"},
	    {"192.0.2.", "192.0.2.0/24"},
	    {"256.", ""},
	    {"1.2.3.4.5", ""},
	    {"2001:db8::/32", "2001:db8::/32"},
	    {"2001:db8:", "2001:db8::/32"},
	    {"2001:db8", "2001:db8::/32"},
	    {":", ""},
	    {"::", "::/128"},
	    {"2001:zz", ""},
	    {"1:2:3:4:5:6:7:8:9", ""},
	    {"denied", NULL},
	    {"bad-pass", NULL},
	    {"nonsense", ""},
	    {"\x1b[2J", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct standing_filter f = {.by_name = false};
		enum err e = standing_filter_parse(span_str(rows[i].text), &f);

		if (rows[i].prefix && !rows[i].prefix[0]) {
			assert_int_equal(e, ERR_NOT_FOUND);
			continue;
		}
		assert_int_equal(e, OK);
		assert_int_equal(f.by_name, rows[i].prefix == NULL);
		if (rows[i].prefix) {
			struct prefix p = judge_prefix(rows[i].prefix);

			assert_memory_equal(p.ip, f.prefix.ip, sizeof(p.ip));
			assert_int_equal(p.bits, f.prefix.bits);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(first_by_rate),
	    cmocka_unit_test(tiers),
	    cmocka_unit_test(keys_and_filters),
	    cmocka_unit_test(filters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
