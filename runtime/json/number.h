/*
 * Numbers between text and their bits, exactly: integers never pass through a double, and a
 * floating point number gets the shortest digits that read back as itself. Independent of the
 * process's locale.
 */
#ifndef JSON_NUMBER_H
#define JSON_NUMBER_H

#include <weft/base.h>

#define NUMBER_MAX 32 /* room for any number as text, with its NUL */

/* JSON's grammar for numbers, of which 1e2 and 1.0 are integers too. 0; -EINVAL: not a number, or
 * not a whole one; -ERANGE. */
int number_to_int(const char *text, size_t len, int64_t least, int64_t most, int64_t *ret_value);
int number_to_uint(const char *text, size_t len, uint64_t most, uint64_t *ret_value);
/* "NaN", "Infinity" and "-Infinity" too. */
int number_to_double(const char *text, size_t len, double *ret_value);
int number_to_float(const char *text, size_t len, float *ret_value);

/* These return the length, and end the text with a NUL. */
size_t number_from_integer(bool negative, uint64_t magnitude, char text[NUMBER_MAX]);
/* Of finite numbers. */
size_t number_from_double(double value, char text[NUMBER_MAX]);
size_t number_from_float(float value, char text[NUMBER_MAX]);

#endif
