/* SPDX-License-Identifier: MIT */
#include "base/slab.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
/* A freed block is as untouchable as freed heap; its first bytes are ours for the list. */
#define HIDE(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define SHOW(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#else
#define HIDE(p, n) ((void)(p), (void)(n))
#define SHOW(p, n) ((void)(p), (void)(n))
#endif

/* Each a multiple of 16, from 1024 on of 256 (what class_of counts on). From 10 KiB on they are
 * what a seventh, sixth, ... of a page is, so that little of it is lost. */
static const uint32_t class_size[SLAB_CLASSES] = {64, 80, 96, 128, 160, 192, 256, 320, 384, 512,
    640, 768, 1024, 1280, 1536, 2048, 2560, 3072, 4096, 5120, 6144, 8192, 10496, 12288, 14592,
    18432, 24576, 36864, 73728};

#define SMALL_STEP 16
#define LARGE_STEP 256
#define SMALL_MAX  1024
#define UNIT       16 /* SLAB_PAGE / UNIT fits 16 bits */
#define NO_BLOCK   UINT16_MAX

struct slab_page {
	struct list link;    /* in slab.part of its class while it has room, or in slab.empty */
	uint16_t free;       /* first of the freed blocks, in units of 16 bytes; NO_BLOCK */
	uint16_t fresh;      /* blocks from here on were never used */
	uint16_t used, size; /* blocks in use, blocks in all */
	uint8_t class;
};

/* Size in steps -> class: filled once a slab, read on each allocation. */
static unsigned class_of(const struct slab *s, size_t n)
{
	return n <= SMALL_MAX ? s->small[(n + SMALL_STEP - 1) / SMALL_STEP]
			      : s->large[(n + LARGE_STEP - 1) / LARGE_STEP];
}

static uint8_t least_class(size_t n)
{
	uint8_t c = 0;

	while (class_size[c] < n)
		c++;
	return c;
}

static size_t page_count(size_t size_bytes)
{
	return MAX(size_bytes / SLAB_PAGE, 1);
}

size_t slab_memory(size_t size_bytes)
{
	return page_count(size_bytes) * (SLAB_PAGE + sizeof(struct slab_page));
}

enum err slab_init(struct slab *s, size_t size_bytes)
{
	size_t pages = page_count(size_bytes);
	struct slab_page *page = calloc(pages, sizeof(*page));
	char *region = mmap(NULL, pages * SLAB_PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (!page || region == MAP_FAILED) {
		free(page);
		if (region != MAP_FAILED)
			munmap(region, pages * SLAB_PAGE);
		return ERR_NOMEM;
	}
	*s = (struct slab){.region = region, .page = page, .pages = pages};
	list_init(&s->empty);
	for (size_t i = 0; i < SLAB_CLASSES; i++)
		list_init(&s->part[i]);
	for (size_t i = 0; i < ARRAY_LEN(s->small); i++)
		s->small[i] = least_class(i * SMALL_STEP);
	for (size_t i = 0; i < ARRAY_LEN(s->large); i++)
		s->large[i] = least_class(i * LARGE_STEP);
	HIDE(region, pages * SLAB_PAGE);
	return OK;
}

void slab_done(struct slab *s)
{
	if (!s || !s->region)
		return;
	SHOW(s->region, s->pages * SLAB_PAGE);
	munmap(s->region, s->pages * SLAB_PAGE);
	free(s->page);
	*s = (struct slab){0};
}

static char *page_start(const struct slab *s, const struct slab_page *pg)
{
	return s->region + (size_t)(pg - s->page) * SLAB_PAGE;
}

static struct slab_page *page_of(const struct slab *s, const void *p)
{
	size_t at = (size_t)((const char *)p - s->region);

	assert(at < s->pages * SLAB_PAGE);
	return &s->page[at / SLAB_PAGE];
}

/* A page for class c, from those given back or never used; NULL when there is none. */
static struct slab_page *take_page(struct slab *s, unsigned c)
{
	struct slab_page *pg;

	if (!list_empty(&s->empty)) {
		pg = list_entry(s->empty.next, struct slab_page, link);
		list_remove(&pg->link);
	} else if (s->fresh < s->pages) {
		pg = &s->page[s->fresh++];
	} else {
		return NULL;
	}
	pg->class = (uint8_t)c;
	pg->free = NO_BLOCK;
	pg->fresh = 0;
	pg->used = 0;
	pg->size = (uint16_t)(SLAB_PAGE / class_size[c]);
	list_prepend(&s->part[c], &pg->link);
	return pg;
}

static void *take_block(struct slab *s, struct slab_page *pg)
{
	size_t size = class_size[pg->class];
	char *p = page_start(s, pg);

	if (pg->free != NO_BLOCK) {
		p += pg->free * (size_t)UNIT;
		SHOW(p, size);
		memcpy(&pg->free, p, sizeof(pg->free));
	} else {
		p += pg->fresh++ * size;
		SHOW(p, size);
	}
	if (++pg->used == pg->size)
		list_remove(&pg->link);
	return p;
}

void *slab_alloc(struct slab *s, size_t n)
{
	struct slab_page *pg = NULL;
	unsigned c = 0;

	if (LIKELY(n <= SLAB_MAX)) {
		c = class_of(s, n);
		pg = list_empty(&s->part[c]) ? take_page(s, c)
					     : list_entry(s->part[c].next, struct slab_page, link);
	}
	if (UNLIKELY(!pg)) {
		s->refused++;
		return NULL;
	}
	s->blocks++;
	s->used += class_size[c];
	s->peak = MAX(s->peak, s->used);
	return take_block(s, pg);
}

void slab_free(struct slab *s, void *p)
{
	struct slab_page *pg;
	uint32_t size, at;

	if (!p)
		return;
	pg = page_of(s, p);
	size = class_size[pg->class];
	at = (uint32_t)((char *)p - page_start(s, pg));
	assert(pg->used > 0 && at % size == 0);
	memcpy(p, &pg->free, sizeof(pg->free));
	HIDE(p, size);
	pg->free = (uint16_t)(at / UNIT);
	s->blocks--;
	s->used -= size;
	if (pg->used-- == pg->size)
		list_prepend(&s->part[pg->class], &pg->link);
	if (pg->used == 0) {
		list_remove(&pg->link);
		list_prepend(&s->empty, &pg->link);
	}
}

size_t slab_size(const struct slab *s, const void *p)
{
	return class_size[page_of(s, p)->class];
}
