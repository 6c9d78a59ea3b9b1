/* SPDX-License-Identifier: MIT
 *
 * The log of bindings in a real database file: written, compacted, closed without notice, read. */
#include "bindings_help.h"

#include <unistd.h>

#include "store/binding_log.h"
#include "store/sqlite.h"

static char dir[] = "/tmp/ringfence-test-XXXXXX", path[64];

static struct store *open_store(void)
{
	char why[256];
	struct buf b = BUF(why);
	struct store *s;

	if (sqlite_open(path, STORE_STATE | STORE_CREATE, 100, &b, &s) != OK)
		fail_msg("%.*s", SPAN_FMT(buf_span(&b)));
	return s;
}

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/state.db", dir);
	return 0;
}

static int teardown(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char file[80];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		snprintf(file, sizeof(file), "%s%s", path, ends[i]);
		unlink(file);
	}
	return rmdir(dir);
}

#define AORS 200

static void test_lives(void **state)
{
	const struct binding_log_params params = {.slack_bytes = 20000, .trim_ids = 5};
	uint64_t compactions = 0;
	struct binding_set set;

	(void)state;
	assert_int_equal(binding_set_init(&set), OK);
	for (uint32_t life = 0; life < 4; life++) {
		struct bindings *t = help_table(1000);
		struct store *s = open_store();
		struct binding_log_stats st;
		struct binding_log *log;
		char aor[16];

		assert_int_equal(binding_log_new(t, &params, &log), OK);
		assert_int_equal(binding_log_load(log, s, T0), OK);
		for (uint32_t i = 0; i < AORS; i++) {
			snprintf(aor, sizeof(aor), "u%u@b", i);
			assert_int_equal(
			    help_cseq(t, aor, T0, &set), i % 3 && life ? life * 10 : 0);
		}
		for (uint32_t round = 1; round <= 10; round++) {
			for (uint32_t i = 0; i < AORS; i++) {
				struct binding b =
				    help_binding("sip:a@192.0.2.1", life * 10 + round, T0 + 100);

				snprintf(aor, sizeof(aor), "u%u@b", i);
				if (round == 10 && i % 3 == 0)
					bindings_remove(t, span_str(aor), T0, &set);
				else
					assert_int_equal(bindings_update(t, span_str(aor), T0, &set,
							     help_set, &b),
					    OK);
			}
			assert_int_equal(binding_log_tick(log, s, T0), OK);
		}
		binding_log_stats(log, &st);
		compactions += st.compactions;
		assert_int_equal(st.failed, 0);
		assert_int_equal(st.corrupt, 0);
		binding_log_free(log);
		bindings_free(t);
		store_close(s);
	}
	assert_true(compactions >= 2);
	binding_set_done(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_lives, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
