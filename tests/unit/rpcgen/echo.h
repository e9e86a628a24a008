/* The service test.echo.v1.Echo, written as any service would be: for the tests of stubs. */
#ifndef TEST_ECHO_H
#define TEST_ECHO_H

#include "echo.weft.h"

extern const struct test_echo_v1_handlers echo_handlers; /* `self` is not used */

#endif
