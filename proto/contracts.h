/* All public contracts as one serialised google.protobuf.FileDescriptorSet, with imports and
 * comments. */
#ifndef CONTRACTS_H
#define CONTRACTS_H

#include <weft/base.h>

extern const struct weft_bytes contracts_descriptor_set;

#endif
