/* SPDX-License-Identifier: MIT
 *
 * Matching keys: what must meet meets, all else does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "txn/key.h"

static const struct siphash_key k = {3, 4};

static struct txn_key server(const char *branch, const char *sent_by, const char *method)
{
	struct txn_key key;

	txn_key_server(&k, span_str(branch), span_str(sent_by), span_str(method), &key);
	return key;
}

static bool same(struct txn_key a, struct txn_key b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

static void test_magic(void **state)
{
	(void)state;
	assert_true(txn_branch_is_magic(SPAN("z9hG4bK1")));
	assert_true(txn_branch_is_magic(SPAN("Z9HG4BK-x")));
	assert_false(txn_branch_is_magic(SPAN("z9hG4bK"))); /* nothing unique in it */
	assert_false(txn_branch_is_magic(SPAN("1")));
	assert_false(txn_branch_is_magic(SPAN("")));
	assert_false(txn_branch_is_magic(SPAN("xz9hG4bK1")));
}

static void test_server(void **state)
{
	struct txn_key invite = server("z9hG4bKa", "host:5060", "INVITE");

	(void)state;
	assert_true(same(invite, server("z9hG4bKa", "host:5060", "INVITE")));
	assert_true(same(invite, server("z9hG4bKa", "host:5060", "ACK")));
	assert_true(same(invite, server("Z9hG4bKA", "HOST:5060", "INVITE")));
	assert_false(same(invite, server("z9hG4bKa", "host:5060", "CANCEL")));
	assert_false(same(invite, server("z9hG4bKa", "host:5060", "invite")));
	assert_false(same(invite, server("z9hG4bKa", "host:5061", "INVITE")));
	assert_false(same(invite, server("z9hG4bKa", "host", "INVITE")));
	assert_false(same(invite, server("z9hG4bKb", "host:5060", "INVITE")));
	/* The border between two parts counts. */
	assert_false(same(server("z9hG4bKa", "bhost", "BYE"), server("z9hG4bKab", "host", "BYE")));
	assert_false(same(server("z9hG4bKa", "hostB", "YE"), server("z9hG4bKa", "host", "BYE")));
}

static void test_secret(void **state)
{
	static const struct siphash_key other = {3, 5};
	struct txn_key a, b;

	(void)state;
	txn_key_client(&k, SPAN("z9hG4bKa"), SPAN("BYE"), &a);
	txn_key_client(&other, SPAN("z9hG4bKa"), SPAN("BYE"), &b);
	assert_false(same(a, b));
	/* A client key is no server key, whatever a peer writes. */
	txn_key_server(&k, SPAN("z9hG4bKa"), SPAN(""), SPAN("BYE"), &b);
	assert_false(same(a, b));
	txn_key_client(&k, SPAN("Z9hG4bKA"), SPAN("BYE"), &b);
	assert_true(same(a, b));
	txn_key_client(&k, SPAN("z9hG4bKa"), SPAN("CANCEL"), &b);
	assert_false(same(a, b));
}

/* Parts of any length, each of their bytes counts. */
static void test_long(void **state)
{
	enum { N = 3000 };
	char branch[N], by[N];

	(void)state;
	memset(branch, 'b', N);
	memset(by, 'h', N);
	for (size_t n = 300; n < N; n = n * 5 / 4) {
		struct txn_key a, b;
		struct span br = span_of(branch, n), sb = span_of(by, N - n);

		txn_key_server(&k, br, sb, SPAN("INVITE"), &a);
		txn_key_server(&k, br, sb, SPAN("ACK"), &b);
		assert_true(same(a, b));
		branch[n - 1] = 'c';
		txn_key_server(&k, br, sb, SPAN("INVITE"), &b);
		assert_false(same(a, b));
		branch[n - 1] = 'b';
		by[0] = 'i';
		txn_key_server(&k, br, sb, SPAN("INVITE"), &b);
		assert_false(same(a, b));
		by[0] = 'h';
		txn_key_server(&k, br, sb, span_of(by, N), &b);
		assert_false(same(a, b));
	}
}

static void test_old(void **state)
{
	static const struct txn_old base = {.uri = SPAN("sip:bob@example.com"),
	    .to_tag = SPAN("t"),
	    .from_tag = SPAN("f"),
	    .call_id = SPAN("c@h"),
	    .via = SPAN("SIP/2.0/UDP host:5060"),
	    .cseq = 1};
	struct txn_old changed[6];
	struct txn_key a, b;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(changed); i++)
		changed[i] = base;
	changed[0].uri = SPAN("sip:bob@example.org");
	changed[1].from_tag = SPAN("g");
	changed[2].call_id = SPAN("d@h");
	changed[3].via = SPAN("SIP/2.0/UDP host:5061");
	changed[4].cseq = 2;
	changed[5].to_tag = SPAN("u");
	txn_key_server_old(&k, &base, SPAN("BYE"), &a);
	for (size_t i = 0; i < ARRAY_LEN(changed); i++) {
		txn_key_server_old(&k, &changed[i], SPAN("BYE"), &b);
		assert_false(same(a, b));
	}
	txn_key_server_old(&k, &base, SPAN("BYE"), &b);
	assert_true(same(a, b));
	txn_key_server_old(&k, &base, SPAN("INFO"), &b);
	assert_false(same(a, b));
	/* The ACK carries the To tag of the response. */
	txn_key_server_old(&k, &base, SPAN("INVITE"), &a);
	txn_key_server_old(&k, &changed[5], SPAN("ACK"), &b);
	assert_true(same(a, b));
	txn_key_server_old(&k, &changed[4], SPAN("ACK"), &b);
	assert_false(same(a, b));
}

/* Seven parts that are all too long for the input: hashed one by one, and still told apart. */
static void test_old_long(void **state)
{
	static char text[7][600];
	struct txn_old o;
	struct txn_key a, b;

	(void)state;
	for (size_t i = 0; i < 7; i++)
		memset(text[i], 'a' + (int)i, sizeof(text[i]));
	o = (struct txn_old){span_of(text[0], 600), span_of(text[1], 600), span_of(text[2], 600),
	    span_of(text[3], 600), span_of(text[4], 600), 9};
	txn_key_server_old(&k, &o, span_of(text[5], 600), &a);
	for (size_t i = 0; i < 6; i++) {
		text[i][599] ^= 1;
		txn_key_server_old(&k, &o, span_of(text[5], 600), &b);
		assert_false(same(a, b));
		text[i][599] ^= 1;
	}
	txn_key_server_old(&k, &o, span_of(text[5], 600), &b);
	assert_true(same(a, b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_magic),
	    cmocka_unit_test(test_server),
	    cmocka_unit_test(test_secret),
	    cmocka_unit_test(test_long),
	    cmocka_unit_test(test_old),
	    cmocka_unit_test(test_old_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
