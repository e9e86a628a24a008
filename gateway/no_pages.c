/* An edge that was built without its explorer: see explorer/package.json. */
#include "pages.h"

const struct page pages[] = { { 0 } };
