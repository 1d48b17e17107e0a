#include "lines.h"

#include "envelope.h"
#include "facts.h"
#include "finish.h"
#include "input.h"
#include "notes.h"
#include "reply.h"
#include "request.h"
#include "verdict.h"
#include "watch.h"
#include "zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_LINE 65536
#define MAX_LOGGED 65536 /* bytes for the log file that wait for the next line */
#define MAX_COMMAND 128  /* bytes of a name that is remembered */

/* A line is read, sent to the worker of its lane, and answered when all before it are. Lines are sent ahead of their turn
 * only to workers that have served the same command before: these run nothing that has effects, and hand back a line for
 * which they were not confined. */
enum state { FREE, READY, SENT, REFUSED };

struct lane {
	struct supervision v;
	struct snapshot snapshot;
	struct options opt;
	struct request request;
	long long number; /* of the line */
	const char *code; /* of a refused line */
	enum state state;
	bool used;        /* the worker has served a line, and waits */
	char command[MAX_COMMAND]; /* of the lane's last line; "": none, or a longer name */
	long long turn;   /* number of the last line */
	bool fresh;       /* the line was sent to one that had not */
};

struct lines {
	struct shared *shared;
	struct supervision *outer; /* of `tool exec` itself; its record says what was asked for */
	struct lane lanes[SERVE_SLOTS];
	struct supervision *runs[SERVE_SLOTS];
	size_t order[SERVE_SLOTS], count; /* the lanes that have lines, in the order of these */
	struct request next;       /* the line that waits for a lane */
	const char *next_code;     /* when it is refused */
	bool waits;
	struct buf inherited;      /* flags of the call that hold for each line */
	struct input in;
	bool ends;                 /* no further line is taken */
	struct zygote zygote;
	size_t requests, bad, failed; /* lines: run, not understood, answered with a failure of either kind */
	int signal;                /* that cut a line short */
};

bool lines_wanted(const struct supervision *v)
{
	const struct record *r = &v->record;
	return r->lines && r->has_result && r->exit_code == 0 && v->reason == NOT_STOPPED && !r->broken && !v->secrets_lost &&
	       v->shared->late_signal == 0;
}

static struct lane *lane_at(struct lines *l, size_t i)
{
	return &l->lanes[l->order[i]];
}

static size_t slot_of(const struct lines *l, const struct lane *lane)
{
	return (size_t)(lane - l->lanes);
}

static size_t max_line(const struct snapshot *s)
{
	const char *text = snapshot_env(s, "TOOL_MAX_STDIN_BYTES");
	char *end;
	long long n = text != NULL ? strtoll(text, &end, 10) : 0;
	return n > 0 && *end == '\0' ? (size_t)n : MAX_LINE;
}

/* A new run in the place of the lane's last one. */
static bool begin(struct lines *l, struct lane *lane)
{
	struct supervision *v = &lane->v;
	record_free(&v->record);
	bool ok = record_init(&v->record);
	if (v->secrets_added) {
		redact_free(&v->secrets);
		ok = ok && redact_environment(&v->secrets, l->outer->snapshot);
	}
	buf_reset(&v->captured);
	buf_reset(&v->noise);
	v->next_beat_ns = v->next_tick_ns = v->next_watch_ns = v->stopped_ns = v->kill_at_ns = 0;
	v->reason = NOT_STOPPED;
	v->killed = v->cleanup_seen = v->secrets_added = v->secrets_lost = false;
	v->status = 0;
	lane->snapshot.argc = lane->request.argc;
	lane->snapshot.argv = lane->request.argv;
	snapshot_restart(&lane->snapshot);
	options_read(&lane->opt, &lane->snapshot);
	lane->opt.format = FORMAT_JSON;
	lane->snapshot.instance = lane->opt.instance;
	char number[24];
	int n = snprintf(number, sizeof number, "%lld", lane->number);
	return ok && facts_base(v) && record_meta(&v->record, "_cmd", lane->request.cmd.data, lane->request.cmd.len) &&
	       record_meta(&v->record, "_line", number, (size_t)n);
}

static bool gone(const struct shared *all)
{
	return all->out.gone || (all->out.error != 0 && all->out.error != EBADF);
}

