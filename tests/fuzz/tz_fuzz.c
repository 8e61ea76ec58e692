/* TZif files from anywhere: no read past the end, and local times that stay near UTC. */
#include <stdint.h>
#include <stdlib.h>

#include "base/tz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t INSTANTS[] = {
	        0, 1, -1, INT64_C(1700000000000000), INT64_C(4133980800000000)};
	struct tz *tz;

	if (tz_parse(data, size, &tz) != 0)
		return 0;
	for (size_t i = 0; i < sizeof INSTANTS / sizeof INSTANTS[0]; i++) {
		int64_t local = tz_to_local(tz, INSTANTS[i]);
		int64_t off = tz_from_local(tz, local) - INSTANTS[i];
		int64_t at;

		if (off > INT64_C(53) * 3600 * 1000000 || off < -INT64_C(53) * 3600 * 1000000)
			abort();
		if (tz_next_transition(tz, INSTANTS[i], &at) && at <= INSTANTS[i] - 1000000)
			abort();
	}
	(void)tz_fingerprint(tz);
	tz_free(tz);
	return 0;
}
