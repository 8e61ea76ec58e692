/* The option table of otklikd and the checks that a table cannot say. */
#include "settings.h"

#include <stddef.h>
#include <string.h>

#include "base/conf.h"
#include "net/address.h"

#define FIELD(name) offsetof(struct settings, name)

enum { CONNECTIONS_MAX = 1000000 };

static const struct conf_option OPTIONS[] = {
        {"installation", CONF_TEXT, FIELD(installation), NULL, 0, 64,
                "Part of every certificate's name: otklik://<installation>/person/<code>."},
        {"listen", CONF_TEXT, FIELD(listen), "127.0.0.1:7432", 0, 1024,
                "Where clients connect: address:port, [IPv6 address]:port or *:port; several "
                "separated by commas."},
        {"certificate", CONF_TEXT, FIELD(certificate), NULL, 0, 0,
                "PEM file: the server's certificate, then its intermediate ones."},
        {"key", CONF_TEXT, FIELD(key), NULL, 0, 0, "PEM file: the key of the certificate."},
        {"ca", CONF_TEXT, FIELD(ca), NULL, 0, 0,
                "PEM file: who signs the clients' certificates."},
        {"database", CONF_TEXT, FIELD(database), NULL, 0, 2048,
                "libpq connection string of the server's processes; several hosts as libpq "
                "writes them."},
        {"migrate_database", CONF_TEXT, FIELD(migrate_database), "", 0, 2048,
                "As above for `otklikd migrate`: a login that owns the schema. Empty: as "
                "database."},
        {"bootstrap_admin", CONF_TEXT, FIELD(bootstrap_admin), "", 0, 64,
                "The code of a person whom `otklikd migrate` makes administrator of an empty "
                "database."},
        {"database_connections", CONF_INT, FIELD(database_connections), "2", 1, 64,
                "Connections to PostgreSQL of each process."},
        {"api_processes", CONF_INT, FIELD(api_processes), "2", 0, 256,
                "Processes that serve clients; 0: none on this host."},
        {"jobs_processes", CONF_INT, FIELD(jobs_processes), "1", 0, 8,
                "Processes that run due timers and statistics; 0: none on this host."},
        {"notify_processes", CONF_INT, FIELD(notify_processes), "1", 0, 8,
                "Processes that send e-mail and webhooks; 0: none on this host. None are "
                "started while none of smtp_url, webhook_url, webhook_secret_dir is set."},
        {"compute_processes", CONF_INT, FIELD(compute_processes), "1", 0, 8,
                "Simulations and forecasts that each process serving clients has computed at "
                "once, each in a process that lives as long as it; 0: none on this host."},
        {"compute_timeout", CONF_INT, FIELD(compute_timeout), "600", 1, 86400,
                "Seconds that one simulation or forecast may take, reading it included."},
        {"compute_stall", CONF_INT, FIELD(compute_stall), "120", 1, 86400,
                "Seconds that one may come no further, be it that it computes or that its "
                "client does not read."},
        {"smtp_url", CONF_TEXT, FIELD(smtp_url), "", 0, 1024,
                "Where e-mail goes: smtp://host:port, or smtps://host:port for TLS from the "
                "start. Empty: nobody gets e-mail. The same on every host."},
        {"smtp_from", CONF_TEXT, FIELD(smtp_from), "", 0, 254,
                "The address that e-mail comes from; required with smtp_url."},
        {"smtp_user", CONF_TEXT, FIELD(smtp_user), "", 0, 256,
                "Login at the mail server; empty: none. With it smtp_tls has to be require, "
                "or none where the password may be read on the way."},
        {"smtp_password_file", CONF_TEXT, FIELD(smtp_password_file), "", 0, 0,
                "File whose first line is the password of smtp_user."},
        {"smtp_tls", CONF_TEXT, FIELD(smtp_tls), "try", 0, 8,
                "STARTTLS: none, try (if the server offers it; its certificate is not "
                "checked) or require (checked)."},
        {"webhook_url", CONF_TEXT, FIELD(webhook_url), "", 0, 2048,
                "Where every notice is posted as JSON: http:// or https://. Empty: nowhere. "
                "The same on every host."},
        {"webhook_secret_file", CONF_TEXT, FIELD(webhook_secret_file), "", 0, 0,
                "File whose first line is the secret of the signatures (HMAC-SHA256); required "
                "with webhook_url."},
        {"webhook_secret_dir", CONF_TEXT, FIELD(webhook_secret_dir), "", 0, 0,
                "Folder with a file a secret, named by the secret of customers' webhooks; "
                "empty: "
                "customers have no webhooks. The same on every host."},
        {"webhook_allow_private", CONF_BOOL, FIELD(webhook_allow_private), "no", 0, 0,
                "Whether webhooks may lead to loopback, link-local or private addresses."},
        {"notify_attempts", CONF_INT, FIELD(notify_attempts), "48", 1, 1000,
                "Attempts to deliver a message (10 s apart, doubling up to an hour) before "
                "it is put aside; see `otklik outbox`."},
        {"notify_burst", CONF_INT, FIELD(notify_burst), "10", 1, 1000,
                "Messages to one person within notify_window; what is beyond becomes one "
                "summary."},
        {"notify_window", CONF_INT, FIELD(notify_window), "300", 1, 86400,
                "Seconds in which notify_burst counts."},
        {"clock", CONF_TEXT, FIELD(clock), "real", 0, 0,
                "`real`, or the path of a file with a clock that tests move."},
        {"zoneinfo", CONF_TEXT, FIELD(zoneinfo), "", 0, 400,
                "Directory of the IANA time zones, TZif files with tzdata.zi; empty: "
                "/usr/share/zoneinfo. A change there is an edit of the calendars in that "
                "zone, at the latest a minute later."},
        {"user", CONF_TEXT, FIELD(user), "", 0, 64,
                "The user to become when started by root; required then."},
        {"run_dir", CONF_TEXT, FIELD(run_dir), "", 0, 80,
                "Directory of the pid file and of the socket of `otklikd status`; empty: "
                "neither."},
        {"max_connections", CONF_INT, FIELD(max_connections), "10000", 1, CONNECTIONS_MAX,
                "Connections in all; more are closed at once."},
        {"per_address_connections", CONF_INT, FIELD(per_address_connections), "256", 1,
                CONNECTIONS_MAX, "Connections of one address (IPv6: of one /64)."},
        {"per_address_handshakes", CONF_INT, FIELD(per_address_handshakes), "64", 1,
                CONNECTIONS_MAX, "Of these, connections that have not yet shown who they are."},
        {"in_flight_per_connection", CONF_INT, FIELD(in_flight_per_connection), "64", 1, 4096,
                "Requests under way of one connection; past it the server stops reading."},
        {"in_flight_per_process", CONF_INT, FIELD(in_flight_per_process), "4096", 1, 1000000,
                "Requests under way of one process; past it the server stops reading."},
        {"connection_age", CONF_INT, FIELD(connection_age), "86400", 60, 31536000,
                "Seconds after which a connection is asked to reconnect, so that new "
                "certificates and settings reach everybody."},
        {"drain", CONF_INT, FIELD(drain), "10", 0, 3600,
                "Seconds that a stopping process gives to the requests under way."},
        {"log_level", CONF_TEXT, FIELD(log_level_text), "info", 0, 8,
                "debug, info, warn or error."},
        {"log_format", CONF_TEXT, FIELD(log_format_text), "logfmt", 0, 8, "logfmt or json."},
};

