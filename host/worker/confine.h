/* Confinement by the kernel to what a contract declares (design §2): no new privileges, Landlock for writes, exec and
 * TCP, seccomp for exec, sockets and ways around. A missing layer is reported, never an error. Cannot be undone. */
#ifndef TOOL_WORKER_CONFINE_H
#define TOOL_WORKER_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

struct confine_policy {
	const char **write_paths; /* absolute directories or files that may be written */
	size_t write_count;
	bool network; /* sockets */
	bool exec;    /* other programs */
};

struct confine_result {
	int landlock; /* ABI version in force; 0 when the kernel has none */
	bool seccomp;
};

/* Applies the policy to this process and its future children. */
struct confine_result confine_apply(const struct confine_policy *policy);

/* What the kernel offers, without applying anything. */
struct confine_result confine_probe(void);

#endif
