/* Currencies in use by ISO 4217, and amounts of them in their smallest units. */
#include "core/currency.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Codes by the digits behind the point: https://www.six-group.com/iso4217, list one. */
static const struct {
	int digits;
	const char *codes;
} CURRENCIES[] = {
        {0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF "},
        {2, "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD "
            "BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP "
            "ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR "
            "JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU "
            "MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR "
            "RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS "
            "TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG "},
        {3, "BHD IQD JOD KWD LYD OMR TND "},
        {4, "CLF UYW "},
};

int currency_digits(const char *code)
{
	if (strlen(code) != 3 || strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3)
		return -1;
	for (size_t i = 0; i < sizeof CURRENCIES / sizeof *CURRENCIES; i++) {
		if (strstr(CURRENCIES[i].codes, code) != NULL)
			return CURRENCIES[i].digits;
	}
	return -1;
}

static int64_t power_of_ten(int digits)
{
	int64_t power = 1;

	while (digits-- > 0)
		power *= 10;
	return power;
}

int amount_parse(const char *text, int digits, int64_t *out)
{
	int64_t amount = 0;
	int behind = -1;

	if (*text < '0' || *text > '9')
		return -OTK_INVALID_ARGUMENT;
	for (; *text != '\0'; text++) {
		if (*text == '.' && behind < 0 && text[1] != '\0') {
			behind = 0;
			continue;
		}
		if (*text < '0' || *text > '9' || (behind >= 0 && ++behind > digits))
			return -OTK_INVALID_ARGUMENT;
		amount = amount * 10 + (*text - '0');
		if (amount > AMOUNT_MAX * power_of_ten(digits))
			return -OTK_INVALID_ARGUMENT;
	}
	amount *= power_of_ten(digits - (behind > 0 ? behind : 0));
	if (amount > AMOUNT_MAX * power_of_ten(digits))
		return -OTK_INVALID_ARGUMENT;
	*out = amount;
	return 0;
}

const char *amount_format(int64_t amount, int digits, char out[AMOUNT_TEXT_SIZE])
{
	char text[AMOUNT_TEXT_SIZE];
	int length = snprintf(text, sizeof text, "%0*" PRId64, digits + 1, amount);
	int point = length - digits;

	if (digits <= 0 || digits > 4 || length <= 0 || length >= AMOUNT_TEXT_SIZE - 1) {
		memcpy(out, text, sizeof text);
		return out;
	}
	memcpy(out, text, (size_t)point);
	out[point] = '.';
	memcpy(out + point + 1, text + point, (size_t)digits + 1);
	return out;
}

static const struct {
	int months;
	const char *name;
} PERIODS[] = {{1, "month"}, {3, "quarter"}, {12, "year"}};

const char *period_name(int months)
{
	for (size_t i = 0; i < sizeof PERIODS / sizeof *PERIODS; i++) {
		if (PERIODS[i].months == months)
			return PERIODS[i].name;
	}
	return NULL;
}

int period_months(const char *name)
{
	for (size_t i = 0; i < sizeof PERIODS / sizeof *PERIODS; i++) {
		if (strcmp(PERIODS[i].name, name) == 0)
			return PERIODS[i].months;
	}
	return 0;
}
