/* The child's end of the channel. */
#include "net/intake.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/status.h"

struct intake {
	int channel;
	struct loop_watch *watch;
	const struct intake_ops *ops;
	void *context;
	bool stopped;
	struct channel_message *kept; /* told, not sent yet: the socket was full */
	size_t kept_count;
	size_t kept_cap;
};

static void watch_update(struct intake *intake)
{
	unsigned events = intake->stopped ? 0 : LOOP_READ;

	if (intake->kept_count > 0)
		events |= LOOP_WRITE;
	(void)loop_watch_set(intake->watch, events);
}

/* Sends what was kept, in order. */
static void kept_send(struct intake *intake)
{
	size_t sent = 0;

	while (sent < intake->kept_count &&
	        channel_send(intake->channel, &intake->kept[sent], -1) == 0)
		sent++;
	intake->kept_count -= sent;
	if (sent > 0)
		memmove(intake->kept, intake->kept + sent,
		        intake->kept_count * sizeof *intake->kept);
}

static void keep(struct intake *intake, const struct channel_message *message)
{
	if (intake->kept_count == intake->kept_cap) {
		size_t cap = intake->kept_cap == 0 ? 64 : intake->kept_cap * 2;
		struct channel_message *grown = realloc(intake->kept, cap * sizeof *grown);

		if (grown == NULL) {
			/* The master counts one connection too many until we end. */
			log_error("out of memory; the master was not told");
			return;
		}
		intake->kept = grown;
		intake->kept_cap = cap;
	}
	intake->kept[intake->kept_count++] = *message;
}

void intake_tell(struct intake *intake, enum channel_type type, uint64_t token)
{
	const struct channel_message message = {type, token};

	if (intake->kept_count == 0 && channel_send(intake->channel, &message, -1) == 0)
		return;
	keep(intake, &message);
	watch_update(intake);
}

static void message_take(struct intake *intake, const struct channel_message *message, int fd)
{
	if (message->type == CHANNEL_DEAL && fd < 0) {
		/* Lost on its way: this process has no descriptor left for it. */
		log_error("no descriptor for a connection; raise the limit of open files");
		intake_tell(intake, CHANNEL_DROPPED, message->token);
		return;
	}
	if (message->type == CHANNEL_DEAL) {
		/* Said before the first byte is read: who is dealt again has lost nothing. */
		intake_tell(intake, CHANNEL_CONFIRM, message->token);
		intake->ops->connection(intake->context, fd, message->token);
		return;
	}
	if (fd >= 0)
		(void)close(fd);
	if (message->type == CHANNEL_DRAIN)
		intake->ops->drain(intake->context);
}

static void on_channel(void *arg, unsigned events)
{
	struct intake *intake = arg;
	struct channel_message message;
	int fd;
	int rc = 0;

	if ((events & LOOP_WRITE) != 0) {
		kept_send(intake);
		watch_update(intake);
	}
	while (!intake->stopped && (rc = channel_receive(intake->channel, &message, &fd)) > 0)
		message_take(intake, &message, fd);
	if (rc < 0)
		intake->ops->master_gone(intake->context);
}

struct intake *intake_new(
        struct loop *loop, int channel, const struct intake_ops *ops, void *context)
{
	struct intake *intake = calloc(1, sizeof *intake);

	if (intake == NULL)
		return NULL;
	intake->channel = channel;
	intake->ops = ops;
	intake->context = context;
	intake->watch = loop_watch_new(loop, channel, on_channel, intake);
	if (intake->watch == NULL) {
		free(intake);
		return NULL;
	}
	watch_update(intake);
	return intake;
}

void intake_free(struct intake *intake)
{
	if (intake == NULL)
		return;
	loop_watch_free(intake->watch);
	(void)close(intake->channel);
	free(intake->kept);
	free(intake);
}

void intake_stop(struct intake *intake)
{
	intake->stopped = true;
	watch_update(intake);
}
