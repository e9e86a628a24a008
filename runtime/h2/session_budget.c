/*
 * What a peer may cost us for nothing, frame by frame (budget.h says why). What a frame is about is
 * counted where it is handled; here is what every frame costs by its kind.
 */
#include "h2/session_inside.h"

void session_init_budgets(struct session *session)
{
	budget_init(&session->useless, 10000, 330);
	budget_init(&session->resets, 1000, 33);
	budget_init(&session->received_resets, 900, 30);
}

void session_refill_budgets(struct session *session, uint64_t now)
{
	budget_refill(&session->useless, now);
	budget_refill(&session->resets, now);
	budget_refill(&session->received_resets, now);
}

bool session_overspent(const struct session *session)
{
	return budget_empty(&session->useless) || budget_empty(&session->resets) ||
	       budget_empty(&session->received_resets);
}

int session_spend(nghttp2_session *nghttp2, const nghttp2_frame_hd *frame, void *data)
{
	struct session *session = data;

	switch (frame->type) {
	case NGHTTP2_DATA:
	case NGHTTP2_HEADERS: break;
	case NGHTTP2_PING:
	case NGHTTP2_SETTINGS:
		if (!(frame->flags & NGHTTP2_FLAG_ACK))
			budget_spend(&session->useless, 1);
		break;
	case NGHTTP2_RST_STREAM:
		budget_spend(&session->received_resets, 1);
		if (budget_empty(&session->received_resets)) /* GOAWAY names the last so far */
			nghttp2_session_terminate_session(nghttp2, NGHTTP2_ENHANCE_YOUR_CALM);
		break;
	default: budget_spend(&session->useless, 1);
	}
	return 0;
}