enum { OPTION_COUNT = sizeof OPTIONS / sizeof OPTIONS[0] };

static int code_check(const char *path, const char *name, const char *value, bool required,
        struct otk_error *err)
{
	static const char ALLOWED[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";

	if (value[0] == '\0' && !required)
		return 0;
	if (value[0] == '\0' || value[strspn(value, ALLOWED)] != '\0')
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_VALUE",
		        "%s: %s = %s: must be 1 to 64 of a-z 0-9 . _ -", path, name, value);
	return 0;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static int notify_check(const char *path, const struct settings *s, struct otk_error *err)
{
	static const char PLAIN[] = "\x01\x02\t\n\r <>\",";

	if (s->smtp_url[0] != '\0' && !begins(s->smtp_url, "smtp://") &&
	        !begins(s->smtp_url, "smtps://"))
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_VALUE",
		        "%s: smtp_url = %s: must begin with smtp:// or smtps://", path,
		        s->smtp_url);
	if (s->smtp_url[0] != '\0' &&
	        (strchr(s->smtp_from, '@') == NULL || strpbrk(s->smtp_from, PLAIN) != NULL))
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_VALUE",
		        "%s: smtp_from = %s: must be an address such as desk@example.org, "
		        "because smtp_url is set",
		        path, s->smtp_from);
	if (strcmp(s->smtp_tls, "none") != 0 && strcmp(s->smtp_tls, "try") != 0 &&
	        strcmp(s->smtp_tls, "require") != 0)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_VALUE",
		        "%s: smtp_tls = %s: must be none, try or require", path, s->smtp_tls);
	/* With `try` whoever stands between may take STARTTLS out, and reads the password. */
	if (s->smtp_user[0] != '\0' && strcmp(s->smtp_tls, "try") == 0 &&
	        !begins(s->smtp_url, "smtps://"))
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_VALUE",
		        "%s: smtp_tls: must be require because smtp_user is set, or none if "
		        "the password may be read on the way",
		        path);
	if (s->webhook_url[0] != '\0' && !begins(s->webhook_url, "http://") &&
	        !begins(s->webhook_url, "https://"))
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_VALUE",
		        "%s: webhook_url = %s: must begin with http:// or https://", path,
		        s->webhook_url);
	if (s->webhook_url[0] != '\0' && s->webhook_secret_file[0] == '\0')
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_VALUE",
		        "%s: webhook_secret_file: is required because webhook_url is set",
		        path);
	return 0;
}