static void put(struct lines *l, struct supervision *v, struct outcome *o)
{
	reply_answer(v, o);
	reply_deliver(v, &l->shared->out, STALL_MS);
}

/* A line that is no request is told so, and nothing is done. */
static void refuse(struct lines *l, struct lane *lane)
{
	struct outcome o;
	char extra[256];
	const char *fix = strcmp(lane->code, "STDIN_TOO_LARGE") == 0 ? "Shorten the line, or raise TOOL_MAX_STDIN_BYTES" :
								       "Send one JSON object with _cmd per line";
	outcome_init(&o);
	(void)snprintf(extra, sizeof extra, ",\"fix_required\":\"%s\",\"suggestion\":\"%s\"", fix, fix);
	if (begin(l, lane) && facts_string(&lane->v.record, "command", "exec") &&
	    outcome_fail(&o, 2, lane->code, lane->request.problem, "validation", false, extra))
		put(l, &lane->v, &o);
	else
		l->shared->out.error = ENOMEM;
	record_free(&lane->v.record);
	(void)record_init(&lane->v.record);
	lane->v.record.over = true;
	l->bad++;
	l->failed++;
	outcome_free(&o);
}

/* Has the lane's worker served the command of this line before? */
static bool knows(const struct lane *lane, const struct request *r)
{
	return lane->used && r->cmd.len == strlen(lane->command) && memcmp(r->cmd.data, lane->command, r->cmd.len) == 0;
}

static void dispatch(struct lines *l, struct lane *lane)
{
	struct supervision *v = &lane->v;
	size_t slot = slot_of(l, lane);
	const struct buf *cmd = &lane->request.cmd;
	if (lane->used && !v->worker_ended && !knows(lane, &lane->request))
		zygote_retire(&l->zygote, v, slot);
	lane->used = lane->used && !v->worker_ended;
	lane->fresh = !lane->used;
	(void)snprintf(lane->command, sizeof lane->command, "%.*s", cmd->len < sizeof lane->command ? (int)cmd->len : 0, cmd->data);
	lane->turn = lane->number;
	lane->state = SENT;
	if (begin(l, lane) && zygote_worker(&l->zygote, v, slot) &&
	    zygote_send(&l->zygote, slot, &lane->snapshot, &lane->request.payload, l->outer->record.lines_dry_run))
		return;
	v->worker_ended = true;
	notes_say(v, "error", "No worker can be started for this line.");
}

/* Sends what may be sent: the line whose turn it is, and others behind it where nothing can have effects. */
static void send_ready(struct lines *l)
{
	bool calm = true;
	for (size_t i = 0; i < l->count && calm; i++) {
		struct lane *lane = lane_at(l, i);
		if (lane->state == READY && (i == 0 || knows(lane, &lane->request)))
			dispatch(l, lane);
		calm = lane->state == REFUSED || (lane->state == SENT && !lane->fresh);
	}
}

/* Waits until the worker's part of the lane's line is over. */
static void await(struct lines *l, struct lane *lane)
{
	while (!watch_over(&lane->v))
		watch_turn(&lane->v);
	lane->used = !lane->v.worker_ended;
	if (!lane->used)
		zygote_clear(&l->zygote, &lane->v, slot_of(l, lane));
}

/* The worker of the first lane may not run its line. The lines behind it have not seen what it will do: they run again. */
static void hand_on(struct lines *l)
{
	lane_at(l, 0)->state = READY;
	for (size_t i = 1; i < l->count; i++) {
		struct lane *lane = lane_at(l, i);
		if (lane->state != SENT)
			continue;
		await(l, lane);
		lane->state = READY;
	}
}

/* Answers the first line, unless another worker must run it. */
static void answer_first(struct lines *l)
{
	struct lane *lane = lane_at(l, 0);
	struct supervision *v = &lane->v;
	if (lane->state == SENT) {
		await(l, lane);
		if (v->record.handed_back && v->reason == NOT_STOPPED) {
			hand_on(l);
			return;
		}
		l->failed += finish_run(v) != 0 ? 1 : 0;
		l->requests++;
		if (v->reason == SIGNALLED)
			l->signal = v->signal_number;
		if (l->shared->log.lines.len > MAX_LOGGED)
			logger_write(&l->shared->log);
	} else {
		refuse(l, lane);
	}
	lane->state = FREE;
	l->count--;
	(void)memmove(l->order, l->order + 1, l->count * sizeof *l->order);
}

