/* otklikd: reads the command line and wires the rooms together. */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/tz.h"
#include "migrate.h"
#include "net/master.h"
#include "net/tls.h"
#include "settings.h"
#include "worker.h"

enum { EXIT_USAGE = 2 };

static const char HELP[] =
        "otklikd: the otklik server\n"
        "\n"
        "usage: otklikd [run] --config FILE       serve until SIGTERM; SIGHUP reloads\n"
        "       otklikd check-config --config FILE  say whether the settings are usable\n"
        "       otklikd print-config --config FILE  print them all, with what they mean\n"
        "       otklikd migrate --config FILE     bring the database to this build's schema\n"
        "       otklikd status --config FILE      what the running server's processes do\n"
        "\n"
        "options:\n"
        "  --config FILE   settings, lines of `name = value`\n"
        "  --quiet         check-config: say nothing when all is well\n"
        "  --help, --version\n"
        "\n"
        "examples:\n"
        "  otklikd migrate --config /etc/otklik/otklikd.conf\n"
        "  otklikd run --config /etc/otklik/otklikd.conf\n"
        "  kill -HUP $(cat /run/otklik/otklikd.pid)    # new settings, new certificates\n"
        "\n"
        "exit status: 0 done, 1 failed, 2 wrong usage\n";

struct command_line {
	const char *verb;
	const char *config;
	const char *role;
	bool quiet;
};

static int usage(const char *why, const char *what)
{
	(void)fprintf(stderr, "otklikd: %s%s; try `otklikd --help`\n", why, what);
	return EXIT_USAGE;
}

static int failed(const struct otk_error *err)
{
	(void)fprintf(stderr, "otklikd: %s\n", err->message);
	return EXIT_FAILURE;
}

/* ---- check-config ---------------------------------------------------------------------- */

/* What would fail at start fails here: also certificates and keys are read. */
static int config_check(const struct settings *settings, struct otk_error *err)
{
	SSL_CTX *tls;

	if (settings->user[0] != '\0' && getpwnam(settings->user) == NULL)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_VALUE",
		        "user = %s: there is no such user on this host", settings->user);
	if (settings->api_processes == 0)
		return 0;
	tls = tls_server_context(settings->certificate, settings->key, settings->ca, err);
	if (tls == NULL)
		return -OTK_INVALID_ARGUMENT;
	SSL_CTX_free(tls);
	return 0;
}

/* ---- run ------------------------------------------------------------------------------- */

static int master_load(const char *config, struct master_settings *out, struct otk_error *err)
{
	struct settings settings;
	int rc = settings_load(config, &settings, err);

	if (rc == 0) {
		*out = (struct master_settings){
		        .api_processes = (unsigned)settings.api_processes,
		        .jobs_processes = (unsigned)settings.jobs_processes,
		        .notify_processes = settings_notify_processes(&settings),
		        .limits = {.total = (unsigned)settings.max_connections,
		                .per_address = (unsigned)settings.per_address_connections,
		                .per_address_unknown =
		                        (unsigned)settings.per_address_handshakes},
		        .drain_s = (unsigned)settings.drain};
		(void)snprintf(out->run_dir, sizeof out->run_dir, "%s", settings.run_dir);
		if (settings.api_processes > 0)
			rc = address_list_parse(
			        settings.listen, out->listen, &out->listen_count, err);
	}
	settings_release(&settings);
	return rc;
}

/* Nobody but the one that binds a privileged port needs to be root, and that only once. */
static int privileges_drop(const struct settings *settings, struct otk_error *err)
{
	const struct passwd *user;

	if (geteuid() != 0)
		return 0;
	user = getpwnam(settings->user);
	if (user == NULL)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_VALUE",
		        "user = %s: there is no such user on this host", settings->user);
	if (user->pw_uid == 0)
		return 0; /* said in so many words */
	if (settings->run_dir[0] != '\0' &&
	        chown(settings->run_dir, user->pw_uid, user->pw_gid) < 0)
		return error_set(err, OTK_UNAVAILABLE, "RUN_DIR", "run_dir = %s: %s",
		        settings->run_dir, strerror(errno));
	if (initgroups(user->pw_name, user->pw_gid) < 0 || setgid(user->pw_gid) < 0 ||
	        setuid(user->pw_uid) < 0)
		return error_set(err, OTK_PERMISSION_DENIED, "USER", "cannot become %s: %s",
		        settings->user, strerror(errno));
	return 0;
}

