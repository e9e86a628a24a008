/* An identity lives as long as the connection and the calls that came over it, on one worker. */
#ifndef WEFT_IO_IDENTITY_H
#define WEFT_IO_IDENTITY_H

#include <weft/identity.h>

struct weft_transport;

/* Of an open transport; NULL: there is none. Borrowed. */
struct weft_identity *weft_transport_identity(const struct weft_transport *transport);
struct weft_identity *weft_identity_ref(struct weft_identity *identity); /* takes NULL */
void weft_identity_unref(struct weft_identity *identity);                /* takes NULL */

#endif
