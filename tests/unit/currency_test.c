/* Currencies and amounts: what is one, how many digits it has, and texts both ways. */
#include "core/currency.h"

#include <string.h>

#include "cmocka_test.h"

static void codes_are_those_of_the_standard(void **state)
{
	static const struct {
		const char *code;
		int digits;
	} CASES[] = {{"EUR", 2}, {"RUB", 2}, {"JPY", 0}, {"KWD", 3}, {"CLF", 4}, {"XYZ", -1},
	        {"eur", -1}, {"EURO", -1}, {"EU", -1}, {"", -1}, {"UR ", -1}, {"ED ", -1}};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
		assert_int_equal(currency_digits(CASES[i].code), CASES[i].digits);
}

static void amounts_are_read_and_written_in_smallest_units(void **state)
{
	static const struct {
		const char *text;
		int digits;
		int64_t amount;
		const char *back;
	} CASES[] = {{"1500", 2, 150000, "1500.00"}, {"1500.5", 2, 150050, "1500.50"},
	        {"0.01", 2, 1, "0.01"}, {"0", 2, 0, "0.00"}, {"1500", 0, 1500, "1500"},
	        {"1.234", 3, 1234, "1.234"}, {"007", 2, 700, "7.00"},
	        {"1000000000000", 4, INT64_C(10000000000000000), "1000000000000.0000"}};
	static const struct {
		const char *text;
		int digits;
	} WRONG[] = {{"", 2}, {"-1", 2}, {"1.", 2}, {".5", 2}, {"1.234", 2}, {"1.5", 0},
	        {"1 000", 2}, {"1e3", 2}, {"1.2.3", 2}, {"1000000000000.01", 2},
	        {"99999999999999999999999", 2}};
	char text[AMOUNT_TEXT_SIZE];
	int64_t amount;

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
		assert_int_equal(amount_parse(CASES[i].text, CASES[i].digits, &amount), 0);
		assert_int_equal(amount, CASES[i].amount);
		assert_string_equal(
		        amount_format(amount, CASES[i].digits, text), CASES[i].back);
	}
	for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++)
		assert_int_equal(amount_parse(WRONG[i].text, WRONG[i].digits, &amount),
		        -OTK_INVALID_ARGUMENT);
}

static void periods_have_names(void **state)
{
	(void)state;
	assert_string_equal(period_name(3), "quarter");
	assert_null(period_name(2));
	assert_int_equal(period_months("year"), 12);
	assert_int_equal(period_months("week"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(codes_are_those_of_the_standard),
	        cmocka_unit_test(amounts_are_read_and_written_in_smallest_units),
	        cmocka_unit_test(periods_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
