#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define THIS_ARCH AUDIT_ARCH_X86_64
#define X32_SYSCALL_BIT 0x40000000U
#elif defined(__aarch64__)
#define THIS_ARCH AUDIT_ARCH_AARCH64
#else
#error "confine.c needs this machine's audit architecture"
#endif

/* Debian 12's headers end at ABI 2; later bits are spelled out here (linux/landlock.h of newer kernels). */
#define FS_REFER (1ULL << 13)
#define FS_TRUNCATE (1ULL << 14)
#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)

struct ruleset_attr {
	uint64_t fs, net;
};

#define FILE_WRITES (LANDLOCK_ACCESS_FS_WRITE_FILE)
#define DIR_WRITES                                                                                                   \
	(LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |               \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |                    \
	 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

static int landlock_abi(void)
{
	long v = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	return v > 0 ? (int)v : 0;
}

static uint64_t later_writes(int abi)
{
	return (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0);
}

static void allow_write(int ruleset, const char *path, int abi)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return; /* what does not exist cannot be written either */
	struct stat st;
	uint64_t rights = FILE_WRITES | (abi >= 3 ? FS_TRUNCATE : 0);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		rights = FILE_WRITES | DIR_WRITES | later_writes(abi);
	struct landlock_path_beneath_attr rule = { .allowed_access = rights, .parent_fd = fd };
	(void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	(void)close(fd);
}

static int apply_landlock(const struct confine_policy *p)
{
	int abi = landlock_abi();
	if (abi == 0)
		return 0;
	struct ruleset_attr attr = { .fs = FILE_WRITES | DIR_WRITES | later_writes(abi) };
	if (!p->exec)
		attr.fs |= LANDLOCK_ACCESS_FS_EXECUTE;
	if (abi >= 4 && !p->network)
		attr.net = NET_BIND_TCP | NET_CONNECT_TCP;
	size_t size = abi >= 4 ? sizeof attr : sizeof attr.fs;
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (fd < 0)
		return 0;
	allow_write(fd, "/dev/null", abi);
	allow_write(fd, "/dev/tty", abi);
	for (size_t i = 0; i < p->write_count; i++)
		allow_write(fd, p->write_paths[i], abi);
	long rc = syscall(SYS_landlock_restrict_self, fd, 0);
	(void)close(fd);
	return rc == 0 ? abi : 0;
}

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define RETURN(v) BPF_STMT(BPF_RET | BPF_K, (v))
#define DENY RETURN(SECCOMP_RET_ERRNO | EACCES)
/* Denies the call `nr` unless `allowed` is 1. */
#define RULE(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(nr), 0, 1), DENY

static bool apply_seccomp(const struct confine_policy *p)
{
	struct sock_filter always[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCH, 1, 0),
		RETURN(SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
#if defined(__x86_64__)
		/* the x32 numbers are the same calls once more */
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_SYSCALL_BIT, 0, 1), DENY,
#endif
		RULE(SYS_ptrace), RULE(SYS_process_vm_readv), RULE(SYS_process_vm_writev), RULE(SYS_mount),
		RULE(SYS_umount2), RULE(SYS_pivot_root), RULE(SYS_chroot), RULE(SYS_unshare), RULE(SYS_setns),
		RULE(SYS_bpf), RULE(SYS_perf_event_open), RULE(SYS_keyctl), RULE(SYS_add_key), RULE(SYS_request_key),
		RULE(SYS_userfaultfd), RULE(SYS_io_uring_setup), RULE(SYS_kexec_load), RULE(SYS_init_module),
		RULE(SYS_finit_module), RULE(SYS_delete_module), RULE(SYS_reboot), RULE(SYS_swapon), RULE(SYS_chdir),
		RULE(SYS_fchdir),
	};
	struct sock_filter exec_rules[] = { RULE(SYS_execve), RULE(SYS_execveat) };
	struct sock_filter net_rules[] = { RULE(SYS_socket) };
	struct sock_filter last = RETURN(SECCOMP_RET_ALLOW);
	struct sock_filter all[sizeof always / sizeof *always + sizeof exec_rules / sizeof *exec_rules +
			       sizeof net_rules / sizeof *net_rules + 1];
	unsigned short n = 0;
	for (size_t i = 0; i < sizeof always / sizeof *always; i++) {
		/* A child's own directory is changed in the child, which exec permits (REQ-F-041). */
		bool chdir_rule = i + 4 >= sizeof always / sizeof *always;
		if (!(p->exec && chdir_rule))
			all[n++] = always[i];
	}
	for (size_t i = 0; !p->exec && i < sizeof exec_rules / sizeof *exec_rules; i++)
		all[n++] = exec_rules[i];
	for (size_t i = 0; !p->network && i < sizeof net_rules / sizeof *net_rules; i++)
		all[n++] = net_rules[i];
	all[n++] = last;
	struct sock_fprog program = { n, all };
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

struct confine_result confine_apply(const struct confine_policy *policy)
{
	struct confine_result r = { 0, false };
	struct rlimit no_core = { 0, 0 };
	(void)setrlimit(RLIMIT_CORE, &no_core);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return r;
	r.landlock = apply_landlock(policy);
	r.seccomp = apply_seccomp(policy);
	return r;
}

struct confine_result confine_probe(void)
{
	struct confine_result r = { landlock_abi(), false };
	/* an invalid filter address: EFAULT when the mode exists, EINVAL when it does not */
	r.seccomp = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) != 0 && errno == EFAULT;
	return r;
}
