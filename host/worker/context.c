#include "context.h"

struct worker *worker_context(void)
{
	static struct worker context = { .frames_fd = -1, .session_fd = -1, .pids_fd = -1 };
	return &context;
}
