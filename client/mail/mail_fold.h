/* Cuts out of a plain text what its reader has already: quoted history and the signature. */
#ifndef OTKLIK_CLIENT_MAIL_FOLD_H
#define OTKLIK_CLIENT_MAIL_FOLD_H

#include <stdbool.h>

#include "base/buf.h"

/*
 * Appends to `out` what is new in `text` (UTF-8, lines ended by \n). History at the end goes
 * with the line that introduces it ("On … wrote:", "… писал(а):", "-----Original Message-----",
 * "From: … Sent: …"), as does a signature after "-- "; of a quotation that is answered below,
 * its first lines stay and the rest becomes "> […]". A text that would vanish stays as it is.
 * True where something was cut.
 */
bool mail_fold(const char *text, struct buf *out);

#endif
