/*
 * Call credentials: metadata that proves who calls, made anew for each call, as a token that is
 * fetched and refreshed. A channel has them for all its calls, a call may have its own; with both,
 * the channel's come first, and both must be there.
 *
 * They are sent over TLS or a Unix socket only: there nobody on the way can read them. Over TCP in
 * plaintext, the loopback interface included, the call ends as UNAUTHENTICATED instead. (TLS that
 * verifies nobody, weft_tls_options.insecure_skip_verify, is the user's word against ours.)
 *
 * They are asked for once per call, after the channel's interceptors and before the call waits for
 * a connection; its deadline runs meanwhile.
 */
#ifndef WEFT_CREDENTIALS_H
#define WEFT_CREDENTIALS_H

#include <weft/metadata.h>
#include <weft/status.h>
#include <weft/worker.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct weft_credentials; /* reference-counted, from any thread */
struct weft_credentials_request;

/*
 * A call wants its metadata. The request is answered exactly once, by weft_credentials_supply or
 * weft_credentials_fail, at once or later, on the call's worker; also when the call has ended
 * meanwhile, which makes no difference.
 */
typedef void weft_credentials_cb(struct weft_credentials_request *request, void *data);
typedef void weft_credentials_free_cb(void *data);

/* `free_cb` (may be NULL) is called with the last reference. */
struct weft_credentials *weft_credentials_new(weft_credentials_cb *cb, void *data,
					      weft_credentials_free_cb *free_cb);
/* "authorization: Bearer TOKEN", always the same (RFC 6750). The token is copied. */
struct weft_credentials *weft_credentials_new_bearer(const char *token);
struct weft_credentials *weft_credentials_ref(struct weft_credentials *credentials);
void weft_credentials_unref(struct weft_credentials *credentials); /* takes NULL */

/* Whose request it is; all of it is there until the answer. */
const char *weft_credentials_request_path(const struct weft_credentials_request *request);
/* What a token is to be good for: "https://shop.example/catalog.v1.Catalog". */
const char *weft_credentials_request_audience(const struct weft_credentials_request *request);
struct weft_worker *weft_credentials_request_worker(const struct weft_credentials_request *request);

/* `metadata` is copied. What is no metadata (an upper case name is folded) ends the call as
 * UNAVAILABLE. */
void weft_credentials_supply(struct weft_credentials_request *take_request,
			     const struct weft_metadata *metadata);
/* There are none: UNAUTHENTICATED when nothing would help, UNAVAILABLE when another try may. A code
 * that would be the server's to say (gRFC A54) becomes INTERNAL. */
void weft_credentials_fail(struct weft_credentials_request *take_request, enum weft_code code,
			   const char *format, ...) WEFT_PRINTF(3, 4);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
