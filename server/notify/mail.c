/* SMTP and MIME by libcurl; what it does not do, headers in UTF-8, is done here. */
#include "notify/mail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>
#include <openssl/evp.h>

#include "notify/transfer.h"

struct mailer {
	struct mailer_options options;
	char *password;
	struct transfers *transfers;
	CURL *curl;
	char error[CURL_ERROR_SIZE];
	/* of the letter under way */
	struct transfer transfer;
	bool busy;
	struct curl_slist *headers;
	struct curl_slist *to;
	curl_mime *body;
	mail_done *done;
	void *context;
};

/* ---- headers --------------------------------------------------------------------------- */

/* Bytes of one encoded word: 45 make 60 in base64, with its frame below the 75 allowed. */
enum { WORD_BYTES = 45 };

static bool is_plain(const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
			return false;
	}
	return strstr(text, "=?") == NULL && strlen(text) <= 200;
}

/* Bytes of the longest run of whole UTF-8 sequences up to WORD_BYTES. */
static size_t word_length(const char *text)
{
	size_t length = strlen(text);

	if (length <= WORD_BYTES)
		return length;
	length = WORD_BYTES;
	while (length > 1 && ((unsigned char)text[length] & 0xc0) == 0x80)
		length--;
	return length;
}

int mail_header_text(struct buf *out, const char *text)
{
	if (is_plain(text))
		return buf_puts(out, text);
	while (*text != '\0') {
		unsigned char bytes[WORD_BYTES];
		unsigned char word[4 * (WORD_BYTES / 3 + 1) + 1];
		size_t length = word_length(text);

		for (size_t i = 0; i < length; i++)
			bytes[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f
			                   ? ' '
			                   : (unsigned char)text[i];
		(void)EVP_EncodeBlock(word, bytes, (int)length);
		(void)buf_printf(out, "=?UTF-8?B?%s?=", (const char *)word);
		text += length;
		if (*text != '\0')
			(void)buf_puts(out, "\r\n ");
	}
	return out->failed ? -OTK_RESOURCE_EXHAUSTED : 0;
}

bool mail_address_ok(const char *address)
{
	const char *at = strchr(address, '@');

	if (at == NULL || at == address || at[1] == '\0' || strchr(at + 1, '@') != NULL ||
	        strlen(address) > 254)
		return false;
	for (const char *c = address; *c != '\0'; c++) {
		if ((unsigned char)*c <= 0x20 || *c == 0x7f ||
		        strchr("<>\"(),;:\\[]", *c) != NULL)
			return false;
	}
	return true;
}

static void date_put(struct buf *out, int64_t at)
{
	static const char *const DAYS[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const MONTHS[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
	        "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t seconds = (time_t)(at / 1000000);
	struct tm t;

	(void)gmtime_r(&seconds, &t);
	(void)buf_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000", DAYS[t.tm_wday],
	        t.tm_mday, MONTHS[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

/* Adds what stands in `line` to the list and empties it. */
static bool header_add(struct curl_slist **list, struct buf *line)
{
	struct curl_slist *longer =
	        line->failed ? NULL : curl_slist_append(*list, buf_text(line));

	buf_reset(line);
	if (longer == NULL)
		return false;
	*list = longer;
	return true;
}

static void to_put(struct buf *line, const struct letter *l)
{
	(void)buf_puts(line, "To: ");
	if (l->to_name == NULL || l->to_name[0] == '\0') {
		(void)buf_puts(line, l->to);
		return;
	}
	if (is_plain(l->to_name) && strpbrk(l->to_name, "\"\\") == NULL)
		(void)buf_printf(line, "\"%s\"", l->to_name);
	else if (is_plain(l->to_name))
		(void)buf_puts(line, l->to);
	else
		(void)mail_header_text(line, l->to_name);
	if (!is_plain(l->to_name) || strpbrk(l->to_name, "\"\\") == NULL)
		(void)buf_printf(line, " <%s>", l->to);
}

static struct curl_slist *headers_make(const struct mailer *m, const struct letter *l)
{
	struct curl_slist *list = NULL;
	struct buf line = {0};
	bool good;

	date_put(&line, l->at);
	good = header_add(&list, &line);
	(void)buf_printf(&line, "From: %s", m->options.from);
	good = good && header_add(&list, &line);
	to_put(&line, l);
	good = good && header_add(&list, &line);
	(void)buf_puts(&line, "Subject: ");
	(void)mail_header_text(&line, l->subject);
	good = good && header_add(&list, &line);
	(void)buf_printf(&line, "Message-ID: <%s>", l->message_id);
	good = good && header_add(&list, &line);
	if (l->reply_to != NULL && l->reply_to[0] != '\0') {
		(void)buf_printf(&line, "Reply-To: %s", l->reply_to);
		good = good && header_add(&list, &line);
	}
	if (l->thread_id != NULL) {
		(void)buf_printf(&line, "In-Reply-To: <%s>", l->thread_id);
		good = good && header_add(&list, &line);
		(void)buf_printf(&line, "References: <%s>", l->thread_id);
		good = good && header_add(&list, &line);
	}
	(void)buf_puts(&line, "Auto-Submitted: auto-generated");
	good = good && header_add(&list, &line);
	buf_free(&line);
	if (good)
		return list;
	curl_slist_free_all(list);
	return NULL;
}

/* ---- body ------------------------------------------------------------------------------ */

/* A text part; lines get the ends that mail wants. */
static bool part_add(curl_mime *mime, const char *type, const char *text)
{
	curl_mimepart *part = curl_mime_addpart(mime);
	struct buf lines = {0};
	bool good;

	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '\n' && (c == text || c[-1] != '\r'))
			(void)buf_putc(&lines, '\r');
		(void)buf_putc(&lines, *c);
	}
	good = part != NULL && !lines.failed &&
	       curl_mime_data(part, buf_text(&lines), lines.len) == CURLE_OK &&
	       curl_mime_type(part, type) == CURLE_OK &&
	       curl_mime_encoder(part, "base64") == CURLE_OK;
	buf_free(&lines);
	return good;
}

static curl_mime *body_make(CURL *curl, const struct letter *l)
{
	curl_mime *whole = curl_mime_init(curl);
	curl_mime *forms = curl_mime_init(curl);
	curl_mimepart *part = whole == NULL ? NULL : curl_mime_addpart(whole);

	if (part == NULL || forms == NULL ||
	        !part_add(forms, "text/plain; charset=utf-8", l->text) ||
	        !part_add(forms, "text/html; charset=utf-8", l->html) ||
	        curl_mime_subparts(part, forms) != CURLE_OK) {
		curl_mime_free(forms);
		curl_mime_free(whole);
		return NULL;
	}
	/* `forms` belongs to the part from here on. */
	if (curl_mime_type(part, "multipart/alternative") != CURLE_OK) {
		curl_mime_free(whole);
		return NULL;
	}
	return whole;
}

/* ---- sending --------------------------------------------------------------------------- */

static void outcome_of(const struct mailer *m, CURLcode code, struct delivery *result)
{
	const char *why = m->error[0] != '\0' ? m->error : curl_easy_strerror(code);
	long answer = 0;

	(void)curl_easy_getinfo(m->curl, CURLINFO_RESPONSE_CODE, &answer);
	switch (code) {
	case CURLE_OK:
		*result = (struct delivery){.outcome = DELIVERED};
		break;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_USE_SSL_FAILED:
	case CURLE_LOGIN_DENIED:
		delivery_fail(result, CHANNEL_DOWN, "%s", why);
		break;
	default:
		/* 5xx: it will not be taken the next time either. */
		if (answer >= 500 && answer < 600)
			delivery_fail(result, REFUSED, "%ld: %s", answer, why);
		else
			delivery_fail(result, TRY_LATER, "%s", why);
		break;
	}
}

static CURLcode options_set(struct mailer *m)
{
	const struct mailer_options *o = &m->options;
	bool must = strcmp(o->tls, "require") == 0 || strncmp(o->url, "smtps:", 6) == 0;
	long tls = strcmp(o->tls, "none") == 0 ? CURLUSESSL_NONE
	           : must                      ? CURLUSESSL_ALL
	                                       : CURLUSESSL_TRY;
	CURL *c = m->curl;
	CURLcode code = curl_easy_setopt(c, CURLOPT_URL, o->url);

#define SET(option, value)                                                                     \
	if (code == CURLE_OK)                                                                  \
	code = curl_easy_setopt(c, option, value)
	SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_QUICK_EXIT, 1L); /* nobody waits for a name server that is silent */
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_TIMEOUT, (long)DELIVERY_TIMEOUT_S);
	SET(CURLOPT_CONNECTTIMEOUT, 10L);
	/* also how long the goodbye to a server may keep everybody waiting */
	SET(CURLOPT_SERVER_RESPONSE_TIMEOUT, 20L);
	SET(CURLOPT_ERRORBUFFER, m->error);
	SET(CURLOPT_USE_SSL, tls);
	SET(CURLOPT_SSL_VERIFYPEER, must ? 1L : 0L);
	SET(CURLOPT_SSL_VERIFYHOST, must ? 2L : 0L);
	if (o->user[0] != '\0') {
		SET(CURLOPT_USERNAME, o->user);
		SET(CURLOPT_PASSWORD, m->password == NULL ? "" : m->password);
	}
	SET(CURLOPT_MAIL_FROM, o->from);
	SET(CURLOPT_MAIL_RCPT, m->to);
	SET(CURLOPT_HTTPHEADER, m->headers);
	SET(CURLOPT_MIMEPOST, m->body);
#undef SET
	return code;
}

/* Forgets the letter; its connection stays with the transfers. */
static void letter_forget(struct mailer *m)
{
	curl_easy_reset(m->curl);
	curl_mime_free(m->body);
	curl_slist_free_all(m->to);
	curl_slist_free_all(m->headers);
	m->body = NULL;
	m->to = NULL;
	m->headers = NULL;
	m->busy = false;
}

static void letter_done(void *context, CURLcode code)
{
	struct mailer *m = context;
	struct delivery result;

	outcome_of(m, code, &result);
	letter_forget(m);
	m->done(m->context, &result);
}

bool mail_start(struct mailer *m, const struct letter *letter, mail_done *done, void *context,
        struct delivery *failed)
{
	if (!mail_address_ok(letter->to)) {
		delivery_fail(failed, REFUSED, "%s is not an address", letter->to);
		return false;
	}
	m->headers = headers_make(m, letter);
	m->to = curl_slist_append(NULL, letter->to);
	m->body = body_make(m->curl, letter);
	m->error[0] = '\0';
	m->done = done;
	m->context = context;
	m->transfer = (struct transfer){m->curl, letter_done, m};
	if (m->headers == NULL || m->to == NULL || m->body == NULL ||
	        options_set(m) != CURLE_OK || transfer_start(m->transfers, &m->transfer) != 0) {
		letter_forget(m);
		delivery_fail(failed, TRY_LATER, "out of memory");
		return false;
	}
	m->busy = true;
	return true;
}

struct mailer *mailer_new(const struct mailer_options *options, struct transfers *transfers,
        struct otk_error *err)
{
	struct mailer *m = calloc(1, sizeof *m);

	if (m != NULL)
		m->curl = curl_easy_init();
	if (m == NULL || m->curl == NULL) {
		mailer_free(m);
		error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
		return NULL;
	}
	m->options = *options;
	m->transfers = transfers;
	if (options->password_file[0] != '\0') {
		m->password = delivery_secret(options->password_file);
		if (m->password == NULL) {
			error_set(err, OTK_INVALID_ARGUMENT, "BAD_VALUE",
			        "smtp_password_file = %s: %s", options->password_file,
			        strerror(errno));
			mailer_free(m);
			return NULL;
		}
	}
	return m;
}

void mailer_free(struct mailer *m)
{
	if (m == NULL)
		return;
	if (m->busy)
		transfer_stop(m->transfers, &m->transfer);
	if (m->curl != NULL)
		letter_forget(m);
	curl_easy_cleanup(m->curl);
	free(m->password);
	free(m);
}

const char *mailer_domain(const struct mailer *m)
{
	const char *at = strchr(m->options.from, '@');

	return at == NULL ? m->options.from : at + 1;
}