/* Waits for input, or for a signal, or for the reader of stdout to leave. */
static void wait_for_input(struct lines *l)
{
	struct shared *all = l->shared;
	struct pollfd p[4] = {
		{ .fd = l->in.fd, .events = POLLIN },
		{ .fd = all->signal_fd, .events = POLLIN },
		{ .fd = all->out.fd, .events = 0 },
		{ .fd = sink_poll_fd(&all->err), .events = POLLOUT },
	};
	(void)poll(p, 4, -1);
	watch_read_signals(&lane_at(l, 0)->v);
	if ((p[2].revents & POLLERR) != 0)
		all->out.gone = true;
	sink_pump(&all->err);
	if (p[0].revents != 0)
		input_read(&l->in);
}

static bool is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	return poll(&p, 1, 0) == 1;
}

static void read_line(struct lines *l, const char *line, size_t n, bool too_long)
{
	struct request *r = &l->next;
	l->next_code = too_long ? "STDIN_TOO_LARGE" : "DISPATCH_PARSE_ERROR";
	if (!request_read(r, l->outer->snapshot->program, &l->inherited, too_long ? "" : line, too_long ? 0 : n))
		l->shared->out.error = ENOMEM;
	if (too_long)
		(void)snprintf(r->problem, sizeof r->problem, "The line has more than %zu bytes.", l->in.max);
	l->waits = true;
}

static bool same_command(const struct request *a, const struct request *b)
{
	return a->cmd.len == b->cmd.len && memcmp(a->cmd.data, b->cmd.data, a->cmd.len) == 0;
}

/* A free lane for the line that waits: one whose worker knows the command, else one without a worker, else the one that was
 * not used for longest. NULL: it is better to wait for a lane that is busy with the same command than to lose a worker. */
static struct lane *choose(struct lines *l)
{
	struct lane *empty = NULL, *oldest = NULL;
	bool busy = false;
	for (size_t i = 0; i < SERVE_SLOTS; i++) {
		struct lane *lane = &l->lanes[i];
		if (lane->state != FREE)
			busy = busy || same_command(&lane->request, &l->next);
		else if (knows(lane, &l->next))
			return lane;
		else if (!lane->used)
			empty = lane;
		else if (oldest == NULL || lane->turn < oldest->turn)
			oldest = lane;
	}
	return empty != NULL ? empty : busy ? NULL : oldest;
}

/* Gives the line that waits a lane; false when there is none for it yet. */
static bool place(struct lines *l)
{
	struct lane *lane = choose(l);
	if (lane == NULL)
		return false;
	struct request free_one = lane->request;
	lane->request = l->next;
	l->next = free_one;
	lane->number = l->in.line;
	lane->code = l->next_code;
	lane->state = lane->request.problem[0] != '\0' ? REFUSED : READY;
	l->order[l->count++] = slot_of(l, lane);
	l->waits = false;
	return true;
}

static bool cut_short(const struct lines *l)
{
	return l->signal != 0 || l->shared->late_signal != 0 || l->shared->cut || gone(l->shared);
}

/* Reads lines into free lanes. Waits for one only when there is nothing else to do. */
static void fill(struct lines *l)
{
	const char *line = NULL;
	size_t n = 0;
	while (l->count < SERVE_SLOTS && !l->ends && !cut_short(l)) {
		if (l->waits) {
			if (!place(l))
				return;
			continue;
		}
		enum input_state state = input_next(&l->in, &line, &n);
		if (state == INPUT_LINE || state == INPUT_TOO_LONG) {
			read_line(l, line, n, state == INPUT_TOO_LONG);
		} else if (state == INPUT_WAITS && (l->count == 0 || is_readable(l->in.fd))) {
			wait_for_input(l);
		} else if (state == INPUT_WAITS) {
			return;
		} else {
			l->ends = true;
			l->shared->out.error = state == INPUT_NO_MEMORY ? ENOMEM : l->shared->out.error;
		}
	}
}

