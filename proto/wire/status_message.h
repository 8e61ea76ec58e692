/* struct otk_error as the Status message of the wire, and back. */
#ifndef OTKLIK_WIRE_STATUS_MESSAGE_H
#define OTKLIK_WIRE_STATUS_MESSAGE_H

#include "base/arena.h"
#include "base/status.h"
#include "otklik/v1/session.pb-c.h"

/*
 * A Status that says what err says, allocated in the arena with its strings (so err may go).
 * NULL when the arena is out; then a caller sends only code and constant strings.
 */
Otklik__V1__Status *status_message_new(struct arena *arena, const struct otk_error *err);

/*
 * What a Status received says. Text that does not fit is cut at a character boundary, unknown
 * codes become OTK_UNKNOWN. Returns the negative code (0 for OK).
 */
int status_message_read(const Otklik__V1__Status *message, struct otk_error *err);

#endif
