/* The program: answers what needs no command at once, and supervises a worker for everything else. */
#include "base/snapshot.h"
#include "supervisor/options.h"
#include "supervisor/root_help.h"
#include "supervisor/supervise.h"
#include "version.h"
#include "worker/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

extern char **environ;

/* One line, "tool 1.2.3" (REQ-F-068); the persona's name when called by it. */
static int print_version(const struct snapshot *s, const struct options *o)
{
	char line[128];
	const char *name = strnlen(s->program, 65) <= 64 && s->program[0] != '\0' ? s->program : "tool";
	(void)snprintf(line, sizeof line, "%s %s\n", name, TOOL_VERSION);
	return answer_text(s, o, line, strlen(line));
}

static int run(struct snapshot *s)
{
	struct options o;
	struct buf help;
	options_read(&o, s);
	s->instance = o.instance;
	if (o.bad_flag != NULL)
		return answer_bad_flag(s, &o);
	if (o.version && !o.json_asked)
		return print_version(s, &o);
	buf_init(&help);
	bool ready = o.help && !o.words && root_help_read(s, &help);
	int code = ready ? answer_help(s, &o, help.data, help.len) : supervise(s, &o);
	buf_free(&help);
	return code;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--write-start-image") == 0) /* a step of the build */
		return worker_write_image(argv[2]);
	struct snapshot s;
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	(void)sigaction(SIGPIPE, &ignore, NULL); /* REQ-F-014 */
	if (!snapshot_take(&s, argc, argv, environ)) {
		(void)dprintf(2, "error: The host cannot start: %s.\n", strerror(errno));
		return 1;
	}
	int code = run(&s);
	snapshot_free(&s);
	return code;
}
