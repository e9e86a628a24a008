/*
 * Amounts of money, exact: a whole number of billionths, as google.type.Money counts them.
 *
 * Arithmetic never wraps. A result beyond what google.type.Money can say, or one made of such a
 * result, is no amount (money_valid is false), as NaN is no number: a computation is checked once,
 * at its end. Rounding is to the penny, half away from zero, and happens only where a function's
 * name says so.
 *
 * The shop has one currency.
 */
#ifndef CHASSIS_MONEY_H
#define CHASSIS_MONEY_H

#include <weft/arena.h>

#include "google/type/money.pb-c.h"

#define MONEY_CURRENCY "GBP"

struct money {
	__int128 nanos;
};

#define MONEY_ZERO ((struct money) { 0 })

bool money_valid(struct money amount);

struct money money_from_pence(int64_t pence);
struct money money_from_nanos(int64_t nanos);
/* -ERANGE: a fraction of a penny, too much, or no amount. */
int money_to_pence(struct money amount, int64_t *ret_pence);
int money_to_nanos(struct money amount, int64_t *ret_nanos);

struct money money_add(struct money a, struct money b);
struct money money_subtract(struct money a, struct money b);
struct money money_times(struct money amount, int64_t n);
struct money money_round(struct money amount);
/* amount × parts / whole, rounded once; `whole` is positive. money_share_rounded(x, 550, 10000)
 * is 5.5 %. */
struct money money_share_rounded(struct money amount, int64_t parts, int64_t whole);
/* Both must be valid. Less than, equal to or greater than 0, as a is to b. */
int money_compare(struct money a, struct money b);

/* "-1234.50", at least two decimals and no more than are needed; in the arena. */
char *money_format(struct money amount, struct weft_arena *arena);

/* NULL is -EINVAL, as are another currency, a fraction past its bounds, and units and nanos of
 * two signs. */
int money_from_message(const Google__Type__Money *message, struct money *ret_amount);
/* The amount must be valid. */
Google__Type__Money *money_to_message(struct money amount, struct weft_arena *arena);

#endif
