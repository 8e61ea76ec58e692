/* Connection profiles. */
#include "lib/profile.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/text.h"

static const struct conf_option OPTIONS[] = {
        {"server", CONF_TEXT, offsetof(struct profile, server), NULL, 0, 300,
                "Server as host:port; the port may be left out. An IPv6 address stands in "
                "brackets: [::1]:7432."},
        {"server_name", CONF_TEXT, offsetof(struct profile, server_name), "", 0, 255,
                "Name in the server's certificate, where it is not the host of `server`."},
        {"ca", CONF_TEXT, offsetof(struct profile, ca), "ca.crt", 0, 0,
                "Certificates of the authority that signed the server's; PEM. File names may "
                "be relative to this file."},
        {"cert", CONF_TEXT, offsetof(struct profile, cert), "client.crt", 0, 0,
                "Your certificate; PEM, followed by any intermediate ones."},
        {"key", CONF_TEXT, offsetof(struct profile, key), "client.key", 0, 0,
                "Your private key; PEM."},
};

enum { OPTION_COUNT = sizeof OPTIONS / sizeof OPTIONS[0] };

static char *join(const char *a, const char *b, const char *c)
{
	size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
	char *text = malloc(size);

	if (text != NULL)
		(void)snprintf(text, size, "%s%s%s", a, b, c);
	return text;
}

static const char *set_or_null(const char *variable)
{
	const char *value = getenv(variable);

	return value == NULL || value[0] == '\0' ? NULL : value;
}

/* The path of the profile's file, malloced; NULL when memory is out. */
static char *profile_path(const char *name)
{
	const char *dir = set_or_null("OTKLIK_CONFIG_DIR");
	const char *xdg = set_or_null("XDG_CONFIG_HOME");
	const char *home = set_or_null("HOME");
	char *folder = dir != NULL   ? join(dir, "", "")
	               : xdg != NULL ? join(xdg, "/otklik", "")
	                             : join(home == NULL ? "" : home, "/.config/otklik", "");
	char *stem = folder == NULL ? NULL : join(folder, "/profiles/", name);
	char *path = stem == NULL ? NULL : join(stem, ".conf", "");

	free(folder);
	free(stem);
	return path;
}

/* Makes a file name that is relative to the profile's folder absolute. */
static int make_absolute(const char *profile, char **file)
{
	const char *slash = strrchr(profile, '/');
	char *whole;

	if ((*file)[0] == '/' || slash == NULL)
		return 0;
	whole = malloc((size_t)(slash - profile) + strlen(*file) + 2);
	if (whole == NULL)
		return -1;
	memcpy(whole, profile, (size_t)(slash - profile) + 1);
	memcpy(whole + (slash - profile) + 1, *file, strlen(*file) + 1);
	free(*file);
	*file = whole;
	return 0;
}

int profile_split_server(const char *server, char **host, uint16_t *port)
{
	const char *begin = server, *end, *colon;
	int64_t number = CLIENT_PORT_DEFAULT;

	if (server[0] == '[') {
		begin = server + 1;
		end = strchr(begin, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return -OTK_INVALID_ARGUMENT;
		colon = end[1] == ':' ? end + 1 : NULL;
	} else {
		colon = strrchr(server, ':');
		end = colon == NULL ? server + strlen(server) : colon;
		if (memchr(server, ':', (size_t)(end - server)) != NULL)
			return -OTK_INVALID_ARGUMENT; /* an IPv6 address without brackets */
	}
	if (end == begin ||
	        (colon != NULL && text_to_i64(colon + 1, 1, UINT16_MAX, &number) < 0))
		return -OTK_INVALID_ARGUMENT;
	*host = strndup(begin, (size_t)(end - begin));
	if (*host == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	*port = (uint16_t)number;
	return 0;
}

static int profile_complete(struct profile *profile, struct otk_error *err)
{
	int rc = profile_split_server(profile->server, &profile->host, &profile->port);

	if (rc == -OTK_INVALID_ARGUMENT)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_PROFILE",
		        "%s: server = %s must be host:port, host or [address]:port",
		        profile->path, profile->server);
	if (rc < 0 || make_absolute(profile->path, &profile->ca) < 0 ||
	        make_absolute(profile->path, &profile->cert) < 0 ||
	        make_absolute(profile->path, &profile->key) < 0)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "memory is out");
	return 0;
}

int profile_load(const char *name, struct profile *profile, struct otk_error *err)
{
	int rc;

	memset(profile, 0, sizeof *profile);
	if (name == NULL)
		name = set_or_null("OTKLIK_PROFILE");
	if (name == NULL)
		name = "default";
	if (strchr(name, '/') != NULL)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_PROFILE",
		        "a profile is named by a word, not by the path %s", name);
	profile->name = strdup(name);
	profile->path = profile_path(name);
	if (profile->name == NULL || profile->path == NULL) {
		rc = error_set(err, OTK_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "memory is out");
		goto out_release;
	}
	if (access(profile->path, R_OK) != 0) {
		rc = error_set(err, OTK_NOT_FOUND, "NO_PROFILE",
		        "there is no readable profile %s; make it with `server`, `ca`, `cert` "
		        "and `key`, or choose another with --profile or OTKLIK_PROFILE",
		        profile->path);
		goto out_release;
	}
	rc = conf_load(OPTIONS, OPTION_COUNT, profile->path, profile, err);
	if (rc == 0)
		rc = profile_complete(profile, err);
	if (rc == 0)
		return 0;
out_release:
	profile_release(profile);
	return rc;
}

void profile_release(struct profile *profile)
{
	conf_release(OPTIONS, OPTION_COUNT, profile);
	free(profile->name);
	free(profile->path);
	free(profile->host);
	profile->name = profile->path = profile->host = NULL;
}

struct client_options profile_options(const struct profile *profile, const char *build)
{
	return (struct client_options){.host = profile->host,
	        .port = profile->port,
	        .server_name = profile->server_name[0] == '\0' ? NULL : profile->server_name,
	        .ca_file = profile->ca,
	        .cert_file = profile->cert,
	        .key_file = profile->key,
	        .build = build,
	        .fail_fast = true};
}

void profile_print(const struct profile *profile, FILE *out)
{
	conf_print(OPTIONS, OPTION_COUNT, profile, out);
}
