#include "confine.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define THIS_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_ARCH AUDIT_ARCH_AARCH64
#else
#error "confine_calls.c needs this machine's audit architecture"
#endif

#define LAST_KNOWN_CALL 450U /* set_mempolicy_home_node; later ones, and the x32 numbers, do not exist for commands */
#define MAX_CALLS 128
#define MAX_FILTER 512

#define NAMESPACES                                                                                                    \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

/* What is done about a call. */
enum rule {
	DENY,
	MISSING,     /* as if the kernel did not know it: its callers have another way */
	BY_FAMILY,   /* socket */
	LOCAL_PAIR,  /* socketpair */
	NO_SPACES,   /* clone: no new namespaces, and no process without `exec` */
	NO_TYPING,   /* ioctl: no input is put into a terminal */
	NO_LOOSENING, /* prctl */
	NO_OWNER,    /* fcntl: no signals are sent by way of a descriptor */
	NOT_ALL,     /* kill: not the supervisor, not its group, not everybody; without `exec` only itself */
	NOT_ABOVE,   /* the first argument is not the supervisor */
	ITSELF_ONLY, /* the first argument is 0 */
};

struct call {
	unsigned nr;
	enum rule rule;
};

struct filter {
	struct sock_filter code[MAX_FILTER];
	unsigned n;
	const struct confine_policy *policy;
	pid_t group; /* of the supervisor */
};

struct calls {
	struct call items[MAX_CALLS];
	unsigned n;
};

/* Whatever is declared: other processes' memory, new namespaces, the kernel's own programs and keys. What needs a capability
 * (mounts, modules, the clock, other users) is not here: confine_apply gives those up, and no_new_privs keeps them away. */
static const unsigned always[] = {
	SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_process_madvise, SYS_pidfd_getfd, SYS_kcmp,
	SYS_unshare, SYS_setns, SYS_bpf, SYS_perf_event_open, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_userfaultfd,
	SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register, SYS_personality,
#if defined(__x86_64__)
	SYS_modify_ldt,
#endif
};

/* A path's mode, owner, times and labels: no path rule of Landlock covers them. By descriptor they stay. */
static const unsigned by_path[] = {
	SYS_fchmodat, SYS_fchownat, SYS_utimensat, SYS_setxattr, SYS_lsetxattr, SYS_removexattr, SYS_lremovexattr,
#if defined(__x86_64__)
	SYS_chmod, SYS_chown, SYS_lchown, SYS_utime, SYS_utimes, SYS_futimesat,
#endif
};

static const struct call by_argument[] = {
	{ SYS_clone, NO_SPACES }, { SYS_clone3, MISSING }, { SYS_socketpair, LOCAL_PAIR }, { SYS_ioctl, NO_TYPING },
	{ SYS_prctl, NO_LOOSENING }, { SYS_fcntl, NO_OWNER }, { SYS_kill, NOT_ALL }, { SYS_tkill, NOT_ABOVE },
	{ SYS_tgkill, NOT_ABOVE }, { SYS_rt_sigqueueinfo, NOT_ABOVE }, { SYS_rt_tgsigqueueinfo, NOT_ABOVE },
	{ SYS_pidfd_open, NOT_ABOVE }, { SYS_sched_setscheduler, NOT_ABOVE }, { SYS_sched_setparam, NOT_ABOVE },
	{ SYS_sched_setattr, NOT_ABOVE }, { SYS_sched_setaffinity, NOT_ABOVE }, { SYS_setpgid, NOT_ABOVE },
	{ SYS_prlimit64, ITSELF_ONLY }, { SYS_memfd_create, MISSING }, { SYS_memfd_secret, MISSING },
};

static void add(struct calls *c, unsigned nr, enum rule rule)
{
	if (c->n < MAX_CALLS)
		c->items[c->n++] = (struct call){ nr, rule };
}

static void add_all(struct calls *c, const unsigned *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add(c, list[i], DENY);
}

/* The leak checker of a sanitized build traces its own process; built-ins start the tool itself. */
static bool is_checked(const struct confine_policy *p)
{
#ifdef TOOL_SANITIZE
	return p->signals;
#else
	(void)p;
	return false;
#endif
}

static void choose(struct calls *c, const struct confine_policy *p, int landlock)
{
	size_t skipped = is_checked(p) ? 1 : 0; /* ptrace, the first */
	add_all(c, always + skipped, sizeof always / sizeof *always - skipped);
	if (!p->attributes)
		add_all(c, by_path, sizeof by_path / sizeof *by_path);
	for (size_t i = 0; i < sizeof by_argument / sizeof *by_argument; i++)
		add(c, by_argument[i].nr, by_argument[i].rule);
	add(c, SYS_socket, p->network || p->local_sockets ? BY_FAMILY : DENY);
	if (!p->signals)
		add(c, SYS_pidfd_send_signal, DENY);
	if (landlock < 3) /* which has no right of its own for it yet */
		add(c, SYS_truncate, DENY);
	if (p->exec)
		return; /* a child's own directory is changed in the child (REQ-F-041) */
	static const unsigned alone[] = { SYS_execve, SYS_execveat, SYS_chdir, SYS_fchdir,
#if defined(__x86_64__)
					  SYS_fork, SYS_vfork,
#endif
	};
	add_all(c, alone, sizeof alone / sizeof *alone);
}

