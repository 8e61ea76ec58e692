/* TLS contexts of the server. */
#include "net/tls.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

/* Wire form of the ALPN list: length, name. */
static const unsigned char ALPN[] = {8, 'o', 't', 'k', 'l', 'i', 'k', '/', '1'};

enum { CHAIN_DEPTH_MAX = 4 };

/* The first thing OpenSSL complained about (the cause), and forgets the rest. */
static const char *complaint(char *out, size_t size)
{
	unsigned long code = ERR_peek_error();
	const char *reason = ERR_reason_error_string(code);

	(void)snprintf(out, size, "%s",
	        ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code))
	        : reason != NULL       ? reason
	                               : "unknown error");
	ERR_clear_error();
	return out;
}

static int alpn_choose(SSL *ssl, const unsigned char **out, unsigned char *out_length,
        const unsigned char *in, unsigned int in_length, void *context)
{
	unsigned char *chosen;

	(void)ssl;
	(void)context;
	if (SSL_select_next_proto(&chosen, out_length, ALPN, sizeof ALPN, in, in_length) !=
	        OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int files_load(SSL_CTX *ctx, const char *certificate, const char *key, const char *ca,
        struct otk_error *err)
{
	char why[160];
	STACK_OF(X509_NAME) * names;
	X509 *own;

	if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_CERTIFICATE",
		        "certificate = %s: %s", certificate, complaint(why, sizeof why));
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_KEY", "key = %s: %s", key,
		        complaint(why, sizeof why));
	if (SSL_CTX_check_private_key(ctx) != 1)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_KEY",
		        "key = %s does not belong to certificate = %s", key, certificate);
	own = SSL_CTX_get0_certificate(ctx);
	if (X509_cmp_current_time(X509_get0_notAfter(own)) < 0)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_CERTIFICATE",
		        "certificate = %s: it has expired; renew it", certificate);
	if (SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_CA", "ca = %s: %s", ca,
		        complaint(why, sizeof why));
	names = SSL_load_client_CA_file(ca);
	if (names == NULL)
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_CA", "ca = %s: %s", ca,
		        complaint(why, sizeof why));
	SSL_CTX_set_client_CA_list(ctx, names);
	return 0;
}

SSL_CTX *tls_server_context(
        const char *certificate, const char *key, const char *ca, struct otk_error *err)
{
	SSL_CTX *ctx;

	ERR_clear_error();
	ctx = SSL_CTX_new(TLS_server_method());
	if (ctx == NULL) {
		(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
		return NULL;
	}
	/*
	 * No resumption of any kind: a resumed session never asks for the certificate, so
	 * somebody who was locked out would get in. No automatic chain: OpenSSL would build and
	 * verify our own chain anew at every handshake.
	 */
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_options(
	        ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
	                     SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE);
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_verify_depth(ctx, CHAIN_DEPTH_MAX);
	SSL_CTX_set_alpn_select_cb(ctx, alpn_choose, NULL);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	        SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	        SSL_CTX_set_num_tickets(ctx, 0) != 1 ||
	        SSL_CTX_set1_groups_list(ctx, "P-256:X25519") != 1 ||
	        SSL_CTX_set_max_early_data(ctx, 0) != 1) {
		(void)error_set(err, OTK_INTERNAL, "TLS_SETUP",
		        "this OpenSSL does not speak TLS 1.3 as otklik needs it");
		goto out_free;
	}
	if (files_load(ctx, certificate, key, ca, err) != 0)
		goto out_free;
	return ctx;
out_free:
	SSL_CTX_free(ctx);
	return NULL;
}

int tls_protocol_agreed(const SSL *ssl)
{
	const unsigned char *name;
	unsigned int length;

	SSL_get0_alpn_selected(ssl, &name, &length);
	return length == ALPN[0] && memcmp(name, ALPN + 1, length) == 0;
}
