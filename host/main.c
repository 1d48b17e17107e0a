/* The program: answers what needs no command at once, and supervises a worker for everything else. */
#include "base/snapshot.h"
#include "supervisor/options.h"
#include "supervisor/root_help.h"
#include "supervisor/supervise.h"
#include "version.h"

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
	return answer_text(s, o, line);
}

int main(int argc, char **argv)
{
	struct snapshot s;
	struct options o;
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	(void)sigaction(SIGPIPE, &ignore, NULL); /* REQ-F-014 */
	if (!snapshot_take(&s, argc, argv, environ))
		return 1;
	options_read(&o, &s);
	if (o.bad_flag != NULL)
		return answer_bad_flag(&s, &o);
	if (o.version && !o.json_asked)
		return print_version(&s, &o);
	struct buf help;
	buf_init(&help);
	if (o.help && !o.words && root_help_read(&s, &help)) {
		int code = answer_help(&s, &o, help.data, help.len);
		buf_free(&help);
		return code;
	}
	buf_free(&help);
	return supervise(&s, &o);
}
