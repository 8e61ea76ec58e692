/* Connection profiles: ~/.config/otklik/profiles/NAME.conf, a file per server and person. */
#ifndef OTKLIK_CLIENT_LIB_PROFILE_H
#define OTKLIK_CLIENT_LIB_PROFILE_H

#include <stdint.h>
#include <stdio.h>

#include "base/status.h"
#include "lib/client.h"

/* Texts are malloced; file names are absolute or relative to the profile's own folder. */
struct profile {
	char *name;
	char *path;   /* of the file itself */
	char *server; /* "host:port", "[::1]:7432", "host" */
	char *server_name;
	char *ca;
	char *cert;
	char *key;
	char *host; /* from `server` */
	uint16_t port;
};

/*
 * Reads the profile `name`; NULL: $OTKLIK_PROFILE, else "default". The folder is
 * $OTKLIK_CONFIG_DIR, else $XDG_CONFIG_HOME/otklik, else $HOME/.config/otklik. 0, or a negative
 * status with err naming the file and what to do. On failure `profile` needs no release.
 */
int profile_load(const char *name, struct profile *profile, struct otk_error *err);
void profile_release(struct profile *profile);

/* Options that point into the profile, which must outlive client_new. */
struct client_options profile_options(const struct profile *profile, const char *build);

/* The annotated file, for `otklik profile`. */
void profile_print(const struct profile *profile, FILE *out);

/* "host:port" and "[v6]:port" split; *host is malloced. 0, or -OTK_INVALID_ARGUMENT. */
int profile_split_server(const char *server, char **host, uint16_t *port);

#endif