static void answer_all(struct lines *l)
{
	for (fill(l); l->count > 0 && !cut_short(l); fill(l)) {
		send_ready(l);
		answer_first(l);
		if (l->failed > 0 && !l->outer->record.lines_go_on)
			return;
	}
}

/* A signal between two lines is answered for the whole call. */
static int end_by_signal(struct lines *l)
{
	struct supervision *v = l->outer;
	struct outcome o;
	int number = l->signal != 0 ? l->signal : l->shared->late_signal;
	v->reason = SIGNALLED;
	v->signal_number = number;
	outcome_init(&o);
	if (l->signal == 0 && !l->shared->cut && facts_string(&v->record, "command", "exec") && verdict_decide(v, &o))
		put(l, v, &o);
	outcome_free(&o);
	return number == SIGINT ? 130 : 143;
}

static int result(struct lines *l)
{
	if (l->shared->out.gone)
		return 0;
	if (l->in.error != 0) {
		char text[160];
		(void)snprintf(text, sizeof text, "error: The lines cannot be read: %s.", strerror(l->in.error));
		notes_say(l->outer, "text", text);
		return 1;
	}
	return l->bad > 0 && l->requests == 0 ? 2 : l->failed > 0 ? 1 : 0;
}

static bool open_lanes(struct lines *l)
{
	const struct snapshot *s = l->outer->snapshot;
	bool ok = true;
	for (size_t i = 0; i < SERVE_SLOTS; i++) {
		struct lane *lane = &l->lanes[i];
		lane->snapshot = *s;
		lane->snapshot.tty[0] = lane->snapshot.tty[1] = false;
		request_init(&lane->request);
		supervision_init(&lane->v, l->shared, &lane->snapshot, &lane->opt);
		lane->v.worker_ended = true;
		lane->v.audit.lasting = true;
		ok = record_init(&lane->v.record) && redact_environment(&lane->v.secrets, s) && ok;
		l->runs[i] = &lane->v;
	}
	request_init(&l->next);
	l->shared->runs = l->runs;
	l->shared->run_count = SERVE_SLOTS;
	return ok && options_inherited(s, &l->inherited) && zygote_open(&l->zygote, l->runs);
}

static void close_lanes(struct lines *l)
{
	zygote_close(&l->zygote, l->runs);
	l->shared->run_count = 0;
	for (size_t i = 0; i < SERVE_SLOTS; i++) {
		supervision_free(&l->lanes[i].v);
		request_free(&l->lanes[i].request);
	}
	request_free(&l->next);
}

/* A call without a single line is answered too: nobody who reads JSON is left with nothing. */
static void answer_none(struct lines *l)
{
	struct outcome o;
	outcome_init(&o);
	l->outer->record.flags = 0; /* not the end of a stream */
	put(l, l->outer, &o);
	outcome_free(&o);
}

static int finish_lines(struct lines *l)
{
	struct supervision *v = l->outer;
	if (l->requests + l->bad == 0 && l->in.error == 0 && !cut_short(l))
		answer_none(l);
	int code = l->signal != 0 || l->shared->late_signal != 0 ? end_by_signal(l) : result(l);
	code = reply_settle(v, code);
	if (reply_open_audit(v))
		reply_audit(v, code);
	return code;
}

int lines_run(struct supervision *v)
{
	struct lines *l = calloc(1, sizeof *l);
	if (l == NULL)
		return 1;
	watch_drain(v);
	l->shared = v->shared;
	l->outer = v;
	buf_init(&l->inherited);
	bool file = v->record.lines_file.n > 0;
	int fd = file ? open(v->record.lines_file.p, O_RDONLY | O_CLOEXEC | O_NOCTTY) : 0;
	input_init(&l->in, fd, max_line(v->snapshot));
	l->in.error = fd < 0 ? errno : 0;
	if (!open_lanes(l))
		v->shared->out.error = ENOMEM;
	else if (fd >= 0)
		answer_all(l);
	close_lanes(l);
	int code = finish_lines(l);
	if (file && fd >= 0)
		(void)close(fd);
	input_free(&l->in);
	buf_free(&l->inherited);
	free(l);
	return code;
}
