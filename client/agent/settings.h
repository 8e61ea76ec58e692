/* The settings file of the agent: one row per option, see settings.c. */
#ifndef OTKLIK_AGENT_SETTINGS_H
#define OTKLIK_AGENT_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/status.h"

#define SETTINGS_PATH "/etc/otklik/agent.conf"

struct settings {
	char *agent;
	char *server;
	char *server_name;
	char *ca;
	char *certificate;
	char *key;
	char *data_dir;
	char *socket;
	char *checks;
	int64_t queue_cap_mib;
	int64_t concurrency;
	int64_t flap_start;
	int64_t flap_stop;
	char *clock;
	char *log_level;
	char *log_format;
};

/*
 * Reads and checks the file; opens the log on standard error. On failure nothing is left to
 * release.
 */
int settings_load(const char *path, struct settings *out, struct otk_error *err);
void settings_release(struct settings *settings);

/* Prints an annotated file with all values. */
void settings_print(const struct settings *settings, FILE *out);

/* The clock the settings name. NULL with err filled. */
struct otk_clock *settings_clock(const struct settings *settings, struct otk_error *err);

#endif
