/*
 * libotklik for other programs: calls to an otklik server that wait for their answer.
 *
 *	#include <otklik/otklik.h>
 *	#include <otklik/v1/ticket.pb-c.h>
 *
 *	struct otklik_error err;
 *	struct otklik *desk = otklik_open(NULL, "mytool/1.0", &err);
 *	Otklik__V1__GetTicketRequest request = OTKLIK__V1__GET_TICKET_REQUEST__INIT;
 *	const ProtobufCMessage *reply;
 *
 *	request.ticket_id = 4711;
 *	if (desk == NULL || otklik_call(desk, "get_ticket", &request.base, NULL, &reply, &err)
 *!= 0) fprintf(stderr, "%s\n", err.message); else puts(((const Otklik__V1__GetTicketResponse
 **)reply)->ticket->title); otklik_close(desk);
 *
 * The messages are made by protobuf-c from the schema (proto/otklik/v1); proto/README.md in the
 *source is the specification. A handle is used by one thread at a time. Link with -lotklik
 * -lprotobuf-c -levent -lssl -lcrypto -lm.
 */
#ifndef OTKLIK_OTKLIK_H
#define OTKLIK_OTKLIK_H

#include <stdbool.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#ifdef __cplusplus
extern "C" {
#endif

struct otklik;

/* What went wrong. `code` is a google.rpc.Code, 1 to 16. */
struct otklik_error {
	int code;
	char reason[48];         /* constant upper-case word, for programs */
	char message[512];       /* for people: what is wrong and what to do */
	uint32_t retry_after_ms; /* 0: not stated */
	char field[96];          /* of the request, where one is wrong; else "" */
};

/* Where to and as whom; files are PEM. */
struct otklik_options {
	const char *host;
	uint16_t port;           /* 0: 7432 */
	const char *server_name; /* in the server's certificate; NULL: host */
	const char *ca_file;
	const char *cert_file;
	const char *key_file;
};

/*
 * A handle from a connection profile: ~/.config/otklik/profiles/NAME.conf (the folder may be
 * set by OTKLIK_CONFIG_DIR); NULL: $OTKLIK_PROFILE, else "default". `program` is told to the
 * server. The connection is made at the first call. NULL with err filled.
 */
struct otklik *otklik_open(const char *profile, const char *program, struct otklik_error *err);
struct otklik *otklik_open_with(
        const struct otklik_options *options, const char *program, struct otklik_error *err);

/* Closes and frees everything, replies included. otklik_close(NULL) is harmless. */
void otklik_close(struct otklik *desk);

/*
 * Calls a method by the name of its rpc in lower case ("create_ticket"). `key` is the
 * idempotency key of a mutation: 16 bytes, the same for each repetition of the same intention;
 * NULL: a new one. Lost connections and busy servers are tried again within the deadline.
 * *reply lives until otklik_forget or otklik_close. 0, or the negative code with err filled.
 */
int otklik_call(struct otklik *desk, const char *method, const ProtobufCMessage *request,
        const uint8_t key[16], const ProtobufCMessage **reply, struct otklik_error *err);

/* Frees all replies so far. */
void otklik_forget(struct otklik *desk);

/*
 * Calls a streaming method ("watch"); `item` gets each item, which lives until it returns, and
 * ends the stream early by false. 0 at the end of the stream, or the negative code.
 */
int otklik_stream(struct otklik *desk, const char *method, const ProtobufCMessage *request,
        bool (*item)(void *arg, const ProtobufCMessage *item), void *arg,
        struct otklik_error *err);

#ifdef __cplusplus
}
#endif

#endif
