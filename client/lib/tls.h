/* TLS of the client: the context, errors in words, and a socket BIO that raises no SIGPIPE. */
#ifndef OTKLIK_CLIENT_LIB_TLS_H
#define OTKLIK_CLIENT_LIB_TLS_H

#include <openssl/ssl.h>

#include "base/status.h"

/* What the certificates are, for messages; borrowed. */
struct tls_identity {
	const char *ca_file;
	const char *cert_file;
	const char *key_file;
	const char *server_name;
};

/* A context for one connection, TLS 1.3 only. NULL with err naming the file that is wrong. */
SSL_CTX *tls_client_context(const struct tls_identity *identity, struct otk_error *err);

/*
 * A handle on the connected socket that will insist on server_name (DNS name or address) in
 * the server's certificate. The socket stays the caller's. NULL when memory is out.
 */
SSL *tls_client_new(SSL_CTX *context, int fd, const char *server_name);

/*
 * Says why SSL_connect, SSL_read or SSL_write gave up, and what to do. `before_hello`: the
 * server has not greeted yet, so a close may mean that it refused us. Empties OpenSSL's queue.
 */
int tls_explain(SSL *ssl, int ssl_error, const struct tls_identity *identity, int before_hello,
        struct otk_error *err);

#endif
