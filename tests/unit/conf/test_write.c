/* SPDX-License-Identifier: MIT
 *
 * What is written about the configuration is true: the examples load, the defaults are the
 * defaults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "conf/schema.h"
#include "conf/write.h"
#include "conf_help.h"

static char text[CONF_WRITE_MAX], changed[CONF_WRITE_MAX];

static void write_example(void)
{
	static const char *const listen[] = {"udp:127.0.0.1:5060", "tcp:[::1]:5060"};
	struct buf b = BUF(text);

	conf_write_example(&b, &(struct conf_example){.listen = listen,
				   .listen_count = ARRAY_LEN(listen),
				   .advertise = "sip.example.com:5070",
				   .domain = "127.0.0.1"});
	assert_true(buf_terminate(&b));
}

static void test_the_example_loads(void **state)
{
	const struct conf *c;

	(void)state;
	write_example();
	c = load(text);
	assert_int_equal(c->listeners_count, 2);
	assert_span(c->listeners[1].sent_by, "sip.example.com:5070");
	assert_non_null(conf_domain_find(c, SPAN("127.0.0.1")));
	assert_int_equal(c->peers_count, 0);
	assert_int_equal(c->sip.t1, 500 * USEC_MS);
	conf_put(c);
}

/* Each commented "# key: value" line within a section, switched on by itself, changes nothing. */
static void test_each_line_of_the_example_can_be_switched_on(void **state)
{
	size_t tried = 0;

	(void)state;
	write_example();
	for (const char *p = text; (p = strstr(p, "\n  ")) != NULL; p++) {
		struct span rest = span_from(span_str(text), p + 1), line, key;
		struct buf b = BUF(changed);
		size_t indent = 0;

		span_cut(&rest, '\n', &line);
		while (indent < line.n && line.p[indent] == ' ')
			indent++;
		key = span_from(line, line.p + indent);
		if (!span_starts(key, SPAN("# ")) || span_find(key, ':') + 2 >= key.n)
			continue;
		key = span_from(key, key.p + 2);
		if (span_find(span_of(key.p, span_find(key, ':')), ' ') < span_find(key, ':'))
			continue; /* a sentence */
		buf_add(&b, text, (size_t)(line.p + indent - text));
		buf_add_span(&b, span_from(span_str(text), key.p));
		assert_true(buf_terminate(&b));
		if (span_starts(key, SPAN("enforce:")) || span_starts(key, SPAN("sqlite:")))
			continue;
		conf_put(load(changed));
		tried++;
	}
	assert_true(tried >= 30);
}

/* Every block of YAML in the reference page is a whole configuration that loads. */
static void test_the_page_shows_what_loads(void **state)
{
	FILE *in = fopen(REFERENCE, "r");
	size_t blocks = 0;
	char *p = text;

	(void)state;
	assert_non_null(in);
	text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
	fclose(in);
	while ((p = strstr(p, "```yaml\n")) != NULL) {
		char *end = strstr(p += 8, "```");

		assert_non_null(end);
		*end = '\0';
		conf_put(load(p));
		p = end + 1;
		blocks++;
	}
	assert_true(blocks >= 2);
}

/* The table itself: defaults within bounds, a sentence for every key, a place for every value. */
static void test_the_table_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < schema_count; i++) {
		const struct schema_key *row = &schema[i];

		assert_non_null(row->doc);
		assert_true(row->doc[0] != '\0');
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(schema[k].path, row->path);
		if (row->type == TYPE_COUNT || row->type == TYPE_SIZE || row->type == TYPE_DURATION)
			assert_true(row->min <= row->max && row->max > 0);
		if (row->type == TYPE_MAP || row->type == TYPE_LATER)
			assert_int_equal(row->width, 0);
		else
			assert_true(row->width > 0);
		assert_false(row->required && row->preset);
	}
}

static void test_the_schema_is_written(void **state)
{
	struct buf b = BUF(text);

	(void)state;
	conf_write_schema(&b);
	assert_true(buf_terminate(&b));
	assert_non_null(strstr(text, "\"nonce_lifetime\""));
	assert_null(strstr(text, "\"fraud\"")); /* of later versions */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_example_loads),
	    cmocka_unit_test(test_each_line_of_the_example_can_be_switched_on),
	    cmocka_unit_test(test_the_page_shows_what_loads),
	    cmocka_unit_test(test_the_table_is_sound),
	    cmocka_unit_test(test_the_schema_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
