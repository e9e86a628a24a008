/* What --target says, in the runtime's words. Pure. */
#ifndef CLI_TARGET_H
#define CLI_TARGET_H

#include "options.h"

/* "https://host:1" is "host:1" with TLS, "unix:/path" stays as it is, without TLS; free() the
 * target. -EINVAL: `error` says what is missing or contradicts itself. */
int target_parse(const struct options *options, char **ret_target, bool *ret_tls, char error[256]);

#endif
