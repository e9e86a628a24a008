/*
 * Addresses as text and as the kernel wants them: "127.0.0.1:8443", "[::1]:0", "unix:/path",
 * "unix-abstract:name".
 */
#ifndef WEFT_IO_ADDRESS_H
#define WEFT_IO_ADDRESS_H

#include <sys/socket.h>
#include <sys/un.h>
#include <weft/base.h>

/* The longest text, with its NUL: a Unix path and what stands before it. */
#define WEFT_ADDRESS_MAX (sizeof("unix-abstract:") + sizeof(((struct sockaddr_un *)0)->sun_path))

struct weft_address {
	union {
		struct sockaddr sa;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	};
	socklen_t len;
};

/* -EINVAL for text that is no address, -ENAMETOOLONG for a path that no socket can have. */
int weft_address_parse(const char *text, struct weft_address *ret_address);

/* IPv4 over an IPv6 socket is written as IPv4. A Unix socket without a name is "unix:". */
void weft_address_format(const struct weft_address *address, char text[WEFT_ADDRESS_MAX]);

/* The path of a Unix socket in the file system, or NULL. */
const char *weft_address_path(const struct weft_address *address);

struct weft_transport;

/* Of our end of the transport; "" when there is none any more. */
void weft_transport_local(const struct weft_transport *transport, char text[WEFT_ADDRESS_MAX]);

bool weft_address_is_ip(const char *host); /* "127.0.0.1" or "::1", without a port */

#endif
