#include "confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

static void limit(int what, int64_t value)
{
	struct rlimit r;
	if (value < 0 || getrlimit((__rlimit_resource_t)what, &r) != 0)
		return;
	rlim_t wanted = (rlim_t)value;
	if (r.rlim_max != RLIM_INFINITY && r.rlim_max < wanted)
		wanted = r.rlim_max;
	if (r.rlim_cur == RLIM_INFINITY || r.rlim_cur > wanted)
		r.rlim_cur = wanted;
	r.rlim_max = wanted;
	(void)setrlimit((__rlimit_resource_t)what, &r);
}

static void set_limits(const struct confine_policy *p)
{
	struct sysinfo info;
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, p->file_size > 0 ? p->file_size : -1);
	limit(RLIMIT_NOFILE, p->open_files > 0 ? p->open_files : -1);
#ifndef TOOL_SANITIZE /* whose shadow memory is larger than any limit */
	limit(RLIMIT_DATA, p->memory > 0 ? p->memory : -1);
#endif
	/* The limit counts all processes and threads of the user; how many others there are is known from above. */
	if (p->processes > 0 && sysinfo(&info) == 0)
		limit(RLIMIT_NPROC, (int64_t)info.procs + p->processes);
}

/* What root may do beyond what any command needs: owners and modes of files stay, and low ports for a server. With
 * no_new_privs no program gets the others back. */
static void drop_capabilities(const struct confine_policy *p)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];
	if (syscall(SYS_capget, &head, caps) != 0)
		return;
	uint32_t keep = 1U << CAP_CHOWN | 1U << CAP_DAC_OVERRIDE | 1U << CAP_FOWNER | 1U << CAP_FSETID;
	if (p->listens)
		keep |= 1U << CAP_NET_BIND_SERVICE;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		caps[i].effective &= i == 0 ? keep : 0;
		caps[i].permitted &= i == 0 ? keep : 0;
		caps[i].inheritable = 0;
	}
	(void)syscall(SYS_capset, &head, caps);
}

struct confine_result confine_apply(const struct confine_policy *policy)
{
	struct confine_result r = { 0, false };
	set_limits(policy);
	drop_capabilities(policy);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return r;
	if (policy->exec) /* its programs cannot look into it, even where Landlock is missing */
		(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	r.landlock = confine_paths(policy);
	r.seccomp = confine_calls(policy, r.landlock);
	return r;
}

struct confine_result confine_probe(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1U /* LANDLOCK_CREATE_RULESET_VERSION */);
	struct confine_result r = { abi > 0 ? (int)abi : 0, false };
	/* an invalid filter address: EFAULT when the mode exists, EINVAL when it does not */
	r.seccomp = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) != 0 && errno == EFAULT;
	return r;
}
