/* A message from its bytes: bounds, header, parts, kind, folding. */
#include "mail/mail.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "mail/mail_fold.h"
#include "mail/mail_private.h"

enum { SHOWN_MAX = 32000 }; /* bytes: a ticket's texts have 32,768 */
enum { ID_MAX = 500, ADDRESS_MAX = 254, NAME_MAX_POINTS = 200, RESULT_MAX = 2000 };
#define ARENA_BYTES ((size_t)16 << 20)
#define SECOND_US INT64_C(1000000)

const struct mail_limits MAIL_LIMITS = {.bytes = (size_t)25 << 20,
        .head_bytes = (size_t)256 << 10,
        .head_lines = 2000,
        .field_bytes = (size_t)16 << 10,
        .parts = 100,
        .depth = 10,
        .attachments = 50,
        .attachment_bytes = (size_t)25 << 20,
        .text_bytes = (size_t)1 << 20};

static int no_memory(struct otk_error *err)
{
	return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
}

/* ---- the header ------------------------------------------------------------------------ */

/* The address, small letters in its domain only: the part before is the other host's affair. */
static const char *address_text(struct arena *arena, const char *address)
{
	const char *line = mail_line(arena, address, ADDRESS_MAX);

	return strpbrk(line, " <>\"") == NULL && strlen(line) <= ADDRESS_MAX ? line : "";
}

/* Of a From that is written wrongly, what stands in angle brackets. */
static const char *address_within(struct arena *arena, const char *text)
{
	const char *open = text == NULL ? NULL : strrchr(text, '<');
	const char *close = open == NULL ? NULL : strchr(open, '>');
	char *inside;

	if (close == NULL)
		return "";
	inside = arena_strndup(arena, open + 1, (size_t)(close - open - 1));
	return inside == NULL ? "" : address_text(arena, inside);
}

static void from_read(struct reading *r)
{
	InternetAddressList *list = g_mime_message_get_from(r->source->message);
	InternetAddress *first = list == NULL || internet_address_list_length(list) == 0
	                                 ? NULL
	                                 : internet_address_list_get_address(list, 0);

	r->mail->from = "";
	r->mail->from_name = "";
	if (first == NULL || !INTERNET_ADDRESS_IS_MAILBOX(first)) {
		r->mail->from = address_within(r->source->arena,
		        g_mime_object_get_header((GMimeObject *)r->source->message, "From"));
		return;
	}
	r->mail->from = address_text(r->source->arena,
	        internet_address_mailbox_get_addr((InternetAddressMailbox *)first));
	r->mail->from_name =
	        mail_line(r->source->arena, internet_address_get_name(first), NAME_MAX_POINTS);
}

static void recipient_add(struct reading *r, const char *address)
{
	struct mail *mail = r->mail;

	if (mail->recipient_count < MAIL_RECIPIENTS_MAX && *address != '\0')
		mail->recipients[mail->recipient_count++] = address;
}

static void recipients_add(struct reading *r, InternetAddressList *list)
{
	int count = list == NULL ? 0 : internet_address_list_length(list);

	for (int i = 0; i < count && i < MAIL_RECIPIENTS_MAX; i++) {
		InternetAddress *one = internet_address_list_get_address(list, i);

		if (INTERNET_ADDRESS_IS_MAILBOX(one))
			recipient_add(r, address_text(r->source->arena,
			                         internet_address_mailbox_get_addr(
			                                 (InternetAddressMailbox *)one)));
	}
}

static void recipients_read(struct reading *r)
{
	static const char *const DELIVERED[] = {
	        "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To"};
	GMimeMessage *message = r->source->message;

	for (size_t i = 0; i < sizeof DELIVERED / sizeof DELIVERED[0]; i++) {
		const char *value =
		        g_mime_object_get_header((GMimeObject *)message, DELIVERED[i]);

		if (value != NULL)
			recipient_add(r, address_text(r->source->arena, value));
	}
	recipients_add(r, g_mime_message_get_to(message));
	recipients_add(r, g_mime_message_get_cc(message));
}

