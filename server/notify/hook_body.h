/* What a webhook is told. */
#ifndef OTKLIK_NOTIFY_HOOK_BODY_H
#define OTKLIK_NOTIFY_HOOK_BODY_H

#include "notice/message.h"

/* The JSON of one notice, malloced; NULL when memory is out. */
char *hook_body(const char *id, const struct notice_item *item);

#endif
