/* What went wrong, for a person, on standard error. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <weft/metadata.h>
#include <weft/schema.h>
#include <weft/status.h>

/* "NOT_FOUND (5): there is no …", and each detail as JSON. `schema` may be NULL: the built-in
 * contracts are asked, too. */
void report_status(const struct weft_status *status, const struct weft_schema *schema);
void report_metadata(const char *what, const struct weft_metadata *metadata);

#endif
