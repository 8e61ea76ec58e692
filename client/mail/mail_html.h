/* HTML of a letter as plain text: words, lines, lists, links, quotations; nothing is loaded. */
#ifndef OTKLIK_CLIENT_MAIL_HTML_H
#define OTKLIK_CLIENT_MAIL_HTML_H

#include <stddef.h>

#include "base/buf.h"

/*
 * Appends at most `max` bytes. Input is UTF-8 of any kind of brokenness; work is linear in its
 * length. Scripts, styles, the head and comments are left out.
 */
void mail_html_text(const char *html, size_t length, size_t max, struct buf *out);

#endif