static int by_number(const void *a, const void *b)
{
	const struct call *x = a, *y = b;
	return (x->nr > y->nr) - (x->nr < y->nr);
}

static void instr(struct filter *f, struct sock_filter instruction)
{
	if (f->n < MAX_FILTER)
		f->code[f->n++] = instruction;
}

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define RETURN(v) BPF_STMT(BPF_RET | BPF_K, (v))
#define REFUSE RETURN(SECCOMP_RET_ERRNO | EACCES)
#define ABSENT RETURN(SECCOMP_RET_ERRNO | ENOSYS)
#define PASS RETURN(SECCOMP_RET_ALLOW)
#define IF(test, k) BPF_JUMP(BPF_JMP | (test) | BPF_K, (uint32_t)(k), 0, 1) /* runs the next instruction if so */

static void refuse_if(struct filter *f, unsigned short test, uint32_t k)
{
	instr(f, (struct sock_filter)IF(test, k));
	instr(f, (struct sock_filter)REFUSE);
}

static void pass_if(struct filter *f, uint32_t k)
{
	instr(f, (struct sock_filter)IF(BPF_JEQ, k));
	instr(f, (struct sock_filter)PASS);
}

/* The argument's low half: what these calls take is an int. */
static void argument(struct filter *f, int which)
{
	instr(f, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					      (uint32_t)(offsetof(struct seccomp_data, args) + 8 * (size_t)which)));
}

static void put_family(struct filter *f)
{
	argument(f, 1); /* no raw sockets */
	instr(f, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf));
	refuse_if(f, BPF_JEQ, SOCK_RAW);
	refuse_if(f, BPF_JEQ, 10); /* SOCK_PACKET */
	argument(f, 0);
	if (f->policy->local_sockets)
		pass_if(f, AF_UNIX);
	if (!f->policy->network)
		return;
	pass_if(f, AF_INET);
	pass_if(f, AF_INET6);
	/* the C library asks the kernel for its addresses before it looks a name up */
	instr(f, (struct sock_filter)IF(BPF_JEQ, AF_NETLINK));
	instr(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0));
	instr(f, (struct sock_filter)REFUSE);
	argument(f, 2);
	pass_if(f, 0);
}

static void put_signal(struct filter *f)
{
	argument(f, 0);
	if (!f->policy->exec) {
		pass_if(f, (uint32_t)getpid());
		return;
	}
	refuse_if(f, BPF_JEQ, (uint32_t)f->policy->supervisor);
	refuse_if(f, BPF_JEQ, (uint32_t)-f->group);
	refuse_if(f, BPF_JEQ, (uint32_t)-1);
	instr(f, (struct sock_filter)PASS);
}

/* The instructions for a call whose number matched; each way through them ends in a return. */
static void put_rule(struct filter *f, enum rule rule)
{
	switch (rule) {
	case DENY:
		break;
	case MISSING:
		instr(f, (struct sock_filter)ABSENT);
		return;
	case BY_FAMILY:
		put_family(f);
		break;
	case LOCAL_PAIR:
		argument(f, 0);
		pass_if(f, AF_UNIX);
		break;
	case NO_SPACES:
		argument(f, 0);
		refuse_if(f, BPF_JSET, (uint32_t)NAMESPACES);
		if (f->policy->exec) {
			instr(f, (struct sock_filter)PASS);
			return;
		}
		instr(f, (struct sock_filter)IF(BPF_JSET, CLONE_THREAD));
		instr(f, (struct sock_filter)PASS);
		break;
	case NO_TYPING:
		argument(f, 1);
		refuse_if(f, BPF_JEQ, 0x5412); /* TIOCSTI */
		refuse_if(f, BPF_JEQ, 0x541c); /* TIOCLINUX */
		refuse_if(f, BPF_JEQ, 0x5423); /* TIOCSETD */
		instr(f, (struct sock_filter)PASS);
		return;
	case NO_LOOSENING:
		argument(f, 0);
		refuse_if(f, BPF_JEQ, 35);         /* PR_SET_MM */
		refuse_if(f, BPF_JEQ, 0x59616d61); /* PR_SET_PTRACER */
		refuse_if(f, BPF_JEQ, PR_SET_SECUREBITS);
		refuse_if(f, BPF_JEQ, PR_CAP_AMBIENT);
		if (!f->policy->exec)
			refuse_if(f, BPF_JEQ, PR_SET_PDEATHSIG);
		if (is_checked(f->policy))
			pass_if(f, PR_SET_DUMPABLE);
		instr(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_DUMPABLE, 1, 0));
		instr(f, (struct sock_filter)PASS);
		argument(f, 1);
		pass_if(f, 0);
		break;
	case NO_OWNER:
		argument(f, 1);
		refuse_if(f, BPF_JEQ, 8);  /* F_SETOWN */
		refuse_if(f, BPF_JEQ, 10); /* F_SETSIG */
		refuse_if(f, BPF_JEQ, 15); /* F_SETOWN_EX */
		instr(f, (struct sock_filter)PASS);
		return;
	case NOT_ALL:
		put_signal(f);
		break;
	case NOT_ABOVE:
		argument(f, 0);
		refuse_if(f, BPF_JEQ, (uint32_t)f->policy->supervisor);
		instr(f, (struct sock_filter)PASS);
		return;
	case ITSELF_ONLY:
		argument(f, 0);
		pass_if(f, 0);
		break;
	}
	instr(f, (struct sock_filter)REFUSE);
}

