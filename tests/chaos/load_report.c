/* See load_report.h. Quotes and backslashes, which JSON wants escaped, are left out. */
#include "load_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void report_took(struct report_method *method, uint64_t took_us, uint64_t timeout_us,
		 const struct weft_status *status)
{
	if (method->n == method->cap) {
		method->cap = method->cap ? method->cap * 2 : 1024;
		method->took_us = realloc(method->took_us, method->cap * sizeof(uint32_t));
		if (!method->took_us)
			abort();
	}
	method->took_us[method->n++] = took_us < UINT32_MAX ? (uint32_t)took_us : UINT32_MAX;
	if (took_us > timeout_us && took_us - timeout_us > method->late_us)
		method->late_us = took_us - timeout_us;
	method->codes[status->code]++;
	if (status->code != WEFT_OK)
		snprintf(method->failure, sizeof(method->failure), "%s", status->message);
}

void report_peer(struct report *report, const char *address)
{
	for (size_t i = 0; i < PEERS_MAX; i++) {
		struct report_peer *peer = &report->peers[i];

		if (!*peer->address)
			snprintf(peer->address, sizeof(peer->address), "%s", address);
		if (strcmp(peer->address, address) == 0) {
			peer->answers++;
			return;
		}
	}
	abort(); /* the script has never so many replicas */
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* The time that so many hundredths of the calls have not taken; 100: nobody has taken more. */
static double percentile_ms(const struct report_method *method, unsigned percent)
{
	size_t at = method->n * percent / 100;

	if (method->n == 0)
		return 0;
	return method->took_us[at < method->n ? at : method->n - 1] / 1000.0;
}

static void print_text(const char *text)
{
	putchar('"');
	for (; *text; text++)
		if (*text != '"' && *text != '\\' && (unsigned char)*text >= ' ')
			putchar(*text);
	putchar('"');
}

static void print_method(const char *name, struct report_method *method)
{
	const char *comma = "";

	if (method->n)
		qsort(method->took_us, method->n, sizeof(uint32_t), by_size);
	printf(",\"%s\":{\"calls\":%" PRIu64 ",\"slow\":%" PRIu64 ",\"late_ms\":%.3f", name,
	       method->calls, method->slow, (double)method->late_us / 1000);
	printf(",\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"codes\":{",
	       percentile_ms(method, 50), percentile_ms(method, 99), percentile_ms(method, 100));
	for (int code = 0; code < CODES; code++) {
		if (!method->codes[code])
			continue;
		printf("%s\"%s\":%" PRIu64, comma, weft_code_name(code), method->codes[code]);
		comma = ",";
	}
	printf("},\"failure\":");
	print_text(method->failure);
	putchar('}');
}

void report_print(struct report *report, const char *phase)
{
	const char *comma = "";

	printf("{\"phase\":");
	print_text(phase);
	print_method("read", &report->read);
	print_method("write", &report->write);
	printf(",\"peers\":{");
	for (size_t i = 0; i < PEERS_MAX && *report->peers[i].address; i++) {
		printf("%s\"%s\":%" PRIu64, comma, report->peers[i].address,
		       report->peers[i].answers);
		comma = ",";
	}
	printf("}}\n");
	fflush(stdout);
}

void report_fini(struct report *report)
{
	free(report->read.took_us);
	free(report->write.took_us);
}
