/*
 * How messages are compressed on their way (gRPC's compression.md). Who receives has to be asked
 * nothing: the runtime takes all of these, and limits what a message may grow to.
 */
#ifndef WEFT_ENCODING_H
#define WEFT_ENCODING_H

#ifdef __cplusplus
extern "C" {
#endif

enum weft_encoding {
	WEFT_ENCODING_DEFAULT, /* a call's: its channel's or server's; theirs: identity */
	WEFT_IDENTITY,         /* not at all */
	WEFT_DEFLATE,          /* zlib's format (RFC 1950), as "deflate" means in HTTP */
	WEFT_GZIP,             /* RFC 1952 */
};

#ifdef __cplusplus
}
#endif
#endif
