/* SPDX-License-Identifier: MIT */
#include "fake_store.h"

#include <stdlib.h>

struct fake fake;

void fake_reset(void)
{
	fake.fail = OK;
	fake.no_open = 0;
	fake.version = 1;
	fake.hold = fake.gone = false;
	fake.opened = fake.closed = fake.gets = fake.records = 0;
	fake.now = 1000 * USEC_SEC;
	sem_init(&fake.gate, 0, 0);
	sem_init(&fake.entered, 0, 0);
}

usec_t fake_clock(void)
{
	return fake.now;
}

static enum err use(struct store *s)
{
	struct buf why = BUF(s->why);

	if (fake.hold) {
		sem_post(&fake.entered);
		while (sem_wait(&fake.gate) != 0)
			;
	}
	buf_add_lit(&why, "told to fail");
	(void)buf_terminate(&why);
	return (enum err)fake.fail;
}

static void fake_close(struct store *s)
{
	fake.closed++;
	free(s);
}

static enum err fake_probe(struct store *s)
{
	(void)s;
	return fake.gone ? ERR_IO : OK;
}

static enum err fake_get(
    struct store *s, struct span user, struct span domain, struct digest_ha1s *out_ha1s)
{
	enum err e;

	(void)domain;
	fake.gets++;
	*out_ha1s = (struct digest_ha1s){.algs = DIGEST_BIT(DIGEST_MD5)};
	memset(out_ha1s->ha1[DIGEST_MD5], fake.version, 16);
	e = use(s);
	return e == OK && user.p[0] == 'n' ? ERR_NOT_FOUND : e;
}

static enum err fake_append(struct store *s, const struct span *records, size_t n)
{
	enum err e = use(s);

	(void)records;
	if (e == OK)
		fake.records += (unsigned)n;
	return e;
}

static const struct store_ops ops = {
    .close = fake_close,
    .probe = fake_probe,
    .account_get = fake_get,
    .log_append = fake_append,
};

enum err fake_open(void *arg, enum store_role role, struct buf *why, struct store **out_s)
{
	struct store *s;

	(void)arg;
	(void)role;
	fake.opened++;
	if (fake.no_open) {
		buf_add_lit(why, "told not to open");
		return ERR_IO;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return ERR_NOMEM;
	s->ops = &ops;
	*out_s = s;
	return OK;
}

void answer_init(struct answer *a)
{
	*a = (struct answer){0};
	sem_init(&a->ready, 0, 0);
}

void answer_take(void *arg, enum err e, const struct digest_ha1s *ha1s)
{
	struct answer *a = arg;

	a->e = e;
	a->times++;
	if (ha1s)
		a->ha1s = *ha1s;
	sem_post(&a->ready);
}

enum err answer_wait(struct answer *a)
{
	while (sem_wait(&a->ready) != 0)
		;
	return a->e;
}
