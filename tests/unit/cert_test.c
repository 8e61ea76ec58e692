/* Who a certificate names, also when it tries to name somebody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "net/cert.h"

struct name {
	int type; /* GEN_URI, GEN_DNS, GEN_EMAIL; 0 ends the list */
	const char *text;
	int length; /* 0: of the text */
};

static X509 *certificate(const char *common, const struct name *names)
{
	X509 *cert = X509_new();
	GENERAL_NAMES *list = sk_GENERAL_NAME_new_null();

	assert_non_null(cert);
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN",
	                         MBSTRING_UTF8, (const unsigned char *)common, -1, -1, 0),
	        1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 0x1234AB), 1);
	for (; names != NULL && names->type != 0; names++) {
		GENERAL_NAME *name = GENERAL_NAME_new();
		ASN1_IA5STRING *value = ASN1_IA5STRING_new();
		int length = names->length != 0 ? names->length : (int)strlen(names->text);

		assert_int_equal(ASN1_STRING_set(value, names->text, length), 1);
		GENERAL_NAME_set0_value(name, names->type, value);
		assert_true(sk_GENERAL_NAME_push(list, name) > 0);
	}
	if (sk_GENERAL_NAME_num(list) > 0)
		assert_int_equal(X509_add1_ext_i2d(cert, NID_subject_alt_name, list, 0,
		                         X509V3_ADD_DEFAULT),
		        1);
	GENERAL_NAMES_free(list);
	return cert;
}

static int judged(const char *common, const struct name *names, char uri[CERT_URI_MAX + 1])
{
	X509 *cert = certificate(common, names);
	struct otk_error err;
	int rc = cert_uri(cert, uri, &err);

	if (rc != 0)
		assert_string_equal(err.reason, "CERTIFICATE_WITHOUT_PRINCIPAL");
	X509_free(cert);
	return rc;
}

static void one_uri_is_taken_whatever_else_is_there(void **state)
{
	static const struct name NAMES[] = {{GEN_DNS, "otklik.example", 0},
	        {GEN_URI, "otklik://demo/person/olga", 0}, {GEN_EMAIL, "o@example.org", 0},
	        {0}};
	char uri[CERT_URI_MAX + 1];

	(void)state;
	assert_int_equal(judged("somebody else", NAMES, uri), 0);
	assert_string_equal(uri, "otklik://demo/person/olga");
}

static void hostile_names_are_refused(void **state)
{
	static char longest[CERT_URI_MAX + 8];
	static const struct name CASES[][4] = {
	        {{0}}, /* no subjectAltName at all: the common name does not count */
	        {{GEN_DNS, "otklik://demo/person/admin", 0}, {0}},
	        {{GEN_EMAIL, "otklik://demo/person/admin", 0}, {0}},
	        {{GEN_URI, "otklik://demo/person/olga", 0},
	                {GEN_URI, "otklik://demo/person/admin", 0}, {0}},
	        {{GEN_URI, "otklik://demo/person/olga", 0},
	                {GEN_URI, "https://example.org/", 0}, {0}},
	        {{GEN_URI, "otklik://demo/person/admin\0.example.org", 39}, {0}},
	        {{GEN_URI, "otklik://demo/person/admin\0", 27}, {0}},
	        {{GEN_URI, "otklik://demo/person/ad min", 0}, {0}},
	        {{GEN_URI, "otklik://demo/person/admin\n", 0}, {0}},
	        {{GEN_URI, "otklik://demo/person/\xd0\xb0", 0}, {0}},
	        {{GEN_URI, "otklik://demo/person/admin\x7f", 0}, {0}},
	        {{GEN_URI, "https://demo/person/admin", 0}, {0}},
	        {{GEN_URI, "OTKLIK://demo/person/admin", 0}, {0}},
	        {{GEN_URI, "otklik://", 0}, {0}},
	        {{GEN_URI, longest, 0}, {0}},
	};
	char uri[CERT_URI_MAX + 1] = "untouched";

	(void)state;
	memset(longest, 'x', CERT_URI_MAX + 1);
	memcpy(longest, "otklik://", 9);
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		if (judged("otklik://demo/person/admin", CASES[i], uri) != -OTK_UNAUTHENTICATED)
			fail_msg("case %zu was accepted as %s", i, uri);
	}
	assert_string_equal(uri, "untouched");
	longest[CERT_URI_MAX] = '\0';
	assert_int_equal(judged("x", CASES[14], uri), 0);
}

static void two_extensions_are_no_way_around(void **state)
{
	static const struct name FIRST[] = {{GEN_URI, "otklik://demo/person/olga", 0}, {0}};
	X509 *cert = certificate("x", FIRST);
	X509_EXTENSION *again = X509_EXTENSION_dup(X509_get_ext(cert, 0));
	char uri[CERT_URI_MAX + 1];
	struct otk_error err;

	(void)state;
	assert_int_equal(X509_add_ext(cert, again, -1), 1);
	assert_int_equal(cert_uri(cert, uri, &err), -OTK_UNAUTHENTICATED);
	X509_EXTENSION_free(again);
	X509_free(cert);
}

static void the_serial_is_hexadecimal(void **state)
{
	X509 *cert = certificate("x", NULL);
	char serial[CERT_SERIAL_SIZE];

	(void)state;
	cert_serial(cert, serial);
	assert_string_equal(serial, "1234AB");
	X509_free(cert);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(one_uri_is_taken_whatever_else_is_there),
	        cmocka_unit_test(hostile_names_are_refused),
	        cmocka_unit_test(two_extensions_are_no_way_around),
	        cmocka_unit_test(the_serial_is_hexadecimal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
