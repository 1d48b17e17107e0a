/* Confinement by the kernel to what a contract declares (design §2): no new privileges, Landlock for paths and TCP ports,
 * seccomp for everything that goes around them, limits of resources. A missing layer is reported, never an error. Cannot be
 * undone, and holds for every program that this process starts; those have a narrower list of paths of their own. */
#ifndef TOOL_WORKER_CONFINE_H
#define TOOL_WORKER_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What a rule lets through at its path and, when that is a directory, below it. */
enum confine_right {
	CONFINE_READ = 1,
	CONFINE_WRITE = 2,  /* change, make, remove, rename */
	CONFINE_EXEC = 4,
	CONFINE_DEVICE = 8, /* commands to a device, as for a terminal's settings */
	CONFINE_LIST = 16,  /* names in directories, but no content */
};

struct confine_rule {
	const char *path; /* absolute; what does not exist is left out */
	unsigned rights;
};

struct confine_policy {
	const struct confine_rule *rules, *program_rules;
	size_t rule_count, program_rule_count;
	const uint16_t *ports; /* the only TCP ports that may be connected to, when port_count > 0 */
	size_t port_count;
	bool network;      /* sockets of the internet families */
	bool connects;     /* connections to others, as opposed to those that others make */
	bool listens;      /* TCP ports may be taken */
	bool local_sockets; /* sockets of the Unix family */
	bool exec;         /* other programs */
	bool narrow;       /* programs have their own rules: program_rules */
	bool signals;      /* processes of other runs may be signalled */
	bool attributes;   /* modes, owners and times of files may be changed by their path */
	int64_t memory, file_size, processes, open_files; /* 0: no limit of this policy */
	pid_t supervisor;
};

struct confine_result {
	int landlock; /* ABI version in force; 0 when the kernel has none */
	bool seccomp;
};

/* Applies the policy to this process and its future children. */
struct confine_result confine_apply(const struct confine_policy *policy);

/* What the kernel offers, without applying anything. */
struct confine_result confine_probe(void);

/* Narrows a child to the rules for programs, before it becomes one; false (errno) when that fails. Async-signal-safe. */
bool confine_program(void);

/* The layers, used by confine_apply alone: the ABI in force or 0, and whether the filter is in force. */
int confine_paths(const struct confine_policy *policy);
bool confine_calls(const struct confine_policy *policy, int landlock);

#endif
