/*
 * sandbox.c - gives up rights. See sandbox.h.
 *
 * In this order: another user, no capabilities, no new privileges, Landlock (files, TCP), seccomp (system calls). The two last
 * are Linux alone; elsewhere the user changes and nothing more.
 */
#define _GNU_SOURCE /* setgroups, syscall, CLONE_THREAD */
#include "sandbox.h"

#include "smtpscope/span.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* ---- the user ---- */

static int find_user(const char *name, struct passwd **user, gid_t *gid, struct err *err)
{
	struct span rest = span_str(name);
	char who[64], group[64];
	struct group *g;

	span_cstr(span_split(&rest, ':'), who, sizeof who);
	*user = getpwnam(who);
	if (!*user)
		return err_set(err, 2, "-Z %s: no such user", name);
	*gid = (*user)->pw_gid;
	if (!rest.p)
		return 0;
	g = getgrnam(span_cstr(rest, group, sizeof group));
	if (!g)
		return err_set(err, 2, "-Z %s: no such group", name);
	*gid = g->gr_gid;
	return 0;
}

static int become(const struct passwd *user, gid_t gid, struct err *err)
{
	if (setgroups(0, NULL) != 0 || setgid(gid) != 0 || setuid(user->pw_uid) != 0)
		return err_set(err, 1, "cannot become %s: %s", user->pw_name, strerror(errno));
	if (user->pw_uid != 0 && setuid(0) == 0)
		return err_set(err, 1, "cannot become %s for good", user->pw_name);
	return 0;
}

int sandbox_become(const char *name, struct err *err)
{
	struct passwd *user;
	gid_t gid = 0;

	if (geteuid() != 0)
		return 0;
	return find_user(name, &user, &gid, err) == 0 ? become(user, gid, err) : -1;
}

int sandbox_owner(const char *name, uid_t *user, gid_t *group, struct err *err)
{
	struct passwd *found;

	if (find_user(name, &found, group, err) != 0)
		return -1;
	*user = found->pw_uid;
	return 0;
}

void sandbox_read(struct sandbox *s, const char *path)
{
	if (s->reads < SANDBOX_READS)
		s->read[s->reads++] = path;
}

#ifdef __linux__

#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#if __has_include(<linux/landlock.h>)
#include <linux/landlock.h>
#endif

/* ---- capabilities ---- */

/* What could be had again through a program with capabilities. Refused without CAP_SETPCAP: then there is little to lose. */
static void drop_bounding_set(void)
{
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

/* keep: a capability that stays, or -1. */
static int drop_capabilities(int keep, struct err *err)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (keep >= 0)
		data[keep / 32].effective = data[keep / 32].permitted = UINT32_C(1) << keep % 32;
	if (syscall(SYS_capset, &head, data) != 0)
		return err_set(err, 1, "cannot drop capabilities: %s", strerror(errno));
	return 0;
}

static bool has_capability(int cap)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	return syscall(SYS_capget, &head, data) == 0 && data[cap / 32].effective >> cap % 32 & 1;
}

static int drop_rights(const struct sandbox *s, struct err *err)
{
	bool root = geteuid() == 0, stay = root && !s->user && s->stay;
	int keep = stay && has_capability(CAP_DAC_READ_SEARCH) ? CAP_DAC_READ_SEARCH : -1;
	struct passwd *user = NULL;
	gid_t gid = 0;

	if (root && !stay && find_user(s->user ? s->user : "nobody", &user, &gid, err) != 0)
		return -1;
	drop_bounding_set(); /* first: setuid() takes the right to do it */
	if (user && become(user, gid, err) != 0)
		return -1;
	if (drop_capabilities(keep, err) != 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_set(err, 1, "cannot give up new privileges: %s", strerror(errno));
	return 0;
}

/* ---- Landlock: files and TCP ---- */

#ifdef LANDLOCK_CREATE_RULESET_VERSION

/* All rights that this version of the kernel's interface can take away; later ones know more. */
static uint64_t file_rights(long abi)
{
	static const unsigned known[] = {0, 13, 14, 15, 15, 16}; /* rights by version: 1 began with 13; REFER, TRUNCATE, IOCTL_DEV */

	return (UINT64_C(1) << known[abi < 5 ? abi : 5]) - 1;
}

static int allow_path(int rules, const char *path, uint64_t rights)
{
	struct landlock_path_beneath_attr allow = {.allowed_access = rights, .parent_fd = open(path, O_PATH | O_CLOEXEC)};
	long status = 0;

	if (allow.parent_fd < 0) /* it will be reported when its turn comes */
		return 0;
	status = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &allow, 0);
	close(allow.parent_fd);
	return (int)status;
}

