/* A child's end of its channel to the master: connections come in, their fate goes back. */
#ifndef OTKLIK_NET_INTAKE_H
#define OTKLIK_NET_INTAKE_H

#include <stdint.h>

#include "loop/loop.h"
#include "net/channel.h"

struct intake;

struct intake_ops {
	/* A connection, already confirmed; `fd` is the callee's to close. */
	void (*connection)(void *context, int fd, uint64_t token);
	void (*drain)(void *context);       /* finish what is in flight and exit */
	void (*master_gone)(void *context); /* exit at once */
};

/* Takes over the channel's descriptor. NULL when memory is out. */
struct intake *intake_new(
        struct loop *loop, int channel, const struct intake_ops *ops, void *context);
void intake_free(struct intake *intake);

/* Tells the master; kept until the channel has room. */
void intake_tell(struct intake *intake, enum channel_type type, uint64_t token);

/* Takes no more connections: those not yet read are dealt to others when this process ends. */
void intake_stop(struct intake *intake);

#endif
