/*
 * Whether people and grants have changed: looks at the epoch of the reference data once a
 * second and has every session read its principal again when it grew, so that somebody who was
 * disabled is gone within seconds and new grants act without reconnecting.
 */
#ifndef OTKLIK_RPC_EPOCH_H
#define OTKLIK_RPC_EPOCH_H

#include "rpc/service.h"

struct epoch_watch;

struct epoch_watch *epoch_watch_new(struct service *service); /* NULL: no memory */
void epoch_watch_free(struct epoch_watch *watch);

#endif
