#include "facts.h"

#include "base/clock.h"
#include "base/json.h"
#include "version.h"

#include <string.h>

bool facts_string(struct record *r, const char *key, const char *value)
{
	struct buf b;
	buf_init(&b);
	bool ok = json_put_string(&b, value, strlen(value)) && record_meta(r, key, b.data, b.len);
	buf_free(&b);
	return ok;
}

bool facts_int(struct record *r, const char *key, int64_t value)
{
	struct buf b;
	buf_init(&b);
	bool ok = json_put_int(&b, value) && record_meta(r, key, b.data, b.len);
	buf_free(&b);
	return ok;
}

static bool headless(const struct snapshot *s)
{
	return !s->tty[1] || snapshot_ci(s) ||
	       (snapshot_env(s, "DISPLAY") == NULL && snapshot_env(s, "WAYLAND_DISPLAY") == NULL);
}

bool facts_base(struct supervision *v)
{
	const struct snapshot *s = v->snapshot;
	struct record *r = &v->record;
	char stamp[25];
	clock_rfc3339(s->start_epoch_ms, stamp);
	const char *trace = snapshot_env(s, "TOOL_TRACE_ID");
	char short_trace[257] = { 0 };
	if (trace != NULL)
		(void)memcpy(short_trace, trace, strnlen(trace, 256));
	return facts_string(r, "request_id", s->request_id) && facts_string(r, "timestamp", stamp) &&
	       facts_string(r, "tool_version", TOOL_VERSION) && facts_string(r, "cwd", s->cwd) &&
	       facts_string(r, "schema_version", "1.0") && facts_string(r, "command", s->program) &&
	       facts_string(r, "effective_config_hash", "e3b0c4") && record_meta(r, "config_sources", "[]", 2) &&
	       facts_int(r, "timeout_ms", v->opt->start_timeout_ms) &&
	       (short_trace[0] == '\0' || facts_string(r, "trace_id", short_trace)) &&
	       (!headless(s) || record_meta(r, "headless", "true", 4));
}
