/* Arena over a list of growing blocks; separate blocks per allocation under ASan. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_ALIGN = 16, ARENA_BLOCK_FIRST = 4096, ARENA_BLOCK_MAX = 256 * 1024 };

struct block {
	struct block *next;
	size_t size;
	size_t used;
	_Alignas(ARENA_ALIGN) unsigned char data[];
};

struct arena {
	struct block *blocks; /* the first is the one in use */
	size_t budget;
	size_t used;
	int exhausted;
};

struct arena *arena_new(size_t budget)
{
	struct arena *arena = calloc(1, sizeof *arena);

	if (arena != NULL)
		arena->budget = budget;
	return arena;
}

static void blocks_free(struct block *block)
{
	while (block != NULL) {
		struct block *next = block->next;

		free(block);
		block = next;
	}
}

void arena_free(struct arena *arena)
{
	if (arena == NULL)
		return;
	blocks_free(arena->blocks);
	free(arena);
}

void arena_reset(struct arena *arena)
{
#ifdef OTKLIK_SANITIZED
	blocks_free(arena->blocks);
	arena->blocks = NULL;
#else
	if (arena->blocks != NULL) {
		blocks_free(arena->blocks->next);
		arena->blocks->next = NULL;
		arena->blocks->used = 0;
	}
#endif
	arena->used = 0;
	arena->exhausted = 0;
}

static struct block *block_add(struct arena *arena, size_t size)
{
	struct block *block;
#ifndef OTKLIK_SANITIZED
	size_t want = arena->blocks == NULL ? ARENA_BLOCK_FIRST : arena->blocks->size * 2;

	if (want > ARENA_BLOCK_MAX)
		want = ARENA_BLOCK_MAX;
	if (size < want)
		size = want;
#endif
	block = malloc(sizeof *block + size);
	if (block == NULL)
		return NULL;
	block->size = size;
	block->used = 0;
	block->next = arena->blocks;
	arena->blocks = block;
	return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	size_t rounded;
	struct block *block = arena->blocks;
	void *result;

	if (size == 0)
		size = 1;
	if (size > arena->budget - arena->used) {
		arena->exhausted = 1;
		return NULL;
	}
#ifdef OTKLIK_SANITIZED
	rounded = size;
	block = NULL;
#else
	rounded = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
#endif
	if (block == NULL || block->size - block->used < rounded) {
		block = block_add(arena, rounded);
		if (block == NULL)
			return NULL;
	}
	result = block->data + block->used;
	block->used += rounded;
	arena->used += size;
	return result;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
	size_t total;
	void *result;

	if (__builtin_mul_overflow(count, size, &total))
		return NULL;
	result = arena_alloc(arena, total);
	if (result != NULL)
		memset(result, 0, total);
	return result;
}

void *arena_memdup(struct arena *arena, const void *data, size_t size)
{
	void *result = arena_alloc(arena, size);

	if (result != NULL && size > 0)
		memcpy(result, data, size);
	return result;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
	char *result = length == SIZE_MAX ? NULL : arena_alloc(arena, length + 1);

	if (result == NULL)
		return NULL;
	if (length > 0)
		memcpy(result, text, length);
	result[length] = '\0';
	return result;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return text == NULL ? NULL : arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	int n;
	char *result;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		return NULL;
	result = arena_alloc(arena, (size_t)n + 1);
	if (result == NULL)
		return NULL;
	va_start(args, format);
	(void)vsnprintf(result, (size_t)n + 1, format, args);
	va_end(args);
	return result;
}

size_t arena_used(const struct arena *arena)
{
	return arena->used;
}

int arena_exhausted(const struct arena *arena)
{
	return arena->exhausted;
}
