/*
 * What a connection may cost us for nothing: a bucket of tokens that time and our own useful work
 * refill. Frames that carry no payload, bad frames, and resets that the peer provokes take tokens
 * out; a peer that empties a bucket is asked to calm down (GOAWAY, ENHANCE_YOUR_CALM). nghttp2 1.52
 * limits the resets it receives, but not the ones it sends (CVE-2025-8671), nor empty frames. The
 * sizes are those of later nghttp2 releases.
 */
#ifndef H2_BUDGET_H
#define H2_BUDGET_H

#include <weft/base.h>

struct budget {
	uint64_t tokens;
	uint64_t burst;
	uint64_t per_second;
	uint64_t refilled_at;
};

static inline void budget_init(struct budget *budget, uint64_t burst, uint64_t per_second)
{
	*budget = (struct budget) { .tokens = burst, .burst = burst, .per_second = per_second };
}

static inline void budget_earn(struct budget *budget, uint64_t tokens)
{
	budget->tokens += tokens;
	if (budget->tokens > budget->burst)
		budget->tokens = budget->burst;
}

static inline void budget_refill(struct budget *budget, uint64_t now)
{
	uint64_t tokens;

	if (!budget->refilled_at || now - budget->refilled_at > 3600 * WEFT_SECOND) {
		budget->refilled_at = now;
		return;
	}
	tokens = (now - budget->refilled_at) * budget->per_second / WEFT_SECOND;
	if (tokens) {
		budget_earn(budget, tokens);
		budget->refilled_at = now;
	}
}

static inline void budget_spend(struct budget *budget, uint64_t tokens)
{
	budget->tokens -= tokens < budget->tokens ? tokens : budget->tokens;
}

static inline bool budget_empty(const struct budget *budget)
{
	return !budget->tokens;
}

#endif
