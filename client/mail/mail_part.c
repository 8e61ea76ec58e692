/*
 * The tree of parts. Of alternatives the plain text counts, else the HTML; of related ones the
 * first; whatever is no text of the letter itself is an attachment, messages within it too.
 */
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "mail/mail_html.h"
#include "mail/mail_private.h"

enum { PIECE = 64 * 1024, NAME_MAX_POINTS = 150, REPORT_BYTES = 64 * 1024 };

static int walk(struct reading *r, GMimeObject *object, int depth);

/* ---- bytes of a part ------------------------------------------------------------------- */

static GMimeStream *decoded(GMimePart *part)
{
	GMimeDataWrapper *content = g_mime_part_get_content(part);
	GMimeStream *raw = content == NULL ? NULL : g_mime_data_wrapper_get_stream(content);
	GMimeStream *stream;
	GMimeFilter *filter;

	if (raw == NULL)
		return NULL;
	(void)g_mime_stream_reset(raw);
	stream = g_mime_stream_filter_new(raw);
	filter = g_mime_filter_basic_new(g_mime_data_wrapper_get_encoding(content), FALSE);
	(void)g_mime_stream_filter_add((GMimeStreamFilter *)stream, filter);
	g_object_unref(filter);
	return stream;
}

/* A message within the message, as it was sent. */
static GMimeStream *written(GMimeObject *part)
{
	GMimeStream *stream = g_mime_stream_mem_new();
	GMimeMessage *inner = g_mime_message_part_get_message((GMimeMessagePart *)part);

	if (inner != NULL)
		(void)g_mime_object_write_to_stream((GMimeObject *)inner, NULL, stream);
	(void)g_mime_stream_reset(stream);
	return stream;
}

int mail_part_decode(
        GMimeObject *part, int (*sink)(void *arg, const void *data, size_t size), void *arg)
{
	static char piece[PIECE];
	GMimeStream *stream = NULL;
	ssize_t n;
	int rc = 0;

	if (GMIME_IS_MESSAGE_PART(part))
		stream = written(part);
	else if (GMIME_IS_PART(part))
		stream = decoded((GMimePart *)part);
	if (stream == NULL)
		return 0;
	while (rc == 0 && (n = g_mime_stream_read(stream, piece, sizeof piece)) > 0)
		rc = sink(arg, piece, (size_t)n);
	g_object_unref(stream);
	return rc;
}

struct measure {
	EVP_MD_CTX *ctx;
	size_t size;
	size_t most;
};

static int measure_piece(void *arg, const void *data, size_t size)
{
	struct measure *m = arg;

	m->size += size;
	if (m->size > m->most)
		return -OTK_OUT_OF_RANGE;
	return EVP_DigestUpdate(m->ctx, data, size) == 1 ? 0 : -OTK_INTERNAL;
}

static int piece_read(const struct mail_piece *piece,
        int (*sink)(void *arg, const void *data, size_t size), void *arg)
{
	int rc = 0;

	if (piece->part != NULL)
		return mail_part_decode(piece->part, sink, arg);
	for (size_t at = 0; rc == 0 && at < piece->size; at += PIECE)
		rc = sink(arg, piece->data + at,
		        piece->size - at < PIECE ? piece->size - at : PIECE);
	return rc;
}

int mail_attachment_read(const struct mail *mail, size_t index,
        int (*sink)(void *arg, const void *data, size_t size), void *arg)
{
	return piece_read(&mail->source->pieces[index], sink, arg);
}

/* ---- attachments ----------------------------------------------------------------------- */

