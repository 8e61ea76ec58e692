/* Splitting a conninfo by host: libpq's own list has no timer per host. */
#include "db/hosts.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

enum { HOSTS_MAX = 16, KEYWORDS_MAX = 64, HOSTS_BUDGET = 256 * 1024 };

struct host {
	const char *keywords[KEYWORDS_MAX];
	const char *values[KEYWORDS_MAX];
	size_t count;
	const char *name;
};

struct db_hosts {
	struct arena *arena;
	struct host *list;
	size_t count;
};

/* What a session needs besides what the operator wrote. */
static const char *const session[][2] = {
        {"client_encoding", "UTF8"},
        {"keepalives_idle", "10"},
        {"keepalives_interval", "5"},
        {"keepalives_count", "3"},
        {"tcp_user_timeout", "15000"},
};

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword != NULL; options++)
		if (strcmp(options->keyword, keyword) == 0)
			return options->val;
	return NULL;
}

static size_t list_count(const char *list)
{
	size_t count = 1;

	for (; list != NULL && *list != '\0'; list++)
		count += *list == ',';
	return count;
}

/* The index-th of a comma list; of a list of one always that one. NULL for an empty item. */
static const char *list_item(struct arena *arena, const char *list, size_t index)
{
	const char *end;

	if (list == NULL || *list == '\0')
		return NULL;
	if (list_count(list) == 1)
		index = 0;
	for (; index > 0; index--) {
		list = strchr(list, ',');
		if (list == NULL)
			return NULL;
		list++;
	}
	end = strchrnul(list, ',');
	return end == list ? NULL : arena_strndup(arena, list, (size_t)(end - list));
}

static void host_set(struct host *host, const char *keyword, const char *value)
{
	if (value == NULL || host->count + 1 >= KEYWORDS_MAX)
		return;
	host->keywords[host->count] = keyword;
	host->values[host->count++] = value;
}

static void host_fill(struct db_hosts *hosts, size_t index, const PQconninfoOption *parsed,
        const char *application_name, const char *options)
{
	struct host *host = &hosts->list[index];
	struct arena *arena = hosts->arena;
	const char *name = list_item(arena, value_of(parsed, "host"), index);
	const char *address = list_item(arena, value_of(parsed, "hostaddr"), index);
	const char *port = list_item(arena, value_of(parsed, "port"), index);
	const char *theirs = value_of(parsed, "options");

	for (const PQconninfoOption *o = parsed; o->keyword != NULL; o++) {
		if (strcmp(o->keyword, "host") != 0 && strcmp(o->keyword, "hostaddr") != 0 &&
		        strcmp(o->keyword, "port") != 0 && strcmp(o->keyword, "options") != 0 &&
		        o->val != NULL)
			host_set(host, arena_strdup(arena, o->keyword),
			        arena_strdup(arena, o->val));
	}
	host_set(host, "host", name);
	host_set(host, "hostaddr", address);
	host_set(host, "port", port);
	if (theirs != NULL && options != NULL)
		options = arena_printf(arena, "%s %s", theirs, options);
	else if (options == NULL)
		options = theirs == NULL ? NULL : arena_strdup(arena, theirs);
	else
		options = arena_strdup(arena, options);
	host_set(host, "options", options);
	for (size_t i = 0; i < sizeof session / sizeof session[0]; i++)
		if (value_of(parsed, session[i][0]) == NULL)
			host_set(host, session[i][0], session[i][1]);
	if (value_of(parsed, "application_name") == NULL)
		host_set(host, "application_name", arena_strdup(arena, application_name));
	if (value_of(parsed, "target_session_attrs") == NULL)
		host_set(host, "target_session_attrs", "read-write");
	host->name = arena_printf(arena, "%s:%s",
	        name != NULL      ? name
	        : address != NULL ? address
	                          : "local",
	        port != NULL ? port : "5432");
}

struct db_hosts *db_hosts_parse(const char *conninfo, const char *application_name,
        const char *options, struct otk_error *err)
{
	char *message = NULL;
	PQconninfoOption *parsed = PQconninfoParse(conninfo, &message);
	struct arena *arena = arena_new(HOSTS_BUDGET);
	struct db_hosts *hosts = arena == NULL ? NULL : arena_calloc(arena, 1, sizeof *hosts);
	size_t addresses;

	if (parsed == NULL) {
		if (message != NULL)
			message[strcspn(message, "\n")] = '\0';
		error_set(err, OTK_INVALID_ARGUMENT, "DB_CONNINFO",
		        "the database's connection string is wrong: %s",
		        message == NULL ? "out of memory" : message);
		goto out_free;
	}
	if (hosts == NULL)
		goto out_memory;
	hosts->arena = arena;
	hosts->count = list_count(value_of(parsed, "host"));
	addresses = list_count(value_of(parsed, "hostaddr"));
	if (addresses > hosts->count)
		hosts->count = addresses;
	if (hosts->count > HOSTS_MAX) {
		error_set(err, OTK_INVALID_ARGUMENT, "DB_CONNINFO",
		        "the database's connection string names more than %d hosts", HOSTS_MAX);
		goto out_free;
	}
	hosts->list = arena_calloc(arena, hosts->count, sizeof *hosts->list);
	if (hosts->list == NULL)
		goto out_memory;
	for (size_t i = 0; i < hosts->count; i++)
		host_fill(hosts, i, parsed, application_name, options);
	if (arena_exhausted(arena))
		goto out_memory;
	PQconninfoFree(parsed);
	return hosts;

out_memory:
	error_set(err, OTK_RESOURCE_EXHAUSTED, "DB_MEMORY", "out of memory");
out_free:
	PQconninfoFree(parsed);
	PQfreemem(message);
	arena_free(arena);
	return NULL;
}

void db_hosts_free(struct db_hosts *hosts)
{
	if (hosts != NULL)
		arena_free(hosts->arena);
}

size_t db_hosts_count(const struct db_hosts *hosts)
{
	return hosts->count;
}

const char *db_hosts_name(const struct db_hosts *hosts, size_t index)
{
	return hosts->list[index].name;
}

const char *const *db_hosts_keywords(const struct db_hosts *hosts, size_t index)
{
	return hosts->list[index].keywords;
}

const char *const *db_hosts_values(const struct db_hosts *hosts, size_t index)
{
	return hosts->list[index].values;
}
