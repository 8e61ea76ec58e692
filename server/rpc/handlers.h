/*
 * What the method table makes for each rpc, shown for CreateTicket:
 *
 *	enum step create_ticket_begin(struct request *r,
 *	        const Otklik__V1__CreateTicketRequest *in);
 *		the handler's first step, written in server/rpc/<noun>.c; a missing one
 *		fails the link
 *
 *	enum step create_ticket_reply(struct request *r,
 *	        const Otklik__V1__CreateTicketResponse *out);
 *	int create_ticket_item(struct request *r,
 *	        const Otklik__V1__CreateTicketResponse *out);
 *		request_reply and, for methods that stream, request_stream_item with a typed
 *		message
 */
#ifndef OTKLIK_RPC_HANDLERS_H
#define OTKLIK_RPC_HANDLERS_H

#include "rpc/request.h"
#include "wire/methods.h"
#include "wire/schema.h"

#define METHOD(id_, name_, NAME_, In_, in_, Out_, out_, permission_, timeout_, flags_)         \
	enum step name_##_begin(struct request *r, const In_ *in);                             \
	static inline enum step name_##_reply(struct request *r, const Out_ *out)              \
	{                                                                                      \
		return request_reply(r, &out->base);                                           \
	}                                                                                      \
	static inline int name_##_item(struct request *r, const Out_ *item)                    \
	{                                                                                      \
		return request_stream_item(r, &item->base);                                    \
	}
#include "wire/methods.inc"
#undef METHOD

#endif
