/* Rows for people and programs. */
#include "cli/table.h"

#include <jansson.h>
#include <libsmartcols.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/time_text.h"
#include "cli/clean.h"
#include "cli/json.h"

struct column {
	char name[64];
	unsigned flags;
};

struct table {
	const struct cli *cli;
	size_t column_count;
	struct column columns[TABLE_COLUMNS_MAX];
	size_t next; /* cell of the row */
	struct libscols_table *scols;
	struct libscols_line *line;
	json_t *rows;
	json_t *object;
	struct json_list list;
	bool headed; /* the CSV header is written */
	bool rowed;  /* a row was set since the last flush, or nothing was flushed */
	bool flushed;
};

static void *needed(void *memory)
{
	if (memory == NULL) {
		(void)fputs("otklik: out of memory\n", stderr);
		exit(EXIT_SOFTWARE);
	}
	return memory;
}

struct table *table_new(const struct cli *cli)
{
	struct table *t = needed(calloc(1, sizeof *t));

	t->cli = cli;
	if (cli->format == FORMAT_TABLE) {
		t->scols = needed(scols_new_table());
		(void)scols_table_enable_colors(t->scols, cli->color);
	} else {
		t->rows = needed(json_array());
	}
	return t;
}

void table_free(struct table *t)
{
	if (t == NULL)
		return;
	if (t->scols != NULL)
		scols_unref_table(t->scols);
	json_decref(t->rows);
	free(t);
}

void table_column(struct table *t, const char *name, unsigned flags)
{
	struct column *c = &t->columns[t->column_count];

	if (t->column_count == TABLE_COLUMNS_MAX)
		return;
	t->column_count++;
	(void)snprintf(c->name, sizeof c->name, "%s", name);
	clean_text(c->name);
	name = c->name;
	c->flags = flags;
	if (t->scols != NULL) {
		char head[64];
		int scols_flags = 0;
		size_t i;

		for (i = 0; name[i] != '\0' && i < sizeof head - 1; i++)
			head[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 32
			                 : name[i] == '_'                 ? ' '
			                                                  : name[i]);
		head[i] = '\0';
		scols_flags |= flags & TABLE_RIGHT ? SCOLS_FL_RIGHT : 0;
		scols_flags |= flags & TABLE_WRAP ? SCOLS_FL_WRAP : 0;
		scols_flags |= flags & TABLE_CUT ? SCOLS_FL_TRUNC : 0;
		(void)needed(scols_table_new_column(t->scols, head,
		        flags & (TABLE_CUT | TABLE_WRAP) ? 0.5 : 0, scols_flags));
	}
}

void table_row(struct table *t)
{
	t->next = 0;
	t->rowed = true;
	if (t->scols != NULL) {
		t->line = needed(scols_table_new_line(t->scols, NULL));
	} else {
		t->object = needed(json_object());
		(void)json_array_append_new(t->rows, t->object);
	}
}

static void cell(struct table *t, const char *text, json_t *value)
{
	size_t i = t->next++;

	if (i >= t->column_count) {
		json_decref(value);
		return;
	}
	if (t->scols != NULL) {
		(void)scols_line_set_data(t->line, i, text);
		json_decref(value);
	} else {
		(void)json_object_set_new(
		        t->object, t->columns[i].name, value == NULL ? json_null() : value);
	}
}

static void put_text(struct table *t, const char *text)
{
	char *clean;

	if (t->scols == NULL) {
		cell(t, text, json_string(text));
		return;
	}
	clean = needed(strdup(text));
	clean_text(clean);
	cell(t, clean, NULL);
	free(clean);
}

void table_text(struct table *t, const char *text)
{
	if (text == NULL)
		table_absent(t);
	else
		put_text(t, text);
}

void table_number(struct table *t, int64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof text, "%lld", (long long)value);
	cell(t, text, json_integer(value));
}

void table_real(struct table *t, double value, int decimals)
{
	char text[64];
	double scale = pow(10, decimals);

	(void)snprintf(text, sizeof text, "%.*f", decimals, value);
	cell(t, text, json_real(round(value * scale) / scale));
}

const char *table_time_text(int64_t us, char out[TABLE_TIME_SIZE])
{
	time_t t = (time_t)(us / CLOCK_SECOND);
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL ||
	        strftime(out, TABLE_TIME_SIZE, "%Y-%m-%d %H:%M:%S %z", &tm) == 0)
		return time_format_utc(us, out);
	return out;
}

void table_time(struct table *t, int64_t us)
{
	char local[TABLE_TIME_SIZE];
	char utc[TIME_TEXT_SIZE];

	if (us == 0) {
		table_absent(t);
		return;
	}
	cell(t, table_time_text(us, local), json_string(time_format_utc(us, utc)));
}