/* Ids of a field, the last one first: it is the nearest. */
static void references_add(struct reading *r, const char *name)
{
	const char *value = g_mime_object_get_header((GMimeObject *)r->source->message, name);
	GMimeReferences *ids = value == NULL ? NULL : g_mime_references_parse(NULL, value);
	struct mail *mail = r->mail;

	for (int i = ids == NULL ? 0 : g_mime_references_length(ids); i-- > 0;) {
		const char *id = mail_line(
		        r->source->arena, g_mime_references_get_message_id(ids, i), ID_MAX);

		if (mail->reference_count < MAIL_REFERENCES_MAX && *id != '\0')
			mail->references[mail->reference_count++] = id;
	}
	if (ids != NULL)
		g_mime_references_free(ids);
}

static void results_read(struct reading *r)
{
	GMimeHeaderList *list =
	        g_mime_object_get_header_list((GMimeObject *)r->source->message);
	struct mail *mail = r->mail;
	int count = g_mime_header_list_get_count(list);

	for (int i = 0; i < count && mail->result_count < MAIL_RESULTS_MAX; i++) {
		GMimeHeader *header = g_mime_header_list_get_header_at(list, i);

		if (strcasecmp(g_mime_header_get_name(header), "Authentication-Results") == 0)
			mail->results[mail->result_count++] = mail_line(
			        r->source->arena, g_mime_header_get_value(header), RESULT_MAX);
	}
}

static void head_read(struct reading *r)
{
	GMimeMessage *message = r->source->message;
	GDateTime *date = g_mime_message_get_date(message);
	struct mail *mail = r->mail;

	mail->message_id =
	        mail_line(r->source->arena, g_mime_message_get_message_id(message), ID_MAX);
	mail->subject = mail_line(
	        r->source->arena, g_mime_message_get_subject(message), MAIL_SUBJECT_MAX);
	if (date != NULL) {
		int64_t seconds = g_date_time_to_unix(date);

		if (seconds > 0 && seconds < INT64_C(4102444800))
			mail->sent_at = seconds * SECOND_US;
	}
	mail->bounced_id = "";
	mail->bounced_recipient = "";
	mail->bounced_status = "";
	mail->bounced_why = "";
	mail->text = "";
	from_read(r);
	recipients_read(r);
	references_add(r, "In-Reply-To");
	references_add(r, "References");
	results_read(r);
}

/* ---- text ------------------------------------------------------------------------------ */

/* Bytes that are attached as they were: the arena keeps them. */
static int original_add(
        struct reading *r, const char *name, const char *type, const struct buf *text)
{
	const struct mail_piece piece = {
	        .data = arena_memdup(r->source->arena, buf_text(text), text->len),
	        .size = text->len};

	if (piece.data == NULL)
		return no_memory(r->err);
	return mail_attachment_add(r, MAIL_ORIGINAL, name, type, &piece);
}

/* What could lead a reader's screen astray falls away. */
static void text_clean(const char *text, struct buf *out)
{
	while (*text != '\0') {
		size_t unwanted = text_unwanted(text, false);

		if (unwanted == 0)
			(void)buf_putc(out, *text);
		text += unwanted > 0 ? unwanted : 1;
	}
}

/* Empty lines at both ends fall away; what is too long is cut, and said to be. */
static void text_set(struct reading *r, const struct buf *text)
{
	const char *start = buf_text(text);
	const char *end = start + text->len;
	char *copy;

	for (const char *c = start; *c != '\0' && strchr(" \t\n", *c) != NULL; c++) {
		if (*c == '\n')
			start = c + 1;
	}
	while (end > start && strchr(" \t\n", end[-1]) != NULL)
		end--;
	copy = arena_strndup(r->source->arena, start, (size_t)(end - start));
	if (copy != NULL && end - start > SHOWN_MAX) {
		text_cut_utf8(copy, SHOWN_MAX);
		copy = arena_printf(r->source->arena, "%s\n[…]", copy);
		r->mail->folded = true;
	}
	r->mail->text = copy == NULL ? "" : copy;
}