static int allow_files(int rules, const struct sandbox *s, long abi)
{
	const uint64_t make = LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_WRITE_FILE | (abi >= 3 ? UINT64_C(1) << 14 : 0); /* TRUNCATE */
	int status = 0;

	for (unsigned i = 0; status == 0 && i < s->reads; i++)
		if (strcmp(s->read[i], "-") != 0)
			status = allow_path(rules, s->read[i], LANDLOCK_ACCESS_FS_READ_FILE);
	for (unsigned i = 0; status == 0 && i < s->folders; i++)
		status = allow_path(rules, s->folder[i].path, make | (s->folder[i].rename ? LANDLOCK_ACCESS_FS_REMOVE_FILE : 0));
	return status;
}

/* What headers of before version 4 do not have. */
static int allow_ports(int rules, const struct sandbox *s)
{
	enum { RULE_NET_PORT = 2, CONNECT_TCP = 2 };
	int status = 0;

	for (unsigned i = 0; status == 0 && i < s->ports; i++) {
		struct {
			uint64_t access, port;
		} allow = {CONNECT_TCP, s->port[i]};

		status = (int)syscall(SYS_landlock_add_rule, rules, RULE_NET_PORT, &allow, 0);
	}
	return status;
}

static int confine_files(const struct sandbox *s, struct err *err)
{
	struct {
		uint64_t files, net, scoped; /* what all versions of the struct begin with */
	} attr = {0};
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	int rules, status = 0;

	if (abi < 1) /* not in this kernel, or switched off */
		return 0;
	attr.files = file_rights(abi);
	attr.net = abi < 4 ? 0 : s->any_sockets ? 1 : 3; /* bind and connect */
	attr.scoped = abi >= 6 ? 3 : 0; /* abstract sockets and signals of others */
	rules = (int)syscall(SYS_landlock_create_ruleset, &attr, abi >= 6 ? sizeof attr : abi >= 4 ? 16 : 8, 0);
	if (rules >= 0)
		status = allow_files(rules, s, abi);
	if (rules >= 0 && status == 0 && abi >= 4 && !s->any_sockets)
		status = allow_ports(rules, s);
	if (rules < 0 || status != 0 || syscall(SYS_landlock_restrict_self, rules, 0) != 0)
		status = err_set(err, 1, "Landlock: %s; --no-sandbox runs without", strerror(errno));
	if (rules >= 0)
		close(rules);
	return status;
}

#else

static int confine_files(const struct sandbox *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}

#endif

/* ---- seccomp: system calls ---- */

/* What reading captures and packets, writing lines, waiting, memory and threads take. */
static const char *const calls[] = {
	"read", "readv", "pread64", "write", "writev", "lseek", "_llseek", "close", "fsync", "fdatasync", "ftruncate", "ftruncate64",
	"fstat", "fstat64", "newfstatat", "fstatat64", "statx", "stat", "stat64", "fcntl", "fcntl64", "ioctl", "dup",
	"recvfrom", "recvmsg", "getsockopt", "getsockname", "poll", "ppoll", "ppoll_time64", "select", "pselect6", "pselect6_time64",
	"brk", "munmap", "mremap", "madvise", "membarrier",
	"futex", "futex_time64", "set_robust_list", "rseq", "sched_yield", "sched_getaffinity", "gettid", "getpid", "getuid", "geteuid",
	"getgid", "getegid", "tgkill", "restart_syscall", "exit", "exit_group",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sigreturn", "sigaltstack",
	"clock_gettime", "clock_gettime64", "clock_getres", "clock_nanosleep", "clock_nanosleep_time64", "nanosleep", "gettimeofday", "time",
	"getrandom", "getrlimit", "ugetrlimit", "getrusage", "sysinfo", "uname", "times", "getcpu",
};

static int allow(scmp_filter_ctx f, const char *name)
{
	int call = seccomp_syscall_resolve_name(name);

	return call == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(f, SCMP_ACT_ALLOW, call, 0); /* not every machine has all of them */
}

static int allow_all(scmp_filter_ctx f, const char *const *names)
{
	int status = 0;

	for (; *names && status == 0; names++)
		status = allow(f, *names);
	return status;
}