/* Calls that follow each other and have the same rule become one entry. */
struct range {
	unsigned first, last;
	enum rule rule;
};

static unsigned merge(const struct calls *c, struct range *out)
{
	unsigned n = 0;
	for (unsigned i = 0; i < c->n; i++) {
		const struct call *call = &c->items[i];
		if (n > 0 && out[n - 1].last + 1 == call->nr && out[n - 1].rule == DENY && call->rule == DENY)
			out[n - 1].last = call->nr;
		else
			out[n++] = (struct range){ call->nr, call->nr, call->rule };
	}
	return n;
}

static unsigned jump(struct filter *f, unsigned short test, uint32_t k)
{
	instr(f, (struct sock_filter)BPF_JUMP(BPF_JMP | test | BPF_K, k, 0, 0));
	return f->n - 1;
}

/* Lets the jump at `at` go to the next instruction to come, when it holds or when it does not. */
static bool land(struct filter *f, unsigned at, bool holds)
{
	unsigned over = f->n - at - 1;
	if (over > 255 || f->n >= MAX_FILTER)
		return false;
	*(holds ? &f->code[at].jt : &f->code[at].jf) = (unsigned char)over;
	return true;
}

#define LEAF 4 /* so many entries are compared one after the other */

static bool put_leaf(struct filter *f, const struct range *r, unsigned n)
{
	unsigned refused[LEAF], count = 0;
	bool ok = true;
	for (unsigned i = 0; i < n; i++) {
		if (r[i].rule == DENY && r[i].first == r[i].last) {
			refused[count++] = jump(f, BPF_JEQ, r[i].first);
		} else if (r[i].rule == DENY) {
			unsigned below = jump(f, BPF_JGE, r[i].first);
			unsigned above = jump(f, BPF_JGT, r[i].last);
			f->code[above].jt = 1; /* over the jump to the refusal */
			refused[count++] = jump(f, BPF_JA, 0);
			ok = ok && land(f, below, false);
		} else {
			unsigned other = jump(f, BPF_JEQ, r[i].first);
			put_rule(f, r[i].rule);
			ok = ok && land(f, other, false);
		}
	}
	instr(f, (struct sock_filter)PASS);
	for (unsigned i = 0; i < count; i++) {
		if (f->code[refused[i]].code == (BPF_JMP | BPF_JA | BPF_K))
			f->code[refused[i]].k = f->n - refused[i] - 1;
		else
			ok = ok && land(f, refused[i], true);
	}
	if (count > 0)
		instr(f, (struct sock_filter)REFUSE);
	return ok;
}

/* The search for the number in the entries. A tree, because the kernel tries the filter on every call there is when it is
 * set, to know those that it lets through without looking. */
static bool put_search(struct filter *f, const struct range *r, unsigned n)
{
	if (n <= LEAF)
		return put_leaf(f, r, n);
	unsigned half = n / 2, at = jump(f, BPF_JGE, r[half].first);
	return put_search(f, r, half) && land(f, at, true) && put_search(f, r + half, n - half);
}

bool confine_calls(const struct confine_policy *p, int landlock)
{
	struct calls calls = { .n = 0 };
	struct range ranges[MAX_CALLS];
	struct filter f = { .n = 0, .policy = p, .group = getpgid(p->supervisor) };
	choose(&calls, p, landlock);
	qsort(calls.items, calls.n, sizeof *calls.items, by_number);
	instr(&f, (struct sock_filter)LOAD(arch));
	instr(&f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCH, 1, 0));
	instr(&f, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
	instr(&f, (struct sock_filter)LOAD(nr));
	instr(&f, (struct sock_filter)IF(BPF_JGT, LAST_KNOWN_CALL));
	instr(&f, (struct sock_filter)ABSENT);
	if (calls.n == MAX_CALLS || !put_search(&f, ranges, merge(&calls, ranges)) || f.n >= MAX_FILTER)
		return false;
	struct sock_fprog program = { (unsigned short)f.n, f.code };
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}
