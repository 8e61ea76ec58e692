/* otklik ticket attachment list|get, and ticket attach. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "cli/clean.h"
#include "cli/content.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "otklik/v1/mail.pb-c.h"

enum { FILE_PIECE = 64 * 1024 };
#define FILE_MOST (INT64_C(64) << 20)

static void hex_of(const ProtobufCBinaryData *hash, char out[2 * CONTENT_HASH + 1])
{
	out[0] = '\0';
	for (size_t i = 0; i < hash->len && i < CONTENT_HASH; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", hash->data[i]);
}

/* ---- list ------------------------------------------------------------------------------ */

static void row_put(struct table *t, const Otklik__V1__Attachment *a)
{
	char hash[2 * CONTENT_HASH + 1];
	char kind[32];

	hex_of(&a->file->hash, hash);
	json_enum_word(&otklik__v1__attachment_kind__descriptor, (int)a->file->kind, kind,
	        sizeof kind);
	table_row(t);
	table_number(t, a->seq);
	table_text(t, a->file->name);
	table_text(t, a->file->media_type);
	table_number(t, a->file->size);
	table_text(t, kind);
	table_text(t, a->internal ? "internal" : "public");
	table_text(t, a->actor[0] == '\0' ? NULL : a->actor);
	table_time(t, a->attached_at_us);
	table_text(t, hash);
}

static int list(struct cli *cli, int64_t ticket)
{
	static const char *const COLUMNS[] = {
	        "number", "name", "type", "bytes", "kind", "seen", "by", "at", "sha256"};
	Otklik__V1__ListAttachmentsRequest in = OTKLIK__V1__LIST_ATTACHMENTS_REQUEST__INIT;
	struct table *t = table_new(cli);
	int rc = 0;

	for (size_t i = 0; i < sizeof COLUMNS / sizeof COLUMNS[0]; i++)
		table_column(t, COLUMNS[i], 0);
	in.ticket_id = ticket;
	do {
		const Otklik__V1__ListAttachmentsResponse *out;
		const ProtobufCMessage *reply = NULL;

		rc = cli_call(cli, METHOD_LIST_ATTACHMENTS, &in.base, &reply);
		if (rc != 0)
			break;
		out = (const Otklik__V1__ListAttachmentsResponse *)(const void *)reply;
		for (size_t i = 0; i < out->n_attachments; i++) {
			if (out->attachments[i]->file != NULL)
				row_put(t, out->attachments[i]);
		}
		in.after_seq = out->next_after_seq;
	} while (in.after_seq != 0);
	if (rc == 0)
		rc = table_print(t, stdout);
	table_free(t);
	return rc;
}

/* ---- get ------------------------------------------------------------------------------- */

struct download {
	const char *wanted; /* -o, or NULL */
	char name[256];
	char temporary[512];
	int fd; /* -1: not open */
	EVP_MD_CTX *ctx;
	uint8_t hash[CONTENT_HASH];
	int64_t size;
	int64_t got;
	int rc;
};

static int io_fail(const char *name)
{
	clean_printf(stderr, "otklik: %s: %s", name, strerror(errno));
	(void)fputc('\n', stderr);
	return EXIT_IO;
}

/* The file under a name that nobody takes for it, beside its place. */
static int download_open(struct download *d, const Otklik__V1__Attachment *a)
{
	mode_t mask;

	if (a->file == NULL || a->file->hash.len != CONTENT_HASH)
		return cli_lacks("attachment");
	memcpy(d->hash, a->file->hash.data, CONTENT_HASH);
	d->size = a->file->size;
	if (d->wanted == NULL)
		content_name(a->file->name, d->name);
	if (d->wanted != NULL && strcmp(d->wanted, "-") == 0) {
		d->fd = STDOUT_FILENO;
		return 0;
	}
	(void)snprintf(d->temporary, sizeof d->temporary, "%s.XXXXXX",
	        d->wanted != NULL ? d->wanted : d->name);
	d->fd = mkostemp(d->temporary, O_CLOEXEC);
	if (d->fd < 0) {
		d->temporary[0] = '\0';
		return io_fail(d->wanted != NULL ? d->wanted : d->name);
	}
	mask = umask(0);
	(void)umask(mask);
	(void)fchmod(d->fd, 0666 & ~mask); /* as any new file of the user's */
	return 0;
}

