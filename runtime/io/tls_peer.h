/* Identities: made from a certificate once per connection, shared by its calls on one worker. */
#ifndef WEFT_IO_TLS_PEER_H
#define WEFT_IO_TLS_PEER_H

#include <openssl/x509.h>
#include <weft/identity.h>

#include "io/identity.h"

struct weft_identity *weft_identity_new(X509 *certificate);

#endif
