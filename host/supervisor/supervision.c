#include "supervision.h"

#include <stdlib.h>
#include <string.h>

void shared_init(struct shared *all, const struct snapshot *s)
{
	(void)memset(all, 0, sizeof *all);
	all->signal_fd = -1;
	logger_init(&all->log, s);
}

void shared_free(struct shared *all)
{
	logger_free(&all->log);
	sink_free(&all->out);
	sink_free(&all->err);
	free(all->stay);
}

void supervision_init(struct supervision *v, struct shared *all, const struct snapshot *s, const struct options *opt)
{
	(void)memset(v, 0, sizeof *v);
	v->shared = all;
	v->snapshot = s;
	v->opt = opt;
	v->frames_fd = v->stdout_fd = v->stderr_fd = v->audit.fd = -1;
	buf_init(&v->captured);
	buf_init(&v->noise);
}

void supervision_free(struct supervision *v)
{
	record_free(&v->record);
	redact_free(&v->secrets);
	buf_free(&v->captured);
	buf_free(&v->noise);
	reap_told_free(&v->told);
	audit_close(&v->audit);
}