unsigned settings_notify_processes(const struct settings *settings)
{
	bool any = settings->smtp_url[0] != '\0' || settings->webhook_url[0] != '\0' ||
	           settings->webhook_secret_dir[0] != '\0';

	return any ? (unsigned)settings->notify_processes : 0;
}

static int texts_check(const char *path, struct settings *s, struct otk_error *err)
{
	struct address addresses[ADDRESS_LIST_MAX];
	size_t count;
	int rc;

	rc = code_check(path, "installation", s->installation, true, err);
	if (rc == 0)
		rc = code_check(path, "bootstrap_admin", s->bootstrap_admin, false, err);
	if (rc == 0 && s->clock[0] != '/' && strcmp(s->clock, "real") != 0)
		rc = error_set(err, OTK_INVALID_ARGUMENT, "BAD_VALUE",
		        "%s: clock = %s: must be real or an absolute path", path, s->clock);
	if (rc == 0 && s->run_dir[0] != '\0' && s->run_dir[0] != '/')
		rc = error_set(err, OTK_INVALID_ARGUMENT, "BAD_VALUE",
		        "%s: run_dir = %s: must be an absolute path", path, s->run_dir);
	if (rc == 0 && log_level_parse(s->log_level_text, &s->log_level) != 0)
		rc = error_set(err, OTK_INVALID_ARGUMENT, "BAD_VALUE",
		        "%s: log_level = %s: must be debug, info, warn or error", path,
		        s->log_level_text);
	if (rc == 0 && strcmp(s->log_format_text, "logfmt") == 0)
		s->log_format = LOG_LOGFMT;
	else if (rc == 0 && strcmp(s->log_format_text, "json") == 0)
		s->log_format = LOG_JSON;
	else if (rc == 0)
		rc = error_set(err, OTK_INVALID_ARGUMENT, "BAD_VALUE",
		        "%s: log_format = %s: must be logfmt or json", path,
		        s->log_format_text);
	if (rc == 0)
		rc = notify_check(path, s, err);
	if (rc == 0) {
		struct otk_error why;

		rc = address_list_parse(s->listen, addresses, &count, &why);
		if (rc != 0)
			rc = error_set(err, OTK_INVALID_ARGUMENT, "BAD_VALUE",
			        "%s: listen = %s: %s", path, s->listen, why.message);
	}
	return rc;
}

int settings_load(const char *path, struct settings *settings, struct otk_error *err)
{
	int rc;

	memset(settings, 0, sizeof *settings);
	settings->file = path;
	rc = conf_load(OPTIONS, OPTION_COUNT, path, settings, err);
	if (rc == 0)
		rc = texts_check(path, settings, err);
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
