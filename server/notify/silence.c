/* See silence.h. */
#include "notify/silence.h"

#include <limits.h>
#include <stddef.h>

/* FNV-1a. */
uint64_t silence_key(const char *url)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *url != '\0'; url++)
		hash = (hash ^ (unsigned char)*url) * UINT64_C(0x100000001b3);
	return hash;
}

int silence_failed(struct silence *s, const char *url)
{
	const uint64_t hash = silence_key(url);
	size_t place = 0;

	for (size_t i = 0; i < SILENCE_MAX; i++) {
		if (s->places[i].failures > 0 && s->places[i].url == hash) {
			place = i;
			break;
		}
		/* a free place was never or longest ago failed */
		if (s->places[i].at < s->places[place].at)
			place = i;
	}
	if (s->places[place].url != hash)
		s->places[place].failures = 0;
	s->places[place].url = hash;
	s->places[place].at = ++s->count;
	if (s->places[place].failures < INT_MAX)
		s->places[place].failures++;
	return s->places[place].failures;
}

void silence_broken(struct silence *s, const char *url)
{
	const uint64_t hash = silence_key(url);

	for (size_t i = 0; i < SILENCE_MAX; i++) {
		if (s->places[i].url != hash)
			continue;
		s->places[i].failures = 0;
		s->places[i].at = 0;
	}
}

int silence_failures(const struct silence *s, const char *url)
{
	const uint64_t hash = silence_key(url);

	for (size_t i = 0; i < SILENCE_MAX; i++) {
		if (s->places[i].url == hash)
			return s->places[i].failures;
	}
	return 0;
}
