/* The member and its cluster: who answers, MemberList, Status, Alarm, and that there is no
 * authentication. */
#include "registry.h"

void registry_fill(const struct registry *registry, Etcdserverpb__ResponseHeader *header)
{
	header->cluster_id = registry->cluster_id;
	header->member_id = registry->member_id;
	header->raft_term = RAFT_TERM;
}

int registry_header(struct registry *registry, struct weft_arena *arena,
		    Etcdserverpb__ResponseHeader **ret_header)
{
	struct kv_state state;
	int r;

	r = kv_state(&(struct kv_view) { .reader = registry->reader }, &state);
	if (r != 0)
		return r;
	*ret_header = header_new(arena, state.revision);
	registry_fill(registry, *ret_header);
	return 0;
}

int member_list(struct weft_call *call, const Etcdserverpb__MemberListRequest *req, void *self)
{
	Etcdserverpb__MemberListResponse res = ETCDSERVERPB__MEMBER_LIST_RESPONSE__INIT;
	Etcdserverpb__Member member = ETCDSERVERPB__MEMBER__INIT;
	Etcdserverpb__Member *members[] = { &member };
	struct weft_arena *arena = weft_call_arena(call);
	struct registry *registry = self;
	/* Clients go where this points. Where they have found us is an address that works for
	 * them; what we listen at need not be. */
	char *url =
		weft_arena_printf(arena, "%s://%s", registry->scheme, weft_call_authority(call));
	int r;

	r = registry_header(registry, arena, &res.header);
	if (r < 0)
		return r;
	member.id = registry->member_id;
	member.name = (char *)"registry";
	member.clienturls = &url;
	member.n_clienturls = 1;
	res.members = members;
	res.n_members = 1;
	return etcdserverpb_cluster_member_list_reply(call, &res);
}

int alarm_list(struct weft_call *call, const Etcdserverpb__AlarmRequest *req, void *self)
{
	Etcdserverpb__AlarmResponse res = ETCDSERVERPB__ALARM_RESPONSE__INIT;
	int r;

	if (req->action == ETCDSERVERPB__ALARM_REQUEST__ALARM_ACTION__ACTIVATE)
		return weft_call_fail(call, WEFT_UNIMPLEMENTED,
				      "this registry knows no alarms to raise");
	r = registry_header(self, weft_call_arena(call), &res.header);
	return r < 0 ? r : etcdserverpb_maintenance_alarm_reply(call, &res);
}

int member_status(struct weft_call *call, const Etcdserverpb__StatusRequest *req, void *self)
{
	Etcdserverpb__StatusResponse res = ETCDSERVERPB__STATUS_RESPONSE__INIT;
	struct registry *registry = self;
	struct kv_view view = { .reader = registry->reader };
	int r;

	r = registry_header(registry, weft_call_arena(call), &res.header);
	if (r == 0)
		r = kv_size(&view, &res.dbsize, &res.dbsizeinuse);
	if (r < 0)
		return r;
	res.version = (char *)ETCD_VERSION;
	res.leader = registry->member_id;
	res.raftterm = RAFT_TERM;
	/* A revision is the nearest thing to an entry of a log that is not there. */
	res.raftindex = res.raftappliedindex = (uint64_t)res.header->revision;
	return etcdserverpb_maintenance_status_reply(call, &res);
}

int authenticate(struct weft_call *call, const Etcdserverpb__AuthenticateRequest *req, void *self)
{
	return etcd_fail(call, ETCD_AUTH_NOT_ENABLED);
}

int auth_status(struct weft_call *call, const Etcdserverpb__AuthStatusRequest *req, void *self)
{
	Etcdserverpb__AuthStatusResponse res = ETCDSERVERPB__AUTH_STATUS_RESPONSE__INIT;
	int r;

	r = registry_header(self, weft_call_arena(call), &res.header);
	if (r < 0)
		return r;
	res.authrevision = 1;
	return etcdserverpb_auth_auth_status_reply(call, &res);
}