static int bytes_write(struct download *d, const uint8_t *data, size_t size)
{
	if (EVP_DigestUpdate(d->ctx, data, size) != 1)
		return EXIT_SOFTWARE;
	while (size > 0) {
		ssize_t n = write(d->fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return io_fail(d->temporary[0] != '\0' ? d->temporary : "-");
		data += n;
		size -= (size_t)n;
		d->got += n;
	}
	return 0;
}

static bool item_take(void *arg, const ProtobufCMessage *message)
{
	const Otklik__V1__GetAttachmentResponse *item =
	        (const Otklik__V1__GetAttachmentResponse *)(const void *)message;
	struct download *d = arg;

	if (item->attachment != NULL)
		d->rc = d->fd < 0 ? download_open(d, item->attachment) : EXIT_SOFTWARE;
	else if (d->fd < 0)
		d->rc = cli_lacks("attachment");
	else
		d->rc = bytes_write(d, item->data.data, item->data.len);
	return d->rc == 0;
}

/* Whole and right, the file gets its name; it never takes one that is there unasked. */
static int download_end(struct download *d)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	const char *name = d->wanted != NULL ? d->wanted : d->name;

	if (d->fd < 0)
		return cli_lacks("attachment");
	if (d->got != d->size || EVP_DigestFinal_ex(d->ctx, hash, NULL) != 1 ||
	        memcmp(hash, d->hash, CONTENT_HASH) != 0) {
		(void)fputs("otklik: what came is not what was attached; try again\n", stderr);
		return EXIT_SOFTWARE;
	}
	if (d->temporary[0] == '\0')
		return 0;
	if (fsync(d->fd) != 0)
		return io_fail(d->temporary);
	if (d->wanted != NULL ? rename(d->temporary, name) != 0 : link(d->temporary, name) != 0)
		return io_fail(name);
	if (d->wanted == NULL)
		(void)unlink(d->temporary);
	d->temporary[0] = '\0';
	clean_printf(stdout, "%s", name);
	(void)printf("  %lld bytes\n", (long long)d->size);
	return 0;
}

static int get(struct cli *cli, int64_t ticket, int64_t number, const char *wanted)
{
	Otklik__V1__GetAttachmentRequest in = OTKLIK__V1__GET_ATTACHMENT_REQUEST__INIT;
	struct download d = {.wanted = wanted, .fd = -1, .ctx = EVP_MD_CTX_new()};
	struct otk_error err = {0};
	int rc = cli_connect(cli);

	in.ticket_id = ticket;
	in.seq = number;
	if (rc == 0 && (d.ctx == NULL || EVP_DigestInit_ex(d.ctx, EVP_sha256(), NULL) != 1))
		rc = EXIT_SOFTWARE;
	if (rc == 0 && client_stream(cli->client, METHOD_GET_ATTACHMENT, &in.base, item_take,
	                       &d, &err) != 0)
		rc = cli_fail(&err);
	if (rc == 0)
		rc = d.rc;
	if (rc == 0)
		rc = download_end(&d);
	if (d.temporary[0] != '\0')
		(void)unlink(d.temporary);
	if (d.fd > STDOUT_FILENO)
		(void)close(d.fd);
	EVP_MD_CTX_free(d.ctx);
	return rc;
}

