/* What anybody may have put under a service's name in etcd: an endpoint, or words. And
 * what may be taken for a version. */
#include <weft/etcd.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = (char *)fuzz_copy((struct weft_bytes) { data, size });
	char *version = fuzz_string((struct weft_bytes) { data, size });
	struct weft_arena *arena = weft_arena_new();
	struct weft_endpoint endpoint = { 0 };
	char error[256] = "";

	if (weft_etcd_endpoint(text, size, arena, error, &endpoint) < 0) {
		assert(!endpoint.address && error[0] && strlen(error) < sizeof(error));
	} else {
		assert(endpoint.address[0]);
		assert(!endpoint.attributes || endpoint.attributes[0] == '{');
	}
	assert(weft_version_in(version, "1.2") >= 0 && weft_version_in("1.2.3", version) <= 1);
	free(version);
	weft_arena_free(arena);
	free(text);
	return 0;
}
