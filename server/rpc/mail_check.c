/* See mail_check.h. */
#include "rpc/mail_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "core/ticket.h"
#include "rpc/field.h"

enum {
	ADDRESS_MOST = 254,
	ID_MOST = 500,
	NAME_MOST = 200,
	RESULT_MOST = 2000,
	TYPE_MOST = 100
};

static void check_list(struct otk_error *err, const char *field, size_t count,
        char *const *texts, size_t count_max, size_t length_max)
{
	if (count > count_max)
		error_field(err, field, "at most %zu", count_max);
	for (size_t i = 0; i < count && i < count_max; i++)
		field_line(err, field, texts[i], length_max);
}

void mail_check_file(
        const Otklik__V1__MailAttachment *file, const char *path, struct otk_error *err)
{
	char field[OTK_FIELD_SIZE];

#define PATH(name) ((void)snprintf(field, sizeof field, "%s." name, path), field)
	if (file->hash.len != MAIL_HASH_BYTES)
		error_field(err, PATH("hash"), "must have %d bytes", MAIL_HASH_BYTES);
	if ((int)file->kind < 0 ||
	        file->kind > OTKLIK__V1__ATTACHMENT_KIND__ATTACHMENT_KIND_ORIGINAL)
		error_field(err, PATH("kind"), "must be file or original");
	if (file->size < 1 || file->size > CONTENT_MOST)
		error_field(err, PATH("size"), "must be 1 to %" PRId64 " bytes", CONTENT_MOST);
	field_line(err, PATH("name"), file->name, NAME_MOST);
	field_line(err, PATH("media_type"), file->media_type, TYPE_MOST);
#undef PATH
}

void mail_check(const Otklik__V1__IntakeMailRequest *in, struct otk_error *err)
{
	char path[40];

	if (in->kind == OTKLIK__V1__MAIL_KIND__MAIL_KIND_UNSPECIFIED)
		error_field(err, "kind", "must be person, automatic or bounce");
	if (*in->from == '\0')
		error_field(err, "from", "must be the sender's address");
	field_line(err, "from", in->from, ADDRESS_MOST);
	field_line(err, "envelope_from", in->envelope_from, ADDRESS_MOST);
	field_line(err, "from_name", in->from_name, NAME_MOST);
	field_line(err, "kind_why", in->kind_why, NAME_MOST);
	field_line(err, "message_id", in->message_id, ID_MOST);
	field_line(err, "subject", in->subject, TITLE_MAX);
	field_text(err, "text", in->text, TEXT_MAX);
	field_line(err, "bounced_id", in->bounced_id, ID_MOST);
	field_line(err, "bounced_recipient", in->bounced_recipient, ADDRESS_MOST);
	field_line(err, "bounced_status", in->bounced_status, 20);
	field_line(err, "bounced_why", in->bounced_why, 400);
	check_list(err, "recipients", in->n_recipients, in->recipients, MAIL_RECIPIENTS_MOST,
	        ADDRESS_MOST);
	check_list(err, "references", in->n_references, in->references, MAIL_REFERENCES_MOST,
	        ID_MOST);
	check_list(err, "authentication_results", in->n_authentication_results,
	        in->authentication_results, MAIL_RESULTS_MOST, RESULT_MOST);
	if (in->n_attachments > MAIL_ATTACHMENTS_MAX)
		error_field(err, "attachments", "at most %d", MAIL_ATTACHMENTS_MAX);
	for (size_t i = 0; i < in->n_attachments && i < MAIL_ATTACHMENTS_MAX; i++) {
		(void)snprintf(path, sizeof path, "attachments[%zu]", i);
		mail_check_file(in->attachments[i], path, err);
	}
}

/* Each text with its end, so that no two lists of texts give the same bytes. */
static bool add(EVP_MD_CTX *ctx, const char *text)
{
	return EVP_DigestUpdate(ctx, text, strlen(text) + 1) == 1;
}

int mail_hash(const Otklik__V1__IntakeMailRequest *in, uint8_t out[MAIL_HASH_BYTES])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	char sent[24];
	bool good;

	(void)snprintf(sent, sizeof sent, "%" PRId64, in->sent_at_us);
	good = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
	       add(ctx, in->message_id) && add(ctx, in->from) && add(ctx, in->subject) &&
	       add(ctx, sent) && add(ctx, in->text);
	for (size_t i = 0; good && i < in->n_attachments; i++)
		good = EVP_DigestUpdate(ctx, in->attachments[i]->hash.data,
		               in->attachments[i]->hash.len) == 1;
	good = good && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return good ? 0 : -OTK_INTERNAL;
}

int mail_id_hash(const char *id, uint8_t out[MAIL_HASH_BYTES])
{
	return EVP_Digest(id, strlen(id), out, NULL, EVP_sha256(), NULL) == 1 ? 0
	                                                                      : -OTK_INTERNAL;
}
