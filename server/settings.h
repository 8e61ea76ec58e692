/* The settings of otklikd: one table row per option, read once per process and reload. */
#ifndef OTKLIK_SERVER_SETTINGS_H
#define OTKLIK_SERVER_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/log.h"
#include "base/status.h"

/* Texts are owned by the struct; an option left empty is "". Durations are in seconds. */
struct settings {
	char *installation;
	char *listen; /* addresses separated by commas */
	char *certificate;
	char *key;
	char *ca;
	char *database;
	char *migrate_database; /* "": as database */
	char *bootstrap_admin;  /* "": nobody */
	int64_t database_connections;
	int64_t api_processes;
	int64_t jobs_processes;
	int64_t notify_processes;
	int64_t compute_processes;
	int64_t compute_timeout; /* s */
	int64_t compute_stall;   /* s */
	char *smtp_url;          /* "": no e-mail */
	char *smtp_from;
	char *smtp_user;
	char *smtp_password_file;
	char *smtp_tls;    /* none, try, require */
	char *webhook_url; /* "": none */
	char *webhook_secret_file;
	char *webhook_secret_dir;
	bool webhook_allow_private;
	int64_t notify_attempts;
	int64_t notify_burst;
	int64_t notify_window;
	char *clock; /* "real" or a path */
	char *user;
	char *run_dir; /* "": no pid file, no status socket */
	int64_t max_connections;
	int64_t per_address_connections;
	int64_t per_address_handshakes;
	int64_t in_flight_per_connection;
	int64_t in_flight_per_process;
	int64_t connection_age;
	int64_t drain;
	char *zoneinfo;
	char *log_level_text;
	char *log_format_text;

	const char *file; /* these are from; not copied */

	/* Derived from the texts. */
	enum log_level log_level;
	enum log_format log_format;
};

/* Processes of role notify to run: none while there is nothing to send by. */
unsigned settings_notify_processes(const struct settings *settings);

/*
 * Reads and checks the file. 0, or a negative status with err naming file, line and what would
 * be right; settings_release is due in either case.
 */
int settings_load(const char *path, struct settings *settings, struct otk_error *err);
void settings_release(struct settings *settings);

/* Prints an annotated file with these values. */
void settings_print(const struct settings *settings, FILE *out);

#endif