static int text_read(struct reading *r)
{
	struct buf shown = {0};
	struct buf clean = {0};
	int rc = 0;

	text_clean(buf_text(&r->text), &clean);
	r->mail->folded = mail_fold(buf_text(&clean), &shown);
	buf_free(&clean);
	text_set(r, &shown);
	if (r->mail->folded)
		rc = original_add(r, "message.txt", "text/plain; charset=utf-8", &r->text);
	if (rc == 0 && r->html.len > 0)
		rc = original_add(r, "message.html", "text/html; charset=utf-8", &r->html);
	buf_free(&shown);
	return rc;
}

/* ---- the whole ------------------------------------------------------------------------- */

static GMimeMessage *message_parse(const void *data, size_t size)
{
	static const char *const CHARSETS[] = {"utf-8", "windows-1251", "iso-8859-1", NULL};
	static GMimeParserOptions *options;
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(data, size);
	GMimeParser *parser;
	GMimeMessage *message;

	if (options == NULL) {
		g_mime_init();
		options = g_mime_parser_options_new();
		g_mime_parser_options_set_fallback_charsets(
		        options, (const char **)(uintptr_t)CHARSETS);
	}
	parser = g_mime_parser_new_with_stream(stream);
	g_object_unref(stream);
	g_mime_parser_set_persist_stream(parser, TRUE);
	message = g_mime_parser_construct_message(parser, options);
	g_object_unref(parser);
	return message;
}

static int read_all(struct reading *r)
{
	int rc;

	head_read(r);
	/* some mail servers give their robot no domain */
	if (strchr(r->mail->from, '@') == NULL &&
	        strcasecmp(r->mail->from, "mailer-daemon") != 0)
		return error_set(r->err, OTK_INVALID_ARGUMENT, "MAIL_BROKEN",
		        "the message has no sender that can be read in From");
	rc = mail_parts_read(r);
	if (rc == 0) {
		mail_kind_judge(r);
		rc = text_read(r);
	}
	return rc;
}

/* "From alice@… Mon Jan…": what mailboxes put above a message. */
static void skip_envelope(const char **data, size_t *size)
{
	const char *end;

	if (*size < 5 || memcmp(*data, "From ", 5) != 0)
		return;
	end = memchr(*data, '\n', *size);
	if (end == NULL)
		return;
	*size -= (size_t)(end + 1 - *data);
	*data = end + 1;
}

struct mail *mail_parse(
        const void *data, size_t size, const struct mail_limits *limits, struct otk_error *err)
{
	struct arena *arena = arena_new(ARENA_BYTES + limits->text_bytes * 4);
	struct reading r = {.err = err, .attachments_cap = MAIL_ATTACHMENTS_MOST};
	const char *bytes = data;
	int rc;

	if (arena == NULL) {
		(void)no_memory(err);
		return NULL;
	}
	r.mail = arena_calloc(arena, 1, sizeof *r.mail);
	r.source = arena_calloc(arena, 1, sizeof *r.source);
	if (r.mail == NULL || r.source == NULL)
		goto no_memory;
	r.source->arena = arena;
	r.source->limits = *limits;
	r.mail->source = r.source;
	/* two more: the text and the HTML as they were */
	if ((size_t)limits->attachments + 2 < r.attachments_cap)
		r.attachments_cap = (size_t)limits->attachments + 2;
	r.mail->attachments =
	        arena_calloc(arena, r.attachments_cap + 1, sizeof *r.mail->attachments);
	if (r.mail->attachments == NULL)
		goto no_memory;
	skip_envelope(&bytes, &size);
	rc = mail_scan(bytes, size, limits, err);
	if (rc == 0) {
		r.source->message = message_parse(bytes, size);
		rc = r.source->message == NULL
		             ? error_set(err, OTK_INVALID_ARGUMENT, "MAIL_BROKEN",
		                       "this is no message: it has no header")
		             : read_all(&r);
	}
	buf_free(&r.text);
	buf_free(&r.html);
	if (rc == 0)
		return r.mail;
	mail_free(r.mail);
	return NULL;

no_memory:
	arena_free(arena);
	(void)no_memory(err);
	return NULL;
}

void mail_free(struct mail *mail)
{
	struct mail_source *source;

	if (mail == NULL)
		return;
	source = mail->source;
	if (source->message != NULL)
		g_object_unref(source->message);
	arena_free(source->arena);
}