static int allow_socket(scmp_filter_ctx f, int family)
{
	return seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family, 0));
}

/* What sinks take that are to be connected anew; a client of Kafka looks names up, and wakes its threads. */
static int allow_network(scmp_filter_ctx f, const struct sandbox *s)
{
	static const char *const stream[] = {"connect", "sendto", "setsockopt", NULL};
	static const char *const client[] = {"sendmsg", "sendmmsg", "recvmmsg",   "getpeername", "pipe2",
					     "pipe",    "eventfd2", "socketpair", "bind",        NULL};
	bool inet = s->tcp_sockets || s->any_sockets;
	int status = s->unix_sockets || inet ? allow_all(f, stream) : 0;

	if (s->unix_sockets || s->any_sockets)
		status |= allow_socket(f, AF_UNIX);
	if (inet)
		status |= allow_socket(f, AF_INET) | allow_socket(f, AF_INET6);
	if (s->any_sockets)
		status |= allow_socket(f, AF_NETLINK) | allow_all(f, client);
	return status;
}

/* Files that are made to be written: by the flags that sinks open them with, which Landlock holds to their folders. */
static int allow_making(scmp_filter_ctx f, const struct sandbox *s)
{
	static const char *const rename[] = {"rename", "renameat", "renameat2", NULL};
	const scmp_datum_t mask = O_ACCMODE | O_CREAT | O_PATH | O_DIRECTORY; /* O_TMPFILE holds O_DIRECTORY */
	bool renames = false, publishes = false;
	int status;

	if (s->folders == 0)
		return 0;
	for (unsigned i = 0; i < s->folders; i++) {
		renames |= s->folder[i].rename;
		publishes |= s->folder[i].publish;
	}
	status = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, mask, O_WRONLY | O_CREAT));
	status |= allow(f, "access") | allow(f, "faccessat") | allow(f, "faccessat2");
	if (publishes)
		status |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(fchmod), 1, SCMP_A1(SCMP_CMP_EQ, PUBLISHED_MODE, 0));
	return status | (renames ? allow_all(f, rename) : 0);
}

/* Memory that is not to be run, threads but no processes, files for reading only. */
static int allow_some(scmp_filter_ctx f, const struct sandbox *s)
{
	int status = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

	status |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	status |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	status |= seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0); /* its flags cannot be seen here; clone is tried next */
	status |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A2(SCMP_CMP_EQ, 0, 0)); /* asking, not setting */
	if (s->packets) {
		status |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(bind), 0);
		status |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 1, SCMP_A1(SCMP_CMP_EQ, SOL_PACKET, 0));
	}
	if (s->reads == 0)
		return status;
	return status | seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
					 SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC | O_PATH, O_RDONLY));
}

static bool kernel_has_filters(void)
{
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) == 0 || errno != EINVAL; /* EFAULT: it would have read one */
}

static int confine_calls(const struct sandbox *s, struct err *err)
{
	scmp_filter_ctx f;
	int status;

	if (!kernel_has_filters())
		return 0;
	f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	status = f ? 0 : -ENOMEM;
	for (size_t i = 0; f && status == 0 && i < sizeof calls / sizeof *calls; i++)
		status = allow(f, calls[i]);
	if (status == 0)
		status = allow_some(f, s);
	if (status == 0)
		status = allow_making(f, s) | allow_network(f, s);
	if (status == 0)
		status = seccomp_load(f);
	seccomp_release(f);
	if (status == 0)
		return 0;
	return err_set(err, 1, "seccomp: %s; --no-sandbox runs without", strerror(status < 0 ? -status : status));
}

int sandbox_enter(const struct sandbox *s, struct err *err)
{
#ifdef SMTPSCOPE_UNCONFINED /* sanitizers and coverage write files and trace at their end */
	(void)drop_rights;
	(void)confine_files;
	(void)confine_calls;
	(void)s;
	(void)err;
	return 0;
#else
	tzset(); /* reads the zone while it may */
	return drop_rights(s, err) == 0 && confine_files(s, err) == 0 && confine_calls(s, err) == 0 ? 0 : -1;
#endif
}

#else

int sandbox_enter(const struct sandbox *s, struct err *err)
{
	return !s->user && s->stay ? 0 : sandbox_become(s->user ? s->user : "nobody", err);
}

#endif
