/* The forwarder's way to the server by libotklik. */
#ifndef OTKLIK_AGENT_LINK_H
#define OTKLIK_AGENT_LINK_H

#include "agent/forward.h"
#include "agent/settings.h"

struct link;

extern const struct forward_link LINK;

/* NULL with err filled. `settings` must outlive it. */
struct link *link_new(
        struct loop *loop, const struct settings *settings, struct otk_error *err);

/* Connects, and tells `forward` of every change from then on. */
void link_start(struct link *link, struct forward *forward);
void link_free(struct link *link);

#endif
