// Mounts: mount(2), umount2(2), and the file-descriptor based calls (open_tree, mount_setattr) by number,
// because the C library that this must run with (2.28) has no wrappers for them.
#include "napi.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NR_open_tree = 428, NR_move_mount = 429, NR_mount_setattr = 442 };
enum { MOVE_EMPTY_PATH = 4, TREE_CLONE = 1, ATTR_IDMAP = 0x00100000, REACH_ALL = 0x8000 };

struct attributes { uint64_t set, clear, propagation, userns_fd; };

static napi_value mount_call(napi_env env, napi_callback_info info)
{
	napi_value a[5];
	struct path source, target, type, data;
	const char *from, *kind, *options;
	int64_t flags;

	if (!get_args(env, info, 5, a) || !get_optional_path(env, a[0], &source, &from) || !get_path(env, a[1], &target) ||
	    !get_optional_path(env, a[2], &type, &kind) || !get_int(env, a[3], &flags) ||
	    !get_optional_path(env, a[4], &data, &options))
		return NULL;
	if (mount(from, target.text, kind, (unsigned long)flags, options) < 0)
		return fail(env, errno, "mount", target.text);
	return undefined(env);
}

static napi_value umount_call(napi_env env, napi_callback_info info)
{
	napi_value a[2];
	struct path target;
	int64_t flags;

	if (!get_args(env, info, 2, a) || !get_path(env, a[0], &target) || !get_int(env, a[1], &flags))
		return NULL;
	if (umount2(target.text, (int)flags) < 0)
		return fail(env, errno, "umount2", target.text);
	return undefined(env);
}

static void run_umount(struct job *job)
{
	if (umount2(job->path.text, (int)job->flags) < 0)
		job->err = errno;
}

static napi_value umount_async(napi_env env, napi_callback_info info)
{
	napi_value a[2];
	struct job *job = calloc(1, sizeof *job);

	if (!job)
		return fail(env, ENOMEM, "calloc", NULL);
	if (!get_args(env, info, 2, a) || !get_path(env, a[0], &job->path) || !get_int(env, a[1], &job->flags)) {
		free(job);
		return NULL;
	}
	job->run = run_umount;
	job->syscall = "umount2";
	return start_job(env, job);
}

// setMountAttr(path, set, clear, propagation, recursive)
static napi_value set_attr_call(napi_env env, napi_callback_info info)
{
	napi_value a[5];
	struct path path;
	int64_t set, clear, propagation;

	if (!get_args(env, info, 5, a) || !get_path(env, a[0], &path) || !get_int(env, a[1], &set) || !get_int(env, a[2], &clear) ||
	    !get_int(env, a[3], &propagation))
		return NULL;
	struct attributes attr = {.set = (uint64_t)set, .clear = (uint64_t)clear, .propagation = (uint64_t)propagation};
	if (syscall(NR_mount_setattr, AT_FDCWD, path.text, get_bool(env, a[4]) ? REACH_ALL : 0, &attr, sizeof attr) < 0)
		return fail(env, errno, "mount_setattr", path.text);
	return undefined(env);
}

// Holds a user namespace open until it is killed. Shares our memory, so it must touch nothing.
static int hold_namespace(void *unused)
{
	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		poll(NULL, 0, -1);
	return 0;
}

static int write_map(int pid, const char *name, const char *map)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = write(fd, map, strlen(map));
	int err = errno;
	close(fd);
	errno = err;
	return n < 0 ? -1 : 0;
}

// A user namespace with these maps; -1 and errno.
static int open_userns(const char *uids, const char *gids)
{
	enum { STACK = 64 * 1024 };
	char *stack = malloc(STACK), path[64];
	if (!stack)
		return -1;
	// No exit signal: libuv's own SIGCHLD handling must not see this child.
	int pid = clone(hold_namespace, stack + STACK, CLONE_NEWUSER | CLONE_VM, NULL), fd = -1, err = errno;
	if (pid > 0) {
		if (write_map(pid, "uid_map", uids) == 0 && write_map(pid, "gid_map", gids) == 0) {
			snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
			fd = open(path, O_RDONLY | O_CLOEXEC);
		}
		err = errno;
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
			;
	}
	free(stack);
	errno = err;
	return fd;
}

// Begins with the job, which is freed for all; its path is the source, its flags are REACH_ALL or 0.
struct idmapped { struct job job; struct path target, uids, gids; };

static void run_idmapped(struct job *job)
{
	struct idmapped *m = (struct idmapped *)job;
	int tree = -1, userns = open_userns(m->uids.text, m->gids.text);
	job->err = userns < 0 ? errno : 0;
	if (job->err)
		return;
	struct attributes attr = {.set = ATTR_IDMAP, .userns_fd = (uint64_t)userns};
	job->syscall = "open_tree";
	tree = (int)syscall(NR_open_tree, AT_FDCWD, job->path.text, TREE_CLONE | O_CLOEXEC | job->flags);
	if (tree < 0)
		goto failed;
	job->syscall = "mount_setattr";
	if (syscall(NR_mount_setattr, tree, "", AT_EMPTY_PATH | job->flags, &attr, sizeof attr) < 0)
		goto failed;
	job->syscall = "move_mount";
	if (syscall(NR_move_mount, tree, "", AT_FDCWD, m->target.text, MOVE_EMPTY_PATH) == 0)
		goto done;
failed:
	job->err = errno;
done:
	if (tree >= 0)
		close(tree);
	close(userns);
}

// mountIdmapped(source, target, uidMap, gidMap, recursive) -> promise: maps are lines of /proc/PID/uid_map.
static napi_value mount_idmapped(napi_env env, napi_callback_info info)
{
	napi_value a[5];
	struct idmapped *m = calloc(1, sizeof *m);

	if (!m)
		return fail(env, ENOMEM, "calloc", NULL);
	if (!get_args(env, info, 5, a) || !get_path(env, a[0], &m->job.path) || !get_path(env, a[1], &m->target) ||
	    !get_path(env, a[2], &m->uids) || !get_path(env, a[3], &m->gids)) {
		free(m);
		return NULL;
	}
	m->job.flags = get_bool(env, a[4]) ? REACH_ALL : 0;
	m->job.run = run_idmapped;
	m->job.syscall = "user namespace";
	return start_job(env, &m->job);
}

const struct entry mount_entries[] = {
	{"mount", mount_call},
	{"umount", umount_call},
	{"umountAsync", umount_async},
	{"setMountAttr", set_attr_call},
	{"mountIdmapped", mount_idmapped},
	{NULL, NULL},
};
