/* The semantic version of a contract: (weft.version), as its file says it. */
#ifndef CHASSIS_VERSION_H
#define CHASSIS_VERSION_H

#include <weft/service.h>

/* NULL: the file says none. The caller frees it. */
char *version_of(const struct weft_service *service);

#endif
