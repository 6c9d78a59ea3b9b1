/* SPDX-License-Identifier: MIT
 *
 * The intrusive list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"

struct item {
	int v;
	struct list link;
};

static int sum_in_order(const struct list *head)
{
	int v = 0;

	list_for_each(it, head)
		v = v * 10 + list_entry(it, struct item, link)->v;
	return v;
}

static void test_order(void **state)
{
	struct list head = LIST_INIT(head);
	struct item i[4] = {{.v = 1}, {.v = 2}, {.v = 3}, {.v = 4}};

	(void)state;
	assert_true(list_empty(&head));
	list_append(&head, &i[1].link);
	list_append(&head, &i[2].link);
	list_prepend(&head, &i[0].link);
	list_insert_before(&i[2].link, &i[3].link);
	assert_int_equal(sum_in_order(&head), 1243);
	list_remove(&i[3].link);
	list_remove(&i[3].link);
	assert_int_equal(sum_in_order(&head), 123);
	assert_true(list_empty(&i[3].link));
	list_append(&head, &i[3].link);
	assert_int_equal(sum_in_order(&head), 1234);
}

static void test_removal_while_walking(void **state)
{
	struct list head;
	struct item i[4] = {{.v = 1}, {.v = 2}, {.v = 3}, {.v = 4}};

	(void)state;
	list_init(&head);
	for (int k = 0; k < 4; k++)
		list_append(&head, &i[k].link);
	list_for_each_safe(it, &head)
		if (list_entry(it, struct item, link)->v % 2)
			list_remove(it);
	assert_int_equal(sum_in_order(&head), 24);
	list_for_each_safe(it, &head)
		list_remove(it);
	assert_true(list_empty(&head));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_removal_while_walking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
