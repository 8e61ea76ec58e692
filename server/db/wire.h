/* Big-endian numbers, as PostgreSQL's binary formats have them. */
#ifndef OTKLIK_DB_WIRE_H
#define OTKLIK_DB_WIRE_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline void wire_put16(void *at, int16_t value)
{
	uint16_t be = htobe16((uint16_t)value);

	memcpy(at, &be, sizeof be);
}

static inline void wire_put32(void *at, int32_t value)
{
	uint32_t be = htobe32((uint32_t)value);

	memcpy(at, &be, sizeof be);
}

static inline void wire_put64(void *at, int64_t value)
{
	uint64_t be = htobe64((uint64_t)value);

	memcpy(at, &be, sizeof be);
}

static inline int16_t wire_get16(const void *at)
{
	uint16_t be;

	memcpy(&be, at, sizeof be);
	return (int16_t)be16toh(be);
}

static inline int32_t wire_get32(const void *at)
{
	uint32_t be;

	memcpy(&be, at, sizeof be);
	return (int32_t)be32toh(be);
}

static inline int64_t wire_get64(const void *at)
{
	uint64_t be;

	memcpy(&be, at, sizeof be);
	return (int64_t)be64toh(be);
}

#endif
