/*
 * Exact money. An amount is at most INT64_MAX units, about 2^93 billionths: in 128 bits a sum of
 * two cannot wrap, and a product is checked by the compiler's own overflow test. What leaves the
 * bounds becomes `nowhere`, and stays it.
 */
#include "money.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NANOS_IN_UNIT  1000000000
#define NANOS_IN_PENNY 10000000

static const struct money nowhere = { (__int128)1 << 126 };
static const __int128 bound = (__int128)INT64_MAX * NANOS_IN_UNIT + (NANOS_IN_UNIT - 1);

static __int128 magnitude(__int128 x)
{
	return x < 0 ? -x : x;
}

static struct money bounded(__int128 nanos)
{
	return magnitude(nanos) <= bound ? (struct money) { nanos } : nowhere;
}

/* Half away from zero. `whole` is positive, and nothing here comes near 2^127. */
static __int128 divide_rounded(__int128 amount, __int128 whole)
{
	__int128 quotient = (magnitude(amount) + whole / 2) / whole;

	/* An odd whole has no exact half: whole / 2 was cut, and so a true half cannot occur. */
	return amount < 0 ? -quotient : quotient;
}

bool money_valid(struct money amount)
{
	return magnitude(amount.nanos) <= bound;
}

struct money money_from_pence(int64_t pence)
{
	return (struct money) { (__int128)pence * NANOS_IN_PENNY };
}

struct money money_from_nanos(int64_t nanos)
{
	return (struct money) { nanos };
}

int money_to_pence(struct money amount, int64_t *ret_pence)
{
	__int128 pence = amount.nanos / NANOS_IN_PENNY;

	if (!money_valid(amount) || amount.nanos % NANOS_IN_PENNY || pence > INT64_MAX ||
	    pence < INT64_MIN)
		return -ERANGE;
	*ret_pence = (int64_t)pence;
	return 0;
}

int money_to_nanos(struct money amount, int64_t *ret_nanos)
{
	if (amount.nanos > INT64_MAX || amount.nanos < INT64_MIN)
		return -ERANGE;
	*ret_nanos = (int64_t)amount.nanos;
	return 0;
}

struct money money_add(struct money a, struct money b)
{
	if (!money_valid(a) || !money_valid(b))
		return nowhere;
	return bounded(a.nanos + b.nanos);
}

struct money money_subtract(struct money a, struct money b)
{
	if (!money_valid(a) || !money_valid(b))
		return nowhere;
	return bounded(a.nanos - b.nanos);
}

/* Without the bound, for what is divided again at once. */
static bool multiply(struct money amount, int64_t n, __int128 *ret_product)
{
	if (!money_valid(amount) || __builtin_mul_overflow(amount.nanos, (__int128)n, ret_product))
		return false;
	return *ret_product<nowhere.nanos && * ret_product> - nowhere.nanos;
}

struct money money_times(struct money amount, int64_t n)
{
	__int128 product;

	return multiply(amount, n, &product) ? bounded(product) : nowhere;
}

struct money money_round(struct money amount)
{
	if (!money_valid(amount))
		return nowhere;
	return bounded(divide_rounded(amount.nanos, NANOS_IN_PENNY) * NANOS_IN_PENNY);
}

struct money money_share_rounded(struct money amount, int64_t parts, int64_t whole)
{
	__int128 product;

	assert(whole > 0);
	if (!multiply(amount, parts, &product))
		return nowhere;
	return bounded(divide_rounded(product, (__int128)whole * NANOS_IN_PENNY) * NANOS_IN_PENNY);
}

int money_compare(struct money a, struct money b)
{
	assert(money_valid(a) && money_valid(b));
	return (a.nanos > b.nanos) - (a.nanos < b.nanos);
}

char *money_format(struct money amount, struct weft_arena *arena)
{
	__int128 nanos = magnitude(amount.nanos);
	char fraction[16];
	size_t len;

	if (!money_valid(amount))
		return weft_arena_strdup(arena, "no amount");

	len = (size_t)snprintf(fraction, sizeof(fraction), "%09d", (int)(nanos % NANOS_IN_UNIT));
	while (len > 2 && fraction[len - 1] == '0')
		fraction[--len] = '\0';
	return weft_arena_printf(arena, "%s%lld.%s", amount.nanos < 0 ? "-" : "",
				 (long long)(nanos / NANOS_IN_UNIT), fraction);
}

int money_from_message(const Google__Type__Money *message, struct money *ret_amount)
{
	if (!message || strcmp(message->currency_code, MONEY_CURRENCY) != 0)
		return -EINVAL;
	if (message->nanos <= -NANOS_IN_UNIT || message->nanos >= NANOS_IN_UNIT)
		return -EINVAL;
	if ((message->units > 0 && message->nanos < 0) ||
	    (message->units < 0 && message->nanos > 0))
		return -EINVAL;
	if (message->units == INT64_MIN)
		return -EINVAL;

	ret_amount->nanos = (__int128)message->units * NANOS_IN_UNIT + message->nanos;
	return 0;
}

Google__Type__Money *money_to_message(struct money amount, struct weft_arena *arena)
{
	Google__Type__Money *message = weft_arena_alloc(arena, sizeof(*message));

	assert(money_valid(amount));
	google__type__money__init(message);
	message->currency_code = (char *)MONEY_CURRENCY;
	message->units = (int64_t)(amount.nanos / NANOS_IN_UNIT);
	message->nanos = (int32_t)(amount.nanos % NANOS_IN_UNIT);
	return message;
}