int verb_ticket_attachment(struct cli *cli, int argc, char **argv)
{
	const char *what = "";
	const char *file = NULL;
	int64_t ticket = 0;
	int64_t number = 0;
	const struct cli_option options[] = {
	        {"<list|get>", 0, OPTION_TEXT, &what, "what to do", true, 0, 0},
	        {"<ticket>", 0, OPTION_NUMBER, &ticket, "number of the ticket", true, 1,
	                INT64_MAX},
	        {"<number>", 0, OPTION_NUMBER, &number, "get: which one, as list tells", false,
	                1, INT64_MAX},
	        {"output", 'o', OPTION_TEXT, &file,
	                "get: into this file, - for standard output (default: its own name, "
	                "here)",
	                false, 0, 0},
	        {.name = NULL},
	};
	int rc = options_read(cli, "ticket attachment", "files that hang on a ticket",
	        "  otklik ticket attachment list 1041\n"
	        "  otklik ticket attachment get 1041 7\n"
	        "  otklik ticket attachment get 1041 7 -o plan.pdf\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	if (strcmp(what, "list") == 0 && number == 0)
		return list(cli, ticket);
	if (strcmp(what, "get") == 0 && number != 0)
		return get(cli, ticket, number, file);
	return cli_usage("ticket attachment", "say list TICKET or get TICKET NUMBER");
}

/* ---- attach ---------------------------------------------------------------------------- */

/* Reads the whole file, calling `use` for each piece; 0 or an exit code. */
static int file_read(int fd, const char *name,
        int (*use)(void *arg, const void *data, size_t size), void *arg)
{
	static uint8_t piece[FILE_PIECE];
	ssize_t n;

	if (lseek(fd, 0, SEEK_SET) != 0)
		return io_fail(name);
	while ((n = read(fd, piece, sizeof piece)) != 0) {
		int rc;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return io_fail(name);
		rc = use(arg, piece, (size_t)n);
		if (rc != 0)
			return rc;
	}
	return 0;
}

struct measured {
	EVP_MD_CTX *ctx;
	int64_t size;
};

static int measure(void *arg, const void *data, size_t size)
{
	struct measured *m = arg;

	m->size += (int64_t)size;
	return EVP_DigestUpdate(m->ctx, data, size) == 1 ? 0 : EXIT_SOFTWARE;
}

static int send_piece(void *arg, const void *data, size_t size)
{
	struct content_put *put = arg;
	struct otk_error err = {0};

	return content_put_bytes(put, data, size, &err) == 0 ? 0 : cli_fail(&err);
}

static int content_send(struct cli *cli, int fd, const char *name, const char *customer,
        const Otklik__V1__MailAttachment *file)
{
	struct content_put *put = calloc(1, sizeof *put);
	struct otk_error err = {0};
	int rc;

	if (put == NULL)
		return EXIT_SOFTWARE;
	put->cli = cli;
	put->customer = customer;
	put->hash = file->hash.data;
	put->size = file->size;
	rc = file_read(fd, name, send_piece, put);
	if (rc == 0 && content_put_end(put, &err) != 0)
		rc = cli_fail(&err);
	free(put);
	return rc;
}

static int attach(struct cli *cli, int fd, const char *name, Otklik__V1__AttachFileRequest *in)
{
	const Otklik__V1__AttachFileResponse *out;
	const ProtobufCMessage *reply = NULL;
	int rc = cli_call(cli, METHOD_ATTACH_FILE, &in->base, &reply);

	if (rc != 0)
		return rc;
	out = (const Otklik__V1__AttachFileResponse *)(const void *)reply;
	if (out->needs_content) {
		rc = content_send(cli, fd, name, out->customer, in->file);
		if (rc == 0)
			rc = cli_call(cli, METHOD_ATTACH_FILE, &in->base, &reply);
		if (rc != 0)
			return rc;
		out = (const Otklik__V1__AttachFileResponse *)(const void *)reply;
	}
	if (out->attachment == NULL)
		return cli_lacks("attachment");
	if (cli->format == FORMAT_JSON)
		return json_print_message(&out->attachment->base, stdout);
	(void)printf("attached as number %lld\n", (long long)out->attachment->seq);
	return 0;
}

int verb_ticket_attach(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__AttachFileRequest in = OTKLIK__V1__ATTACH_FILE_REQUEST__INIT;
	Otklik__V1__MailAttachment file = OTKLIK__V1__MAIL_ATTACHMENT__INIT;
	struct measured m = {.ctx = EVP_MD_CTX_new()};
	uint8_t hash[EVP_MAX_MD_SIZE];
	const char *path = "";
	const char *name = NULL;
	const char *type = "application/octet-stream";
	int64_t ticket = 0;
	bool internal = false;
	const struct cli_option options[] = {
	        {"<ticket>", 0, OPTION_NUMBER, &ticket, "number of the ticket", true, 1,
	                INT64_MAX},
	        {"<file>", 0, OPTION_TEXT, &path, "the file", true, 0, 0},
	        {"name", 0, OPTION_TEXT, &name, "under this name (default: its own)", false, 0,
	                0},
	        {"type", 0, OPTION_TEXT, &type, "media type, as image/png", false, 0, 0},
	        {"internal", 0, OPTION_FLAG, &internal, "for colleagues only", false, 0, 0},
	        {.name = NULL},
	};
	int fd;
	int rc = options_read(cli, "ticket attach", "hang a file on a ticket",
	        "  otklik ticket attach 1041 plan.pdf --type application/pdf\n"
	        "  otklik ticket attach 1041 trace.log --internal\n",
	        options, argc, argv);

	if (rc != 0) {
		EVP_MD_CTX_free(m.ctx);
		return rc < 0 ? 0 : rc;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		EVP_MD_CTX_free(m.ctx);
		(void)io_fail(path);
		return EXIT_NO_INPUT;
	}
	if (m.ctx == NULL || EVP_DigestInit_ex(m.ctx, EVP_sha256(), NULL) != 1)
		rc = EXIT_SOFTWARE;
	if (rc == 0)
		rc = file_read(fd, path, measure, &m);
	if (rc == 0 && EVP_DigestFinal_ex(m.ctx, hash, NULL) != 1)
		rc = EXIT_SOFTWARE;
	EVP_MD_CTX_free(m.ctx);
	if (rc == 0 && (m.size < 1 || m.size > FILE_MOST)) {
		(void)fprintf(stderr, "otklik: a file must have 1 to %lld bytes\n",
		        (long long)FILE_MOST);
		rc = EXIT_DATA;
	}
	if (name == NULL)
		name = strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1;
	in.ticket_id = ticket;
	in.internal = internal;
	in.file = &file;
	file.kind = OTKLIK__V1__ATTACHMENT_KIND__ATTACHMENT_KIND_FILE;
	file.name = (char *)(uintptr_t)name;
	file.media_type = (char *)(uintptr_t)type;
	file.hash.data = hash;
	file.hash.len = CONTENT_HASH;
	file.size = m.size;
	if (rc == 0)
		rc = attach(cli, fd, path, &in);
	(void)close(fd);
	return rc;
}
