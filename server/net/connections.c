/* The master's connections: counted, dealt, confirmed, dealt again when a child dies. */
#include "net/master_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/channel.h"

/* Beyond this the kernel's queue of the listening sockets is the better place to wait. */
enum { WAITING_MAX = 256 };

/* A bigger table, when limits grew. Slots once given out stay where they are. */
static int table_grow(struct master *m)
{
	size_t size = m->table_size == 0 ? 256 : m->table_size * 2;
	struct connection **table = realloc(m->table, size * sizeof *table);
	uint32_t *slots;

	if (table == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	m->table = table;
	slots = realloc(m->free_slots, size * sizeof *slots);
	if (slots == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	m->free_slots = slots;
	for (size_t i = m->table_size; i < size; i++) {
		m->table[i] = NULL;
		m->free_slots[m->free_count++] = (uint32_t)i;
	}
	m->table_size = size;
	return 0;
}

static struct connection *connection_new(struct master *m)
{
	struct connection *connection;
	uint32_t slot;

	if (m->free_count == 0 && table_grow(m) != 0)
		return NULL;
	connection = calloc(1, sizeof *connection);
	if (connection == NULL)
		return NULL;
	slot = m->free_slots[--m->free_count];
	m->table[slot] = connection;
	connection->token = (uint64_t)++m->token_epoch << 32 | slot;
	connection->fd = -1;
	connection->child = -1;
	return connection;
}

/* Unlinks nothing: the caller has taken it off its list. */
static void connection_free(struct master *m, struct connection *connection)
{
	uint32_t slot = (uint32_t)connection->token;

	if (connection->fd >= 0)
		(void)close(connection->fd);
	callers_leave(m->callers, connection->caller, connection->known);
	m->table[slot] = NULL;
	m->free_slots[m->free_count++] = slot;
	free(connection);
}

void connection_table_free(struct master *m)
{
	for (size_t i = 0; i < m->table_size; i++) {
		if (m->table[i] != NULL)
			connection_free(m, m->table[i]);
	}
	free(m->table);
	free(m->free_slots);
}

static void refuse(struct master *m, int fd, const struct sockaddr *address, const char *why)
{
	int64_t now = clock_monotonic();

	m->refused++;
	(void)close(fd);
	if (now - m->refusal_logged_at >= CLOCK_SECOND) {
		char peer[ADDRESS_TEXT_SIZE];

		m->refusal_logged_at = now;
		log_warn("connection refused", "peer", address_format(address, peer), "why",
		        why);
	}
}

/* 0 = on its way; -OTK_RESOURCE_EXHAUSTED = nobody has room. */
static int connection_deal(struct master *m, struct connection *connection)
{
	const struct channel_message message = {CHANNEL_DEAL, connection->token};
	int slot;

	for (;;) {
		struct child *child;

		slot = deal_choose(m->seats, MASTER_CHILDREN_MAX, m->last_dealt);
		if (slot < 0)
			return -OTK_RESOURCE_EXHAUSTED;
		child = &m->children[slot];
		if (channel_send(child->channel, &message, connection->fd) == 0) {
			connection->child = slot;
			TAILQ_INSERT_TAIL(&child->connections, connection, link);
			m->seats[slot].live++;
			m->seats[slot].unconfirmed++;
			m->last_dealt = (size_t)slot;
			return 0;
		}
		/* Full or gone: not a seat until it says something or is reaped. */
		m->seats[slot].ready = false;
	}
}

void connection_deal_waiting(struct master *m)
{
	struct connection *connection;

	while ((connection = TAILQ_FIRST(&m->waiting)) != NULL) {
		TAILQ_REMOVE(&m->waiting, connection, link);
		if (connection_deal(m, connection) != 0) {
			TAILQ_INSERT_HEAD(&m->waiting, connection, link);
			break;
		}
		m->waiting_count--;
	}
	if (m->waiting_count < WAITING_MAX / 2)
		listeners_resume(m);
}

void connection_accept(struct master *m, int fd, const struct sockaddr *address)
{
	static const char *const WHY[] = {
	        [CALLERS_TOTAL] = "max_connections is reached",
	        [CALLERS_ADDRESS] = "per_address_connections is reached",
	        [CALLERS_UNKNOWN] = "per_address_handshakes is reached",
	};
	struct connection *connection;
	struct caller *caller;
	enum callers_verdict verdict = callers_enter(m->callers, address, &caller);

	if (verdict != CALLERS_OK) {
		refuse(m, fd, address, WHY[verdict]);
		return;
	}
	connection = connection_new(m);
	if (connection == NULL) {
		callers_leave(m->callers, caller, 0);
		refuse(m, fd, address, "out of memory");
		return;
	}
	m->accepted++;
	connection->fd = fd;
	connection->caller = caller;
	/* In order of arrival: nobody overtakes those who wait. */
	if (m->waiting_count == 0 && connection_deal(m, connection) == 0)
		return;
	TAILQ_INSERT_TAIL(&m->waiting, connection, link);
	if (++m->waiting_count >= WAITING_MAX)
		listeners_pause(m);
}

/* The live connection of a token that this child has, or NULL. */
static struct connection *connection_of(struct child *child, uint64_t token)
{
	struct master *m = child->master;
	uint32_t slot = (uint32_t)token;

	if (slot >= m->table_size || m->table[slot] == NULL || m->table[slot]->token != token ||
	        m->table[slot]->child != (int)(child - m->children))
		return NULL;
	return m->table[slot];
}

static void connection_confirmed(struct master *m, struct connection *connection)
{
	if (connection->fd < 0)
		return;
	(void)close(connection->fd);
	connection->fd = -1;
	m->seats[connection->child].unconfirmed--;
}

void connection_message(struct child *child, int type, uint64_t token)
{
	struct master *m = child->master;
	struct connection *connection = connection_of(child, token);

	if (connection == NULL) {
		log_warn("child speaks of an unknown connection");
		return;
	}
	switch (type) {
	case CHANNEL_CONFIRM:
		connection_confirmed(m, connection);
		break;
	case CHANNEL_KNOWN:
		if (!connection->known) {
			connection->known = true;
			callers_known(connection->caller);
		}
		break;
	case CHANNEL_DROPPED:
	case CHANNEL_CLOSED:
		connection_confirmed(m, connection);
		TAILQ_REMOVE(&child->connections, connection, link);
		m->seats[connection->child].live--;
		connection_free(m, connection);
		break;
	default:
		log_warn("child sends a message of an unknown type");
		break;
	}
}

void connection_child_gone(struct child *child)
{
	struct master *m = child->master;
	struct deal_seat *seat = &m->seats[child - m->children];
	struct connection_list again = TAILQ_HEAD_INITIALIZER(again);
	struct connection *connection;
	unsigned count = 0;
	unsigned lost = 0;

	while ((connection = TAILQ_FIRST(&child->connections)) != NULL) {
		TAILQ_REMOVE(&child->connections, connection, link);
		connection->child = -1;
		if (connection->fd >= 0) {
			TAILQ_INSERT_TAIL(&again, connection, link);
			count++;
		} else {
			connection_free(m, connection);
			lost++;
		}
	}
	*seat = (struct deal_seat){0};
	/* They came before all who wait: first in line again, in their order. */
	TAILQ_CONCAT(&again, &m->waiting, link);
	TAILQ_CONCAT(&m->waiting, &again, link);
	m->waiting_count += count;
	if (count + lost > 0) {
		char counts[2][24];

		(void)snprintf(counts[0], sizeof counts[0], "%u", count);
		(void)snprintf(counts[1], sizeof counts[1], "%u", lost);
		log_info("connections of a child that is gone", "dealt_again", counts[0],
		        "lost", counts[1]);
	}
}
