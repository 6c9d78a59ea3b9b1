/* SPDX-License-Identifier: MIT
 *
 * The codec of the helper: what is written is read again, and everything else is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "helper/message.h"

enum { HEADER = 12, BAN = 24 };

static struct message in, out;
static char text[MESSAGE_BYTES];

static struct prefix prefix(const char *s)
{
	struct prefix p;

	assert_int_equal(prefix_parse(span_str(s), &p), OK);
	return p;
}

static struct span write_out(void)
{
	struct buf b = BUF(text);

	assert_int_equal(message_write(&out, &b), OK);
	return buf_span(&b);
}

/* Whether `out` is read again as something that is written with the same bytes. */
static bool survives(bool from_daemon)
{
	struct span first = write_out();
	char again[MESSAGE_BYTES];
	struct buf b = BUF(again);
	const char *why;

	if (message_read(first, from_daemon, &in, &why) != OK)
		return false;
	assert_int_equal(in.type, out.type);
	assert_int_equal(in.sequence, out.sequence);
	assert_int_equal(message_write(&in, &b), OK);
	return span_eq(first, buf_span(&b));
}

static void fill_setup(struct helper_setup *s)
{
	*s = (struct helper_setup){.wanted = 3,
	    .table = "ringfence",
	    .ports = {{false, 5060}, {true, 5061}},
	    .ports_n = 2,
	    .xdp_mode = HELPER_XDP_GENERIC,
	    .interfaces = {"eth0", "enp0s31f6np0abc"},
	    .interfaces_n = 2};
}

static void fill_bans(enum message_type type, const char *what, uint32_t seconds)
{
	memset(&out, 0, sizeof(out));
	out.type = type;
	out.sequence = 7;
	out.n = 1;
	out.bans[0] = (struct helper_ban){prefix(what), seconds};
}

static void test_each_type_survives(void **state UNUSED)
{
	static const enum message_type empty[] = {
	    MESSAGE_SYNC_BEGIN, MESSAGE_SYNC_END, MESSAGE_STATS};

	memset(&out, 0, sizeof(out));
	out.sequence = 0xfedcba98;
	for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
		out.type = empty[i];
		assert_true(survives(true));
		assert_false(survives(false));
	}
	out.type = MESSAGE_STOP;
	for (int keep = 0; keep < 2; keep++) {
		out.keep = keep;
		assert_true(survives(true));
		assert_int_equal(in.keep, keep);
	}
	out.type = MESSAGE_CONFIGURE;
	fill_setup(&out.setup);
	assert_true(survives(true));
	assert_memory_equal(&in.setup, &out.setup, sizeof(in.setup));
	memset(out.setup.table, 'a', HELPER_TABLE_MAX); /* no room for its end */
	assert_true(survives(true));
	out.type = MESSAGE_HELLO;
	out.generation = 3;
	assert_true(survives(false));
	assert_false(survives(true));
	out.type = MESSAGE_REFUSED;
	message_set_text(out.text, SPAN("because\nof \x7f"));
	assert_true(survives(false));
	assert_string_equal(in.text, "because?of ?");
}

static void test_answers_survive(void **state UNUSED)
{
	memset(&out, 0, sizeof(out));
	out.type = MESSAGE_RESULT;
	out.n = 2;
	out.results[1] =
	    (struct message_result){.backend = HELPER_XDP, .state = MESSAGE_FAILED, .error = 95};
	memset(out.results[1].text, 'x', MESSAGE_TEXT_MAX);
	assert_true(survives(false));
	assert_int_equal(in.results[1].error, 95);
	assert_int_equal(strlen(in.results[1].text), MESSAGE_TEXT_MAX);
	out.type = MESSAGE_FIGURES;
	memset(out.figures, 0, sizeof(out.figures));
	out.figures[0] =
	    (struct message_figures){HELPER_NFTABLES, MESSAGE_UP, 1, 2, UINT64_MAX, 1ull << 40};
	assert_true(survives(false));
	assert_true(in.figures[0].entries == 1 && in.figures[0].evicted == 2);
	assert_true(in.figures[0].packets == UINT64_MAX && in.figures[0].bytes == 1ull << 40);
}