static const char *duration_text(int64_t us, bool days, char out[TABLE_TIME_SIZE])
{
	const char *sign = us < 0 ? "-" : "";
	int64_t s = us / CLOCK_SECOND;

	s = s < 0 ? -s : s;
	if (days && s >= 86400)
		(void)snprintf(out, TABLE_TIME_SIZE, "%s%lldd %lldh %02lldm", sign,
		        (long long)(s / 86400), (long long)(s % 86400 / 3600),
		        (long long)(s % 3600 / 60));
	else if (s >= 3600)
		(void)snprintf(out, TABLE_TIME_SIZE, "%s%lldh %02lldm", sign,
		        (long long)(s / 3600), (long long)(s % 3600 / 60));
	else if (s >= 60)
		(void)snprintf(out, TABLE_TIME_SIZE, "%s%lldm %02llds", sign,
		        (long long)(s / 60), (long long)(s % 60));
	else
		(void)snprintf(out, TABLE_TIME_SIZE, "%s%llds", sign, (long long)s);
	return out;
}

const char *table_duration_text(int64_t us, char out[TABLE_TIME_SIZE])
{
	return duration_text(us, true, out);
}

const char *table_service_text(int64_t us, char out[TABLE_TIME_SIZE])
{
	return duration_text(us, false, out);
}

void table_duration(struct table *t, int64_t us)
{
	char text[TABLE_TIME_SIZE];

	cell(t, table_duration_text(us, text), json_real((double)us / (double)CLOCK_SECOND));
}

void table_service(struct table *t, int64_t us)
{
	char text[TABLE_TIME_SIZE];

	cell(t, table_service_text(us, text), json_real((double)us / (double)CLOCK_SECOND));
}

void table_absent(struct table *t)
{
	cell(t, "", json_null());
}

void table_color(struct table *t, const char *color)
{
	if (t->scols == NULL || !t->cli->color || t->next == 0)
		return;
	(void)scols_cell_set_color(scols_line_get_cell(t->line, t->next - 1), color);
}

/*
 * Would a spreadsheet run it as a formula that calls or fetches something? "+2h" and "-5" only
 * look like one.
 */
static bool is_formula(const char *text)
{
	if (strchr("=@\t\r", *text) != NULL)
		return *text != '\0';
	return (*text == '+' || *text == '-') && strpbrk(text, "(|!") != NULL;
}

/*
 * RFC 4180: quoted where needed, quotes doubled, lines end in CRLF. A file gets the text as it
 * is, but for an apostrophe before a formula; a terminal gets it cleaned.
 */
static void csv_field(FILE *out, const char *text)
{
	const char *formula = is_formula(text) ? "'" : "";
	char *clean = NULL;

	if (isatty(fileno(out)) != 0) {
		clean = needed(strdup(text));
		clean_text(clean);
		text = clean;
	}
	if (strpbrk(text, ",\"\r\n") == NULL) {
		(void)fputs(formula, out);
		(void)fputs(text, out);
	} else {
		(void)fputc('"', out);
		(void)fputs(formula, out);
		for (; *text != '\0'; text++) {
			if (*text == '"')
				(void)fputc('"', out);
			(void)fputc(*text, out);
		}
		(void)fputc('"', out);
	}
	free(clean);
}

static void csv_value(FILE *out, const json_t *value)
{
	if (json_is_string(value))
		csv_field(out, json_string_value(value));
	else if (json_is_integer(value))
		(void)fprintf(out, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		(void)fprintf(out, "%.15g", json_real_value(value));
}

static void csv_print(struct table *t, FILE *out)
{
	const json_t *row;
	size_t index;

	for (size_t i = 0; !t->headed && i < t->column_count; i++) {
		if (i > 0)
			(void)fputc(',', out);
		csv_field(out, t->columns[i].name);
		if (i + 1 == t->column_count)
			(void)fputs("\r\n", out);
	}
	t->headed = true;
	json_array_foreach(t->rows, index, row)
	{
		for (size_t i = 0; i < t->column_count; i++) {
			if (i > 0)
				(void)fputc(',', out);
			csv_value(out, json_object_get(row, t->columns[i].name));
		}
		(void)fputs("\r\n", out);
	}
}

int table_flush(struct table *t, FILE *out)
{
	json_t *row;
	size_t index;

	switch (t->cli->format) {
	case FORMAT_TABLE:
		(void)scols_table_set_stream(t->scols, out);
		/* Rows of a former flush stand already; an empty rest needs no head. */
		if (t->rowed || !t->flushed)
			(void)scols_print_table(t->scols);
		(void)scols_table_remove_lines(t->scols);
		break;
	case FORMAT_JSON:
		t->list.out = out;
		json_array_foreach(t->rows, index, row)
		        json_list_add(&t->list, json_incref(row));
		(void)json_array_clear(t->rows);
		break;
	case FORMAT_CSV:
		csv_print(t, out);
		(void)json_array_clear(t->rows);
		break;
	}
	t->flushed = true;
	t->rowed = false;
	return output_check(out);
}

int table_print(struct table *t, FILE *out)
{
	int rc = table_flush(t, out);

	if (rc != 0 || t->cli->format != FORMAT_JSON)
		return rc;
	json_list_end(&t->list);
	return output_check(out);
}
