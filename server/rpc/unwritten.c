/* First steps of the methods that nobody has written yet: weak, so that a real one wins. */
#include "rpc/handlers.h"

#define METHOD(id_, name_, NAME_, In_, in_, Out_, out_, permission_, timeout_, flags_)         \
	__attribute__((weak)) enum step name_##_begin(struct request *r, const In_ *in)        \
	{                                                                                      \
		(void)in;                                                                      \
		return request_error(r, OTK_UNIMPLEMENTED, "UNIMPLEMENTED",                    \
		        "this server does not do %s yet", r->method->name);                    \
	}
#include "wire/methods.inc"
#undef METHOD
