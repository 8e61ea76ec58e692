/* Settings of the agent. */
#include "agent/settings.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/log.h"

#define AT(field) offsetof(struct settings, field)

static const struct conf_option OPTIONS[] = {
        {"agent", CONF_TEXT, AT(agent), "agent", 0, 100,
                "Name of this agent, for its own logs and queue; the server goes by the "
                "certificate. Another name begins a new queue epoch."},
        {"server", CONF_TEXT, AT(server), NULL, 0, 300,
                "The server: host, host:port or [address]:port; the port is 7432 by default."},
        {"server_name", CONF_TEXT, AT(server_name), "", 0, 300,
                "The name in the server's certificate, where it is not the host above."},
        {"ca", CONF_TEXT, AT(ca), NULL, 0, 0, "PEM file: whom to trust."},
        {"certificate", CONF_TEXT, AT(certificate), NULL, 0, 0,
                "PEM file: this agent's certificate, then its intermediates."},
        {"key", CONF_TEXT, AT(key), NULL, 0, 0, "PEM file: the key of the certificate."},
        {"data_dir", CONF_TEXT, AT(data_dir), "/var/lib/otklik-agent", 0, 4000,
                "Folder of the durable queue. A report is written and synced here before "
                "anybody is told ok."},
        {"socket", CONF_TEXT, AT(socket), "/run/otklik-agent/agent.sock", 0, 100,
                "Unix socket of `otklik-agent report` and `status`; its group may report."},
        {"checks", CONF_TEXT, AT(checks), "", 0, 0,
                "YAML file of the checks to run; none: only people report."},
        {"queue_cap_mib", CONF_INT, AT(queue_cap_mib), "256", 1, 1024 * 1024,
                "The queue never takes more of the disk, MiB. From 80 % low reports are "
                "refused, from 90 % warnings, critical ones only when it is full."},
        {"concurrency", CONF_INT, AT(concurrency), "16", 1, 256, "Checks that run at once."},
        {"flap_start", CONF_INT, AT(flap_start), "30", 1, 100,
                "A check flaps from this percentage of state changes in its last 21 states."},
        {"flap_stop", CONF_INT, AT(flap_stop), "20", 0, 99, "And no more from this one down."},
        {"clock", CONF_TEXT, AT(clock), "real", 0, 0,
                "\"real\", or the path of a file with a clock that tests move."},
        {"log_level", CONF_TEXT, AT(log_level), "info", 0, 10, "debug, info, warn or error."},
        {"log_format", CONF_TEXT, AT(log_format), "logfmt", 0, 10, "logfmt or json."},
};

enum { OPTION_COUNT = sizeof OPTIONS / sizeof OPTIONS[0] };

static int values_check(const char *path, const struct settings *s, struct otk_error *err)
{
	enum log_level level;

	if (s->flap_stop >= s->flap_start)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_VALUE",
		        "%s: flap_stop = %lld: must be below flap_start = %lld", path,
		        (long long)s->flap_stop, (long long)s->flap_start);
	if (log_level_parse(s->log_level, &level) != 0)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_VALUE",
		        "%s: log_level = %s: must be debug, info, warn or error", path,
		        s->log_level);
	if (strcmp(s->log_format, "logfmt") != 0 && strcmp(s->log_format, "json") != 0)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_VALUE",
		        "%s: log_format = %s: must be logfmt or json", path, s->log_format);
	log_setup(STDERR_FILENO, level,
	        strcmp(s->log_format, "json") == 0 ? LOG_JSON : LOG_LOGFMT, "otklik-agent", "");
	return 0;
}

int settings_load(const char *path, struct settings *out, struct otk_error *err)
{
	int rc = conf_load(OPTIONS, OPTION_COUNT, path, out, err);

	if (rc == 0)
		rc = values_check(path, out, err);
	if (rc != 0)
		settings_release(out);
	return rc;
}

void settings_release(struct settings *settings)
{
	conf_release(OPTIONS, OPTION_COUNT, settings);
}

void settings_print(const struct settings *settings, FILE *out)
{
	conf_print(OPTIONS, OPTION_COUNT, settings, out);
}

struct otk_clock *settings_clock(const struct settings *settings, struct otk_error *err)
{
	struct otk_clock *clock = strcmp(settings->clock, "real") == 0
	                                  ? clock_new_real()
	                                  : clock_open_virtual(settings->clock, 0);

	if (clock == NULL)
		(void)error_set(err, OTK_FAILED_PRECONDITION, "CLOCK", "clock = %.300s: %s",
		        settings->clock, strerror(errno));
	return clock;
}
