/* SPIFFE IDs: github.com/spiffe/spiffe, standards/SPIFFE-ID.md, section 2. */
#ifndef WEFT_WIRE_SPIFFE_H
#define WEFT_WIRE_SPIFFE_H

#include <weft/base.h>

/* "spiffe://TRUST-DOMAIN/PATH" as it stands in a certificate: nothing is folded or decoded. */
bool weft_spiffe_id_valid(const char *text);

#endif
