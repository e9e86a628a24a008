/* See echo.h. Nothing here is cast, and nothing but `data` is a void pointer. */
#include "echo.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <weft/arena.h>

static int say(struct weft_call *call, const Test__Echo__V1__Text *req, void *self)
{
	if (strcmp(req->text, "missing") == 0)
		return weft_call_fail(call, WEFT_NOT_FOUND, "no text \"%s\"", req->text);
	if (strcmp(req->text, "negative") == 0)
		return -EIO;
	return test_echo_v1_say_reply(call, req);
}

struct repeat {
	const Test__Echo__V1__RepeatRequest *req;
	int32_t next;
};

static int repeat_pump(struct weft_call *call, void *data)
{
	struct repeat *repeat = data;

	while (weft_call_writable(call) && repeat->next < repeat->req->times) {
		Test__Echo__V1__Text text = TEST__ECHO__V1__TEXT__INIT;
		int r;

		text.text = repeat->req->text;
		text.has_number_case = TEST__ECHO__V1__TEXT__HAS_NUMBER_NUMBER;
		text.number = repeat->next;
		r = test_echo_v1_repeat_send(call, &text);
		if (r < 0)
			return r;
		repeat->next++;
	}
	return repeat->next < repeat->req->times ? 0 : weft_call_finish(call);
}

static int repeat(struct weft_call *call, const Test__Echo__V1__RepeatRequest *req, void *self)
{
	struct repeat *repeat = weft_arena_zalloc(weft_call_arena(call), sizeof(*repeat));

	repeat->req = req;
	weft_call_on_ready(call, repeat_pump, repeat);
	return 0;
}

struct join {
	char *text;
	int32_t n;
};

static int on_join_message(struct weft_call *call, const Test__Echo__V1__Text *message, void *data)
{
	struct join *join = data;

	join->text = weft_arena_printf(weft_call_arena(call), "%s%s", join->text, message->text);
	join->n++;
	return 0;
}

static int on_join_end(struct weft_call *call, void *data)
{
	Test__Echo__V1__Text res = TEST__ECHO__V1__TEXT__INIT;
	struct join *join = data;

	res.text = join->text;
	res.has_number_case = TEST__ECHO__V1__TEXT__HAS_NUMBER_NUMBER;
	res.number = join->n;
	return test_echo_v1_join_reply(call, &res);
}

static int join(struct weft_call *call, void *self)
{
	struct join *join = weft_arena_zalloc(weft_call_arena(call), sizeof(*join));

	join->text = weft_arena_strdup(weft_call_arena(call), "");
	test_echo_v1_join_receive(call, on_join_message, on_join_end, join);
	return 0;
}

/* One answer for each message, so the way back may fill up: then no more is taken in until it
 * empties. */
static int shout_pump(struct weft_call *call, void *data)
{
	if (weft_call_writable(call))
		weft_call_resume(call);
	return 0;
}

static int on_shout_message(struct weft_call *call, const Test__Echo__V1__Text *message, void *data)
{
	struct weft_arena *scratch = weft_call_scratch(call);
	Test__Echo__V1__Text text = TEST__ECHO__V1__TEXT__INIT;

	weft_arena_reset(scratch);
	text.text = weft_arena_strdup(scratch, message->text);
	for (char *at = text.text; *at; at++)
		*at = (char)toupper((unsigned char)*at);
	if (!weft_call_writable(call))
		weft_call_hold(call);
	return test_echo_v1_shout_send(call, &text);
}

static int on_shout_end(struct weft_call *call, void *data)
{
	return weft_call_finish(call);
}

static int shout(struct weft_call *call, void *self)
{
	test_echo_v1_shout_receive(call, on_shout_message, on_shout_end, NULL);
	weft_call_on_ready(call, shout_pump, NULL);
	return 0;
}

const struct test_echo_v1_handlers echo_handlers = {
	.say = say,
	.repeat = repeat,
	.join = join,
	.shout = shout,
};
