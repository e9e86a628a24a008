/*
 * How much metadata is received, as gRPC has it: above the hard limit a call is refused, above the
 * soft one it may be. What nobody has set is 16 KiB and 8 KiB, or keeps the other at a distance of
 * a quarter (grpc.max_metadata_size, grpc.absolute_max_metadata_size).
 */
#ifndef RPC_METADATA_LIMITS_H
#define RPC_METADATA_LIMITS_H

#include <weft/base.h>

struct metadata_limits {
	size_t soft;
	size_t hard;
};

/* 0 is what nobody has set. */
static inline struct metadata_limits metadata_limits(size_t soft, size_t hard)
{
	struct metadata_limits limits = { .soft = soft, .hard = hard };
	const size_t usual_soft = (size_t)8 << 10, usual_hard = (size_t)16 << 10;

	if (!hard)
		limits.hard = soft + soft / 4 > usual_hard ? soft + soft / 4 : usual_hard;
	if (!soft)
		limits.soft = hard - hard / 5 > usual_soft ? hard - hard / 5 : usual_soft;
	if (limits.soft > limits.hard)
		limits.soft = limits.hard;
	return limits;
}

#endif
