/* The configuration's file: YAML, read as gateway.v1.Config (proto/gateway/v1/config.proto). */
#ifndef GATEWAY_CONFIG_FILE_H
#define GATEWAY_CONFIG_FILE_H

#include "config.h"

/* Sets what the file says, and leaves the rest. -EINVAL and other errors: `error` says
 * "FILE: line 3, column 5: backends[0].target: …", and `config` may be half set. */
int config_file_read(struct config *config, const char *path, char error[256]);

#endif