static int run(const struct settings *settings, const char *config, struct otk_error *err)
{
	static char program[4096];
	struct master_options options = {
	        .program = program, .config = config, .load = master_load};
	struct master *master;
	ssize_t length;
	int rc;

	if (geteuid() == 0 && settings->user[0] == '\0')
		return error_set(err, OTK_FAILED_PRECONDITION, "ROOT",
		        "started by root: set `user = …` in %s to the user it shall become",
		        config);
	/* Found by path again at a reload, so that an upgrade takes effect. */
	length = readlink("/proc/self/exe", program, sizeof program - 1);
	if (length <= 0)
		return error_set(
		        err, OTK_UNAVAILABLE, "PROC", "/proc/self/exe: %s", strerror(errno));
	if (config_check(settings, err) != 0)
		return -OTK_INVALID_ARGUMENT;
	log_setup(
	        STDERR_FILENO, settings->log_level, settings->log_format, "otklikd", "master");
	master = master_new(&options, err);
	if (master == NULL)
		return -(int)err->code;
	rc = privileges_drop(settings, err);
	if (rc == 0) {
		rc = master_run(master);
		if (rc != 0)
			(void)error_set(
			        err, OTK_INTERNAL, "MASTER", "the server could not run");
	}
	master_free(master);
	return rc;
}

/* ---- the children ---------------------------------------------------------------------- */

static int child(const struct settings *settings, const char *name)
{
	const struct worker_role *role = NULL;

	if (strcmp(name, worker_api.name) == 0)
		role = &worker_api;
	else if (strcmp(name, worker_jobs.name) == 0)
		role = &worker_jobs;
	else if (strcmp(name, worker_notify.name) == 0)
		role = &worker_notify;
	if (strcmp(name, "compute") == 0) {
		log_setup(STDERR_FILENO, settings->log_level, settings->log_format, "otklikd",
		        name);
		return compute_process_run(settings);
	}
	if (role == NULL)
		return usage("there is no role ", name);
	log_setup(STDERR_FILENO, settings->log_level, settings->log_format, "otklikd",
	        role->name);
	return worker_run(role, settings, MASTER_CHILD_CHANNEL);
}

/* ---- the command line ------------------------------------------------------------------ */

static int verb_run(const struct command_line *line, const struct settings *settings)
{
	struct otk_error err;
	int rc = 0;

	if (strcmp(line->verb, "run") == 0) {
		rc = run(settings, line->config, &err);
	} else if (strcmp(line->verb, "check-config") == 0) {
		rc = config_check(settings, &err);
		if (rc == 0 && !line->quiet)
			(void)printf("%s is usable\n", line->config);
	} else if (strcmp(line->verb, "print-config") == 0) {
		settings_print(settings, stdout);
	} else if (strcmp(line->verb, "migrate") == 0) {
		rc = migrate_run(settings, &err);
	} else if (strcmp(line->verb, "status") == 0) {
		rc = master_status(settings->run_dir, stdout, &err);
	} else {
		return usage("there is no verb ", line->verb);
	}
	return rc == 0 ? EXIT_SUCCESS : failed(&err);
}

static int command(const struct command_line *line)
{
	struct settings settings;
	struct otk_error err;
	int status;

	if (settings_load(line->config, &settings, &err) != 0) {
		status = failed(&err);
		goto out_release;
	}
	if (settings.zoneinfo[0] != '\0')
		tz_use_folder(settings.zoneinfo);
	if (line->role != NULL)
		status = child(&settings, line->role);
	else
		status = verb_run(line, &settings);
out_release:
	settings_release(&settings);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option OPTIONS[] = {
	        {"config", required_argument, NULL, 'c'},
	        {"role", required_argument, NULL,
	                'r'}, /* given by the master to its children */
	        {"quiet", no_argument, NULL, 'q'},
	        {"help", no_argument, NULL, 'h'},
	        {"version", no_argument, NULL, 'V'},
	        {NULL, 0, NULL, 0},
	};
	struct command_line line = {.verb = "run"};
	int option;

	while ((option = getopt_long(argc, argv, "c:hV", OPTIONS, NULL)) != -1) {
		switch (option) {
		case 'c':
			line.config = optarg;
			break;
		case 'r':
			line.role = optarg;
			break;
		case 'q':
			line.quiet = true;
			break;
		case 'h':
			(void)fputs(HELP, stdout);
			return EXIT_SUCCESS;
		case 'V':
			(void)printf("otklikd %s\n", OTKLIK_VERSION);
			return EXIT_SUCCESS;
		default:
			return usage("wrong option", "");
		}
	}
	if (optind < argc)
		line.verb = argv[optind++];
	if (optind < argc)
		return usage("too many words: ", argv[optind]);
	if (line.config == NULL)
		return usage("say which settings: --config FILE", "");
	return command(&line);
}
