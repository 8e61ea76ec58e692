/* Messages from anywhere: bounds hold, texts are clean, attachments read twice are the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mail/mail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int add_up(void *arg, const void *data, size_t size)
{
	(void)data;
	*(size_t *)arg += size;
	return 0;
}

static void must_be_text(const char *text)
{
	if (!text_is_utf8(text, strlen(text)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct otk_error err = {0};
	struct mail *mail = mail_parse(data, size, &MAIL_LIMITS, &err);

	if (mail == NULL) {
		if (err.reason[0] == '\0')
			abort();
		return 0;
	}
	must_be_text(mail->text);
	must_be_text(mail->subject);
	must_be_text(mail->from_name);
	if (strchr(mail->subject, '\n') != NULL || strchr(mail->from, ' ') != NULL)
		abort();
	for (size_t i = 0; i < mail->attachment_count; i++) {
		size_t read = 0;

		(void)mail_attachment_read(mail, i, add_up, &read);
		if (read != mail->attachments[i].size)
			abort();
		must_be_text(mail->attachments[i].name);
	}
	mail_free(mail);
	return 0;
}
