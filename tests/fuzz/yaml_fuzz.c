/* YAML from anywhere into the message of an installation and of an import map. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/yaml_message.h"
#include "otklik/v1/import_map.pb-c.h"
#include "otklik/v1/installation.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_as(const char *path, const ProtobufCMessageDescriptor *type)
{
	struct arena *arena = arena_new(64 * 1024 * 1024);
	ProtobufCMessage *message = NULL;
	struct yaml_lines *lines = NULL;
	struct otk_error err;

	if (yaml_message_read(arena, path, type, &message, &lines, &err) == 0) {
		/* What was read must be sound: packing walks all of it. */
		if (protobuf_c_message_get_packed_size(message) > 64 * 1024 * 1024)
			abort();
		(void)yaml_line_of(lines, "contracts[0].targets[0].target");
	} else if (strncmp(err.message, path, strlen(path)) != 0) {
		abort(); /* an error begins with the file */
	}
	arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	static char path[64];

	if (fd < 0) {
		fd = memfd_create("yaml", MFD_CLOEXEC);
		(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	}
	if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	read_as(path, &otklik__v1__installation__descriptor);
	read_as(path, &otklik__v1__import_map__descriptor);
	return 0;
}
