#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Debian 12's headers end at ABI 2; later bits are spelled out here (linux/landlock.h of newer kernels). */
#define FS_REFER (1ULL << 13)
#define FS_TRUNCATE (1ULL << 14)
#define FS_IOCTL_DEV (1ULL << 15)
#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_LOCAL_SOCKETS (1ULL << 0)
#define SCOPE_SIGNALS (1ULL << 1)
#define RULE_NET_PORT 2

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

struct port_attr {
	uint64_t access, port;
};

#define READS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define DEVICES (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK) /* nobody may make one */
#define WRITES                                                                                                        \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |               \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |                     \
	 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM)
#define FOR_FILES                                                                                                     \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE | FS_TRUNCATE | FS_IOCTL_DEV)

static int programs_fd = -1; /* the rules for programs; -1 without any */

static uint64_t later_writes(int abi)
{
	return (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0);
}

static uint64_t handled(int abi)
{
	return READS | WRITES | DEVICES | LANDLOCK_ACCESS_FS_EXECUTE | later_writes(abi) | (abi >= 5 ? FS_IOCTL_DEV : 0);
}

static uint64_t access_of(unsigned rights, int abi)
{
	return (rights & CONFINE_READ ? READS : 0) | (rights & CONFINE_WRITE ? WRITES | later_writes(abi) : 0) |
	       (rights & CONFINE_EXEC ? LANDLOCK_ACCESS_FS_EXECUTE : 0) |
	       (rights & CONFINE_LIST ? LANDLOCK_ACCESS_FS_READ_DIR : 0) |
	       (rights & CONFINE_DEVICE && abi >= 5 ? FS_IOCTL_DEV : 0);
}

static void add_rule(int ruleset, const struct confine_rule *rule, int abi)
{
	struct landlock_path_beneath_attr attr = { .allowed_access = access_of(rule->rights, abi) };
	attr.parent_fd = open(rule->path, O_PATH | O_CLOEXEC);
	if (attr.parent_fd < 0)
		return; /* what does not exist cannot be reached either */
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0) != 0 && errno == EINVAL) {
		attr.allowed_access &= FOR_FILES; /* it is no directory */
		if (attr.allowed_access != 0)
			(void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0);
	}
	(void)close(attr.parent_fd);
}

/* A ruleset with these rules; -1 when the kernel makes none. */
static int make_ruleset(const struct ruleset_attr *attr, int abi, const struct confine_rule *rules, size_t count)
{
	size_t size = abi >= 6 ? sizeof *attr : abi >= 4 ? 2 * sizeof attr->fs : sizeof attr->fs;
	int fd = (int)syscall(SYS_landlock_create_ruleset, attr, size, 0);
	for (size_t i = 0; fd >= 0 && i < count; i++)
		add_rule(fd, &rules[i], abi);
	return fd;
}

static void add_ports(int ruleset, const struct confine_policy *p)
{
	for (size_t i = 0; i < p->port_count; i++) {
		struct port_attr attr = { NET_CONNECT_TCP, p->ports[i] };
		(void)syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &attr, 0);
	}
}

int confine_paths(const struct confine_policy *p)
{
	long v = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	int abi = v > 0 ? (int)v : 0;
	if (abi == 0)
		return 0;
	struct ruleset_attr attr = { .fs = handled(abi) };
	if (abi >= 4)
		attr.net = (p->listens ? 0 : NET_BIND_TCP) | (p->connects && p->port_count == 0 ? 0 : NET_CONNECT_TCP);
	if (abi >= 6)
		attr.scoped = (p->local_sockets ? 0 : SCOPE_LOCAL_SOCKETS) | (p->signals ? 0 : SCOPE_SIGNALS);
	int fd = make_ruleset(&attr, abi, p->rules, p->rule_count);
	if (fd < 0)
		return 0;
	if (p->connects && (attr.net & NET_CONNECT_TCP))
		add_ports(fd, p);
	if (p->exec && p->narrow) {
		struct ruleset_attr own = { .fs = handled(abi), .scoped = abi >= 6 ? SCOPE_SIGNALS : 0 };
		programs_fd = make_ruleset(&own, abi, p->program_rules, p->program_rule_count);
	}
	long rc = syscall(SYS_landlock_restrict_self, fd, 0);
	(void)close(fd);
	return rc == 0 ? abi : 0;
}

bool confine_program(void)
{
	return programs_fd < 0 || syscall(SYS_landlock_restrict_self, programs_fd, 0) == 0;
}
