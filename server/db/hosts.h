/* A conninfo with several hosts, taken apart into one set of libpq keywords per host. */
#ifndef OTKLIK_DB_HOSTS_H
#define OTKLIK_DB_HOSTS_H

#include <stddef.h>

#include "base/status.h"

struct db_hosts;

/*
 * Parses keywords or a URI; host, hostaddr and port may be comma lists as libpq has them. Our
 * own settings are added where the text has none: application_name, client_encoding, TCP
 * timeouts, target_session_attrs=read-write; `options` ("-c a=b") is
 * appended to those of the text. NULL with err: INVALID_ARGUMENT with libpq's message.
 */
struct db_hosts *db_hosts_parse(const char *conninfo, const char *application_name,
        const char *options, struct otk_error *err);
void db_hosts_free(struct db_hosts *hosts);

size_t db_hosts_count(const struct db_hosts *hosts);
/* For logs: "10.0.0.1:5432". */
const char *db_hosts_name(const struct db_hosts *hosts, size_t index);

/* NULL-terminated arrays for PQconnectStartParams of one host. */
const char *const *db_hosts_keywords(const struct db_hosts *hosts, size_t index);
const char *const *db_hosts_values(const struct db_hosts *hosts, size_t index);

#endif
