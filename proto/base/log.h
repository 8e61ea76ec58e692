/* Structured log: one logfmt or JSON line an event, on standard error or a descriptor. */
#ifndef OTKLIK_BASE_LOG_H
#define OTKLIK_BASE_LOG_H

#include <stdarg.h>

enum log_level { LOG_DEBUG_LEVEL, LOG_INFO_LEVEL, LOG_WARN_LEVEL, LOG_ERROR_LEVEL };
enum log_format { LOG_LOGFMT, LOG_JSON };

/* Process-wide settings; `program` and `role` appear on every line (not copied). */
void log_setup(int fd, enum log_level least, enum log_format format, const char *program,
        const char *role);

/*
 * Writes one line: time, level, program, role, pid, msg, then key/value string pairs ended by
 * NULL. Every value is quoted as the format needs, so outside text is safe. A NULL value
 * prints as an empty one. Use the macros below, which add the NULL.
 */
void log_kv(enum log_level level, const char *msg, ...) __attribute__((sentinel));

#define log_debug(msg, ...) log_kv(LOG_DEBUG_LEVEL, msg, ##__VA_ARGS__, NULL)
#define log_info(msg, ...) log_kv(LOG_INFO_LEVEL, msg, ##__VA_ARGS__, NULL)
#define log_warn(msg, ...) log_kv(LOG_WARN_LEVEL, msg, ##__VA_ARGS__, NULL)
#define log_error(msg, ...) log_kv(LOG_ERROR_LEVEL, msg, ##__VA_ARGS__, NULL)

/* 0 and the level, or -OTK_INVALID_ARGUMENT: "debug", "info", "warn", "error". */
int log_level_parse(const char *text, enum log_level *out);

#endif
