/* Rows of attachment_list as messages. */
#ifndef OTKLIK_RPC_ATTACHMENT_CONVERT_H
#define OTKLIK_RPC_ATTACHMENT_CONVERT_H

#include "core/reference.h"
#include "db/rows.h"
#include "wire/schema.h"

/* Fills both, initialising them; texts are borrowed from rows and reference. */
void attachment_convert(const struct reference *ref, int64_t ticket_id,
        const struct db_rows *rows, size_t row, Otklik__V1__Attachment *out,
        Otklik__V1__MailAttachment *file);

#endif