static void test_bans(void **state UNUSED)
{
	static const struct {
		const char *what;
		uint32_t seconds;
		bool add, remove; /* whether it is taken as such */
	} cases[] = {
	    {"192.0.2.7", 1, true, false},
	    {"192.0.2.7", HELPER_SECONDS_MAX, true, false},
	    {"192.0.2.7", HELPER_SECONDS_MAX + 1, false, false},
	    {"192.0.2.7", 0, false, true},
	    {"10.0.0.0/8", 1, true, false},
	    {"10.0.0.0/7", 1, false, false},
	    {"0.0.0.0/8", 1, false, false},
	    {"127.0.0.1", 1, false, false},
	    {"169.254.0.1", 1, false, false},
	    {"223.255.255.255", 1, true, false},
	    {"224.0.0.0", 1, false, false},
	    {"255.255.255.255", 1, false, false},
	    {"2001:db8::/64", 1, true, false},
	    {"2001::/16", 1, true, false},
	    {"2000::/15", 1, false, false},
	    {"fc00::/16", 1, true, false},
	    {"::", 1, false, false},
	    {"::1", 1, false, false},
	    {"::/0", 1, false, false},
	    {"64:ff9b::/96", 1, false, false},
	    {"fe80::/64", 1, false, false},
	    {"ff00::/16", 1, false, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		fill_bans(MESSAGE_ADD, cases[i].what, cases[i].seconds);
		assert_int_equal(survives(true), cases[i].add);
		fill_bans(MESSAGE_REMOVE, cases[i].what, cases[i].seconds);
		assert_int_equal(survives(true), cases[i].remove);
	}
}

static void test_as_many_as_there_is_room_for(void **state UNUSED)
{
	fill_bans(MESSAGE_ADD, "192.0.2.7", 60);
	out.n = MESSAGE_ITEMS;
	for (size_t i = 1; i < out.n; i++)
		out.bans[i] = out.bans[0];
	assert_true(survives(true));
	assert_int_equal(in.n, MESSAGE_ITEMS);
	assert_int_equal(write_out().n, HEADER + MESSAGE_ITEMS * BAN);
}

/* Every cut, every byte too much, and every bit that is turned: refused, or still within bounds. */
static void test_bytes_that_differ(void **state UNUSED)
{
	char wrong[HEADER + BAN + 1] = {0};
	const char *why;

	fill_bans(MESSAGE_ADD, "192.0.2.7", 60);
	memcpy(wrong, write_out().p, HEADER + BAN);
	for (size_t n = 0; n <= sizeof(wrong); n++)
		assert_int_equal(message_read(span_of(wrong, n), true, &in, &why),
		    n == HEADER + BAN ? OK : ERR_SYNTAX);
	for (size_t bit = 0; bit < 8 * (HEADER + BAN); bit++) {
		wrong[bit / 8] = (char)(wrong[bit / 8] ^ 1 << bit % 8);
		if (message_read(span_of(wrong, HEADER + BAN), true, &in, &why) == OK) {
			assert_true(in.type == MESSAGE_ADD && in.n == 1);
			assert_true(message_may_block(&in.bans[0].what));
			assert_in_range(in.bans[0].seconds, 1, HELPER_SECONDS_MAX);
		} else {
			assert_true(strlen(why) > 0);
		}
		wrong[bit / 8] = (char)(wrong[bit / 8] ^ 1 << bit % 8);
	}
}

static void change_table(struct helper_setup *s, const char *name)
{
	memset(s->table, 0, sizeof(s->table));
	memcpy(s->table, name, strlen(name));
}

static void test_setups(void **state UNUSED)
{
	static const char *const tables[] = {
	    "", "A", "9a", "_a", "a b", "a;b", "a{", "a-b", "a\n", "\xc3\xa4"};
	static const char *const interfaces[] = {"a/b", ".", "..", "a b", "a:1", "\x01"};

	memset(&out, 0, sizeof(out));
	out.type = MESSAGE_CONFIGURE;
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		fill_setup(&out.setup);
		change_table(&out.setup, tables[i]);
		assert_false(survives(true));
	}
	for (size_t i = 0; i < ARRAY_LEN(interfaces); i++) {
		fill_setup(&out.setup);
		memset(out.setup.interfaces[0], 0, sizeof(out.setup.interfaces[0]));
		memcpy(out.setup.interfaces[0], interfaces[i], strlen(interfaces[i]));
		assert_false(survives(true));
	}
	fill_setup(&out.setup);
	out.setup.interfaces[0][0] = '\0'; /* fewer than it says */
	assert_false(survives(true));
	fill_setup(&out.setup);
	out.setup.ports[1].port = 0;
	assert_false(survives(true));
	fill_setup(&out.setup);
	out.setup.ports_n = 0;
	assert_false(survives(true));
	out.setup.all_ports = true;
	assert_true(survives(true));
	fill_setup(&out.setup);
	out.setup.wanted = 4;
	assert_false(survives(true));
	fill_setup(&out.setup);
	out.setup.xdp_mode = HELPER_XDP_MODES;
	assert_false(survives(true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_type_survives),
	    cmocka_unit_test(test_answers_survive),
	    cmocka_unit_test(test_bans),
	    cmocka_unit_test(test_as_many_as_there_is_room_for),
	    cmocka_unit_test(test_bytes_that_differ),
	    cmocka_unit_test(test_setups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
