/* SPDX-License-Identifier: MIT
 *
 * See binding.h. */
#include "store/binding.h"

#include <stdlib.h>

#include "store/binding_record.h"

size_t binding_set_memory(void)
{
	return BINDING_CONTACTS_MAX * sizeof(struct binding) + 2 * (size_t)BINDING_RECORD_MAX;
}

enum err binding_set_init(struct binding_set *s)
{
	char *p = malloc(binding_set_memory());

	if (!p)
		return ERR_NOMEM;
	s->items = (struct binding *)p;
	s->n = 0;
	s->cap = BINDING_CONTACTS_MAX;
	s->in = p + BINDING_CONTACTS_MAX * sizeof(struct binding);
	s->out = s->in + BINDING_RECORD_MAX;
	return OK;
}

void binding_set_done(struct binding_set *s)
{
	free(s->items);
	*s = (struct binding_set){0};
}

static bool goes_before(const struct binding *a, const struct binding *b)
{
	return a->q != b->q ? a->q > b->q : a->updated_at > b->updated_at;
}

void binding_set_sort(struct binding_set *s)
{
	for (size_t i = 1; i < s->n; i++) {
		struct binding b = s->items[i];
		size_t at = i;

		for (; at && goes_before(&b, &s->items[at - 1]); at--)
			s->items[at] = s->items[at - 1];
		s->items[at] = b;
	}
}
