#include "well_known.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <weft/protobuf.h>

#include "number.h"

#define DAY              86400
#define LEAST_TIMESTAMP  INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define MOST_TIMESTAMP   INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define MOST_DURATION    INT64_C(315576000000)
#define NANOS_PER_SECOND 1000000000

/* A text that is read from the front. */
struct reader {
	const char *at, *end;
};

static bool take_char(struct reader *reader, char c)
{
	if (reader->at == reader->end || *reader->at != c)
		return false;
	reader->at++;
	return true;
}

/* Exactly `n` digits, or -1. */
static int take_digits(struct reader *reader, int n)
{
	int value = 0;

	for (; n > 0; n--) {
		if (reader->at == reader->end || *reader->at < '0' || *reader->at > '9')
			return -1;
		value = value * 10 + (*reader->at++ - '0');
	}
	return value;
}

/* ".5" as nanoseconds, up to nine digits; 0 when there is no point, -1 when there is no digit after
 * it. */
static int32_t take_fraction(struct reader *reader)
{
	int32_t nanos = 0;
	int n = 0;

	if (!take_char(reader, '.'))
		return 0;
	for (; reader->at < reader->end && isdigit((unsigned char)*reader->at); n++) {
		if (n == 9)
			return -1;
		nanos = nanos * 10 + (*reader->at++ - '0');
	}
	if (n == 0)
		return -1;
	for (; n < 9; n++)
		nanos *= 10;
	return nanos;
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_of_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days since 1970-01-01. Years are counted from March, so that the leap day is a year's last. */
static int64_t days_from_date(int year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

/* Back again, for days that are not before the year 0. */
static void date_from_days(int64_t days, uint32_t *ret_year, uint32_t *ret_month, uint32_t *ret_day)
{
	uint32_t z = (uint32_t)(days + 719468);
	uint32_t era = z / 146097, day_of_era = z % 146097;
	uint32_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	uint32_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint32_t month = (5 * day_of_year + 2) / 153;

	*ret_day = day_of_year - (153 * month + 2) / 5 + 1;
	*ret_month = month < 10 ? month + 3 : month - 9;
	*ret_year = year_of_era + era * 400 + (*ret_month <= 2);
}

/* "Z" or "+01:00": seconds to take off. */
static int take_offset(struct reader *reader, int *ret_offset)
{
	int sign, hours, minutes;

	if (take_char(reader, 'Z')) {
		*ret_offset = 0;
		return 0;
	}
	if (take_char(reader, '+'))
		sign = 1;
	else if (take_char(reader, '-'))
		sign = -1;
	else
		return -EINVAL;
	hours = take_digits(reader, 2);
	if (hours < 0 || hours > 23 || !take_char(reader, ':'))
		return -EINVAL;
	minutes = take_digits(reader, 2);
	if (minutes < 0 || minutes > 59)
		return -EINVAL;
	*ret_offset = sign * (hours * 3600 + minutes * 60);
	return 0;
}

int timestamp_parse(const char *text, size_t len, struct moment *ret_moment)
{
	struct reader reader = { text, text + len };
	int year, month, day, hour, minute, second, offset;
	struct moment moment;

	year = take_digits(&reader, 4);
	if (year < 0 || !take_char(&reader, '-'))
		return -EINVAL;
	month = take_digits(&reader, 2);
	if (month < 1 || month > 12 || !take_char(&reader, '-'))
		return -EINVAL;
	day = take_digits(&reader, 2);
	if (day < 1 || day > days_of_month(year, month) || !take_char(&reader, 'T'))
		return -EINVAL;
	hour = take_digits(&reader, 2);
	if (hour < 0 || hour > 23 || !take_char(&reader, ':'))
		return -EINVAL;
	minute = take_digits(&reader, 2);
	if (minute < 0 || minute > 59 || !take_char(&reader, ':'))
		return -EINVAL;
	second = take_digits(&reader, 2);
	if (second < 0 || second > 59)
		return -EINVAL;
	moment.nanos = take_fraction(&reader);
	if (moment.nanos < 0 || take_offset(&reader, &offset) < 0 || reader.at != reader.end)
		return -EINVAL;
	moment.seconds = days_from_date(year, month, day) * DAY + hour * 3600 + minute * 60 +
			 second - offset;
	if (moment.seconds < LEAST_TIMESTAMP || moment.seconds > MOST_TIMESTAMP)
		return -ERANGE;
	*ret_moment = moment;
	return 0;
}

/* Exactly `n` digits. */
static char *put_digits(char *at, uint32_t value, int n)
{
	for (int i = n - 1; i >= 0; i--, value /= 10)
		at[i] = (char)('0' + value % 10);
	return at + n;
}

/* Nothing, or a point and as many groups of three digits as are needed. */
static char *put_fraction(char *at, uint32_t nanos)
{
	if (nanos == 0)
		return at;
	*at++ = '.';
	if (nanos % 1000000 == 0)
		return put_digits(at, nanos / 1000000, 3);
	if (nanos % 1000 == 0)
		return put_digits(at, nanos / 1000, 6);
	return put_digits(at, nanos, 9);
}

static char *put_clock(char *at, uint32_t second_of_day)
{
	at = put_digits(at, second_of_day / 3600, 2);
	*at++ = ':';
	at = put_digits(at, second_of_day / 60 % 60, 2);
	*at++ = ':';
	return put_digits(at, second_of_day % 60, 2);
}

int timestamp_format(const struct moment *moment, char text[TIMESTAMP_TEXT_MAX])
{
	int64_t days, rest;
	uint32_t year, month, day;
	char *at = text;

	if (moment->seconds < LEAST_TIMESTAMP || moment->seconds > MOST_TIMESTAMP ||
	    moment->nanos < 0 || moment->nanos >= NANOS_PER_SECOND)
		return -ERANGE;
	days = moment->seconds / DAY;
	rest = moment->seconds % DAY;
	if (rest < 0) {
		days--;
		rest += DAY;
	}
	date_from_days(days, &year, &month, &day);
	at = put_digits(at, year, 4);
	*at++ = '-';
	at = put_digits(at, month, 2);
	*at++ = '-';
	at = put_digits(at, day, 2);
	*at++ = 'T';
	at = put_fraction(put_clock(at, (uint32_t)rest), (uint32_t)moment->nanos);
	*at++ = 'Z';
	return (int)(at - text);
}

int duration_parse(const char *text, size_t len, struct moment *ret_moment)
{
	struct reader reader = { text, text + len };
	struct moment moment = { 0 };
	bool negative = take_char(&reader, '-');
	const char *digits = reader.at;

	for (; reader.at < reader.end && isdigit((unsigned char)*reader.at); reader.at++)
		if (moment.seconds <= MOST_DURATION)
			moment.seconds = moment.seconds * 10 + (*reader.at - '0');
	if (reader.at == digits)
		return -EINVAL;
	moment.nanos = take_fraction(&reader);
	if (moment.nanos < 0 || !take_char(&reader, 's') || reader.at != reader.end)
		return -EINVAL;
	if (moment.seconds > MOST_DURATION)
		return -ERANGE;
	if (negative) {
		moment.seconds = -moment.seconds;
		moment.nanos = -moment.nanos;
	}
	*ret_moment = moment;
	return 0;
}

int duration_format(const struct moment *moment, char text[TIMESTAMP_TEXT_MAX])
{
	int64_t seconds = moment->seconds;
	int32_t nanos = moment->nanos;
	bool negative = seconds < 0 || nanos < 0;
	char *at = text;

	if (seconds < -MOST_DURATION || seconds > MOST_DURATION || nanos <= -NANOS_PER_SECOND ||
	    nanos >= NANOS_PER_SECOND || (seconds < 0 && nanos > 0) || (seconds > 0 && nanos < 0))
		return -ERANGE;
	at += number_from_integer(negative, (uint64_t)(negative ? -seconds : seconds), at);
	at = put_fraction(at, (uint32_t)(negative ? -nanos : nanos));
	*at++ = 's';
	return (int)(at - text);
}

int field_path_parse(const char *text, size_t len, struct weft_buffer *out)
{
	int r = 0;

	for (size_t i = 0; i < len && r >= 0; i++) {
		unsigned char c = (unsigned char)text[i];

		if (!isalnum(c) && c != '.')
			return -EINVAL;
		if (isupper(c))
			r = weft_buffer_append_byte(out, '_');
		if (r >= 0)
			r = weft_buffer_append_byte(out, (uint8_t)tolower(c));
	}
	return r;
}

int field_path_format(const char *text, size_t len, struct weft_buffer *out)
{
	int r = 0;

	for (size_t i = 0; i < len && r >= 0; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '_') {
			if (++i == len || !islower((unsigned char)text[i]))
				return -EINVAL;
			c = (unsigned char)toupper((unsigned char)text[i]);
		} else if (isupper(c) || (!isalnum(c) && c != '.')) {
			return -EINVAL;
		}
		r = weft_buffer_append_byte(out, c);
	}
	return r;
}

int moment_append(struct weft_buffer *out, const struct moment *moment)
{
	int r = 0;

	if (moment->seconds != 0)
		r = weft_wire_append_number(out, 1, (uint64_t)moment->seconds);
	if (r >= 0 && moment->nanos != 0)
		r = weft_wire_append_number(out, 2, (uint64_t)(int64_t)moment->nanos);
	return r;
}

int field_mask_append(struct weft_buffer *out, const char *text, size_t len)
{
	const char *end = text + len;
	size_t mark;
	int r;

	while (text < end) {
		const char *comma = memchr(text, ',', (size_t)(end - text)) ?: end;

		r = weft_wire_begin(out, 1, &mark);
		if (r < 0)
			return r;
		r = field_path_parse(text, (size_t)(comma - text), out);
		if (r < 0)
			return r;
		r = weft_wire_end(out, mark);
		if (r < 0)
			return r;
		text = comma + (comma < end);
	}
	return 0;
}
