/* CSV and .xz from anywhere: rows stay within their bounds and come to an end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/csv_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	static char path[64];
	struct otk_error err;
	struct csv_row row;
	struct csv *csv;
	int rc;

	if (fd < 0) {
		fd = memfd_create("csv", MFD_CLOEXEC);
		(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	}
	if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	csv = csv_open(path, &err);
	if (csv == NULL)
		return 0;
	do {
		rc = csv_next(csv, &row, &err);
		if (rc == 1 && (row.count < 1 || row.count > CSV_COLUMNS_MAX))
			abort();
		for (size_t i = 0; i < row.count; i++) {
			if (strlen(row.fields[i]) > CSV_ROW_MAX)
				abort();
		}
	} while (rc == 1 || rc == -OTK_INVALID_ARGUMENT);
	csv_close(csv);
	return 0;
}