int mail_attachment_add(struct reading *r, enum mail_attachment_kind kind, const char *name,
        const char *media_type, const struct mail_piece *piece)
{
	struct mail *mail = r->mail;
	const struct mail_limits *limits = &r->source->limits;
	struct mail_attachment *a = &mail->attachments[mail->attachment_count];
	struct measure m = {.ctx = EVP_MD_CTX_new(), .most = limits->attachment_bytes};
	int rc;

	if (mail->attachment_count >= r->attachments_cap) {
		EVP_MD_CTX_free(m.ctx);
		return error_set(r->err, OTK_INVALID_ARGUMENT, "MAIL_TOO_MANY",
		        "the message has more than %d attachments", limits->attachments);
	}
	if (m.ctx == NULL || EVP_DigestInit_ex(m.ctx, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(m.ctx);
		return error_set(r->err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	}
	rc = piece_read(piece, measure_piece, &m);
	if (rc == 0 && EVP_DigestFinal_ex(m.ctx, a->hash, NULL) != 1)
		rc = -OTK_INTERNAL;
	EVP_MD_CTX_free(m.ctx);
	if (rc == -OTK_OUT_OF_RANGE)
		return error_set(r->err, OTK_INVALID_ARGUMENT, "MAIL_TOO_LARGE",
		        "an attachment is larger than %zu bytes", limits->attachment_bytes);
	if (rc != 0)
		return error_set(r->err, OTK_INTERNAL, "HASH", "no SHA-256");
	if (m.size == 0)
		return 0; /* nothing hangs there */
	a->kind = kind;
	a->name = name;
	a->media_type = media_type;
	a->size = m.size;
	r->source->pieces[mail->attachment_count++] = *piece;
	return 0;
}

static int attach(struct reading *r, GMimeObject *object)
{
	struct arena *arena = r->source->arena;
	GMimeContentType *type = g_mime_object_get_content_type(object);
	char *mime = type == NULL ? NULL : g_mime_content_type_get_mime_type(type);
	const char *name =
	        GMIME_IS_PART(object) ? g_mime_part_get_filename((GMimePart *)object) : NULL;
	const struct mail_piece piece = {.part = object};
	const char *media_type;
	int rc;

	if (name == NULL && GMIME_IS_MESSAGE_PART(object)) {
		GMimeMessage *inner =
		        g_mime_message_part_get_message((GMimeMessagePart *)object);
		const char *subject = inner == NULL ? NULL : g_mime_message_get_subject(inner);

		name = subject == NULL
		               ? "message.eml"
		               : arena_printf(arena, "%s.eml", mail_line(arena, subject, 100));
	}
	media_type = mail_line(arena, mime, 100);
	g_free(mime);
	rc = mail_attachment_add(r, MAIL_ATTACHED, mail_line(arena, name, NAME_MAX_POINTS),
	        *media_type == '\0' ? "application/octet-stream" : media_type, &piece);
	return rc;
}

/* ---- text ------------------------------------------------------------------------------ */

struct gather {
	struct buf bytes;
	size_t most;
};

static int gather_piece(void *arg, const void *data, size_t size)
{
	struct gather *g = arg;
	size_t room = g->most - g->bytes.len;

	(void)buf_append(&g->bytes, data, size < room ? size : room);
	return size >= room ? 1 : 0;
}

/* The part's text as UTF-8, cut at `most` bytes before decoding. */
static void text_get(GMimeObject *object, size_t most, struct buf *out)
{
	GMimeContentType *type = g_mime_object_get_content_type(object);
	const char *charset =
	        type == NULL ? NULL : g_mime_content_type_get_parameter(type, "charset");
	struct gather g = {.most = most};

	if (most > 0)
		(void)mail_part_decode(object, gather_piece, &g);
	mail_text_decode(charset, buf_text(&g.bytes), g.bytes.len, out);
	buf_free(&g.bytes);
}

static bool is_type(GMimeObject *object, const char *type, const char *subtype)
{
	GMimeContentType *have = g_mime_object_get_content_type(object);

	return have != NULL && g_mime_content_type_is_type(have, type, subtype);
}

/* Text of the letter itself: in line and nameless. */
static bool is_body(GMimeObject *object)
{
	const char *disposition = g_mime_object_get_disposition(object);

	return GMIME_IS_PART(object) &&
	       (is_type(object, "text", "plain") || is_type(object, "text", "html")) &&
	       (disposition == NULL || strcasecmp(disposition, "attachment") != 0) &&
	       g_mime_part_get_filename((GMimePart *)object) == NULL;
}

static int body_add(struct reading *r, GMimeObject *object)
{
	size_t most = r->source->limits.text_bytes;
	size_t room = r->text.len < most ? most - r->text.len : 0;
	struct buf piece = {0};

	if (r->text.len > 0 && r->text.data[r->text.len - 1] != '\n')
		(void)buf_putc(&r->text, '\n');
	text_get(object, room, &piece);
	if (is_type(object, "text", "html")) {
		/* of comments and tags there may be much and no text: bounded by itself */
		size_t left = r->html.len < most ? most - r->html.len : 0;

		mail_html_text(buf_text(&piece), piece.len, room, &r->text);
		(void)buf_append(
		        &r->html, buf_text(&piece), piece.len < left ? piece.len : left);
	} else {
		(void)buf_append(&r->text, buf_text(&piece), piece.len);
	}
	buf_free(&piece);
	return r->text.failed || r->html.failed
	               ? error_set(r->err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory")
	               : 0;
}

/* ---- the tree -------------------------------------------------------------------------- */

static int children(struct reading *r, GMimeMultipart *multipart, int depth)
{
	int count = g_mime_multipart_get_count(multipart);
	int rc = 0;

	for (int i = 0; rc == 0 && i < count; i++)
		rc = walk(r, g_mime_multipart_get_part(multipart, i), depth + 1);
	return rc;
}

/* Is there text of that subtype in it, as its own or its children's? */
static bool holds(GMimeObject *object, const char *subtype, int depth)
{
	GMimeMultipart *multipart = (GMimeMultipart *)object;

	if (!GMIME_IS_MULTIPART(object))
		return is_body(object) && is_type(object, "text", subtype);
	for (int i = 0; depth < 4 && i < g_mime_multipart_get_count(multipart); i++) {
		if (holds(g_mime_multipart_get_part(multipart, i), subtype, depth + 1))
			return true;
	}
	return false;
}

/* The one that is read; of the others what is neither text nor its frame hangs on the letter.
 */
static int alternatives(struct reading *r, GMimeMultipart *multipart, int depth)
{
	int count = g_mime_multipart_get_count(multipart);
	int chosen = -1;
	int rc = 0;

	for (int i = 0; chosen < 0 && i < count; i++) {
		if (holds(g_mime_multipart_get_part(multipart, i), "plain", 0))
			chosen = i;
	}
	for (int i = 0; chosen < 0 && i < count; i++) {
		if (holds(g_mime_multipart_get_part(multipart, i), "html", 0))
			chosen = i;
	}
	for (int i = 0; rc == 0 && i < count; i++) {
		GMimeObject *part = g_mime_multipart_get_part(multipart, i);

		if (i == chosen || chosen < 0 ||
		        (!GMIME_IS_MULTIPART(part) && !is_type(part, "text", "html")))
			rc = walk(r, part, depth + 1);
		else if (GMIME_IS_MULTIPART(part))
			r->parts += g_mime_multipart_get_count((GMimeMultipart *)part);
	}
	return rc;
}

static int report(struct reading *r, GMimeObject *object)
{
	struct buf text = {0};

	if (is_type(object, "message", "delivery-status") ||
	        is_type(object, "message", "global-delivery-status")) {
		text_get(object, REPORT_BYTES, &text);
		mail_status_read(r, buf_text(&text));
	} else if (GMIME_IS_MESSAGE_PART(object)) {
		GMimeStream *stream = written(object);
		char head[8192];
		ssize_t n = g_mime_stream_read(stream, head, sizeof head - 1);

		head[n < 0 ? 0 : n] = '\0';
		g_object_unref(stream);
		mail_returned_read(r, head);
	} else {
		text_get(object, REPORT_BYTES, &text);
		if (is_type(object, "text", "rfc822-headers") ||
		        is_type(object, "message", "*"))
			mail_returned_read(r, buf_text(&text));
	}
	buf_free(&text);
	return 0;
}

static int walk(struct reading *r, GMimeObject *object, int depth)
{
	if (++r->parts > r->source->limits.parts)
		return error_set(r->err, OTK_INVALID_ARGUMENT, "MAIL_TOO_COMPLEX",
		        "the message has more than %d parts: it is not read",
		        r->source->limits.parts);
	if (depth > r->source->limits.depth)
		return error_set(r->err, OTK_INVALID_ARGUMENT, "MAIL_TOO_COMPLEX",
		        "the message has parts within parts more than %d deep: it is not read",
		        r->source->limits.depth);
	if (GMIME_IS_MULTIPART(object)) {
		if (is_type(object, "multipart", "alternative"))
			return alternatives(r, (GMimeMultipart *)object, depth);
		return children(r, (GMimeMultipart *)object, depth);
	}
	if (is_body(object))
		return body_add(r, object);
	if (r->report != NULL)
		return report(r, object);
	return attach(r, object);
}

int mail_parts_read(struct reading *r)
{
	GMimeObject *root = g_mime_message_get_mime_part(r->source->message);

	if (root == NULL)
		return 0;
	if (is_type(root, "multipart", "report")) {
		const char *type = g_mime_content_type_get_parameter(
		        g_mime_object_get_content_type(root), "report-type");

		r->report = type == NULL ? "" : type;
	}
	return walk(r, root, 0);
}
