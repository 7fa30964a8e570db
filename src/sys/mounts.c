// Mounts: mount(2), umount2(2), and the file-descriptor based calls (fsopen, mount_setattr) by number,
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

enum { NR_open_tree = 428, NR_move_mount = 429, NR_fsopen = 430, NR_fsconfig = 431, NR_fsmount = 432, NR_mount_setattr = 442 };
enum { CFG_SET_FLAG = 0, CFG_SET_STRING = 1, CFG_CMD_CREATE = 6 };
enum { FS_CLOEXEC = 1, MOVE_EMPTY_PATH = 4, TREE_CLONE = 1, ATTR_IDMAP = 0x00100000, REACH_ALL = 0x8000 };

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

// What a file system has to say about a refusal; the last line is the reason.
static void read_reason(int fs, char *out, size_t size)
{
	ssize_t n;
	out[0] = 0;
	while ((n = read(fs, out, size - 1)) > 0)
		out[n] = 0;
	out[strcspn(out, "\n")] = 0;
}

struct overlay {
	char **lowers, **options;
	size_t lower_count, option_count;
	const char *upper, *work, *target;
	int64_t attributes;
	const char *step;
	char reason[512];
};

static int configure(int fs, const char *key, const char *value)
{
	return (int)syscall(NR_fsconfig, fs, value ? CFG_SET_STRING : CFG_SET_FLAG, key, value, 0);
}

// A value of fsconfig holds at most 255 bytes, and `upperdir` is unescaped: such paths go by descriptor.
static int configure_path(int fs, const char *key, const char *path)
{
	char link[40];
	if (strlen(path) < 255 && !strpbrk(path, ",:\\"))
		return configure(fs, key, path);
	int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -1;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	int result = configure(fs, key, link), err = errno;
	close(fd);
	errno = err;
	return result;
}

static int set_option(int fs, char *option)
{
	char *equals = strchr(option, '=');
	if (!equals)
		return configure(fs, option, NULL);
	*equals = 0;
	int result = configure(fs, option, equals + 1);
	*equals = '=';
	return result;
}

// -1 and errno; ENOSYS where the kernel lacks these calls or `lowerdir+` (before 6.5).
static int overlay_by_descriptor(struct overlay *o)
{
	int fs = (int)syscall(NR_fsopen, "overlay", FS_CLOEXEC), mnt = -1, err = 0;
	if (fs < 0)
		return -1;
	o->step = "fsconfig";
	for (size_t i = 0; i < o->lower_count; i++) {
		if (configure_path(fs, "lowerdir+", o->lowers[i]) == 0)
			continue;
		err = i == 0 && errno == EINVAL && access(o->lowers[0], F_OK) == 0 ? ENOSYS : errno;
		goto out;
	}
	if ((o->upper && configure_path(fs, "upperdir", o->upper) < 0) || (o->work && configure_path(fs, "workdir", o->work) < 0))
		goto failed;
	for (size_t i = 0; i < o->option_count; i++)
		if (set_option(fs, o->options[i]) < 0)
			goto failed;
	if (syscall(NR_fsconfig, fs, CFG_CMD_CREATE, NULL, NULL, 0) < 0)
		goto failed;
	o->step = "fsmount";
	mnt = (int)syscall(NR_fsmount, fs, FS_CLOEXEC, (unsigned)o->attributes);
	if (mnt < 0)
		goto failed;
	o->step = "move_mount";
	if (syscall(NR_move_mount, mnt, "", AT_FDCWD, o->target, MOVE_EMPTY_PATH) == 0)
		goto out;
failed:
	err = errno;
	read_reason(fs, o->reason, sizeof o->reason);
out:
	if (mnt >= 0)
		close(mnt);
	close(fs);
	errno = err;
	return err ? -1 : 0;
}

struct fitting { char *text; size_t used, size; bool full; int *fds; size_t fd_count; bool short_names; };

static void append(struct fitting *f, const char *text)
{
	size_t n = strlen(text);
	if (f->used + n >= f->size) {
		f->full = true;
		return;
	}
	memcpy(f->text + f->used, text, n + 1);
	f->used += n;
}

static void append_path(struct fitting *f, const char *path)
{
	if (f->short_names || strpbrk(path, ",:\\")) {
		char link[40];
		int fd = open(path, O_PATH | O_CLOEXEC);
		if (fd >= 0) {
			f->fds[f->fd_count++] = fd;
			snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
			append(f, link);
			return;
		}
	}
	append(f, path);
}

static void fit_overlay(struct overlay *o, struct fitting *f)
{
	for (size_t i = 0; i < o->lower_count; i++) {
		append(f, i ? ":" : "lowerdir=");
		append_path(f, o->lowers[i]);
	}
	if (o->upper) {
		append(f, ",upperdir=");
		append_path(f, o->upper);
	}
	if (o->work) {
		append(f, ",workdir=");
		append_path(f, o->work);
	}
	for (size_t i = 0; i < o->option_count; i++) {
		append(f, ",");
		append(f, o->options[i]);
	}
}

// One page of options: full paths when they fit, else names of descriptors (127 layers fit so).
static int overlay_by_options(struct overlay *o)
{
	char page[4096];
	int *fds = calloc(o->lower_count + 2, sizeof *fds), result = -1, err = E2BIG;
	struct fitting f = {0};

	if (!fds)
		return -1;
	for (int short_names = 0; short_names < 2; short_names++) {
		for (size_t i = 0; i < f.fd_count; i++)
			close(fds[i]);
		f = (struct fitting){.text = page, .size = sizeof page, .fds = fds, .short_names = short_names != 0};
		fit_overlay(o, &f);
		if (!f.full)
			break;
	}
	if (!f.full) {
		o->step = "mount";
		result = mount("overlay", o->target, "overlay", 0, page);
		err = errno;
	}
	for (size_t i = 0; i < f.fd_count; i++)
		close(fds[i]);
	free(fds);
	if (result == 0 && o->attributes) {
		struct attributes attr = {.set = (uint64_t)o->attributes};
		if (syscall(NR_mount_setattr, AT_FDCWD, o->target, 0, &attr, sizeof attr) < 0) {
			err = errno;
			umount2(o->target, MNT_DETACH);
			result = -1;
		}
	}
	errno = err;
	return result;
}

// overlay(lowers, upper, work, target, options, attributes, byOptions): attributes are MOUNT_ATTR_*.
static napi_value overlay_call(napi_env env, napi_callback_info info)
{
	napi_value a[7], result = NULL;
	struct path upper, work, target;
	struct overlay o = {.step = "fsopen"};

	if (!get_args(env, info, 7, a) || !get_optional_path(env, a[1], &upper, &o.upper) ||
	    !get_optional_path(env, a[2], &work, &o.work) || !get_path(env, a[3], &target) || !get_int(env, a[5], &o.attributes) ||
	    !get_strings(env, a[0], &o.lowers, &o.lower_count))
		return NULL;
	o.target = target.text;
	if (get_strings(env, a[4], &o.options, &o.option_count)) {
		int failed = get_bool(env, a[6]) ? (errno = ENOSYS, -1) : overlay_by_descriptor(&o);
		if (failed && errno == ENOSYS)
			failed = overlay_by_options(&o);
		result = failed ? fail_with(env, errno, o.step, target.text, o.reason[0] ? o.reason : NULL) : undefined(env);
	}
	free_strings(o.lowers, o.lower_count);
	free_strings(o.options, o.option_count);
	return result;
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

// mountIdmapped(source, target, uidMap, gidMap, recursive): maps are lines of /proc/PID/uid_map.
static napi_value idmapped_call(napi_env env, napi_callback_info info)
{
	napi_value a[5];
	struct path source, target, uids, gids;

	if (!get_args(env, info, 5, a) || !get_path(env, a[0], &source) || !get_path(env, a[1], &target) ||
	    !get_path(env, a[2], &uids) || !get_path(env, a[3], &gids))
		return NULL;
	int reach = get_bool(env, a[4]) ? REACH_ALL : 0, tree = -1;
	const char *step = "user namespace";
	int userns = open_userns(uids.text, gids.text), err = errno;
	if (userns >= 0) {
		struct attributes attr = {.set = ATTR_IDMAP, .userns_fd = (uint64_t)userns};
		step = "open_tree";
		tree = (int)syscall(NR_open_tree, AT_FDCWD, source.text, TREE_CLONE | O_CLOEXEC | reach);
		if (tree >= 0) {
			step = "mount_setattr";
			if (syscall(NR_mount_setattr, tree, "", AT_EMPTY_PATH | reach, &attr, sizeof attr) == 0) {
				step = "move_mount";
				if (syscall(NR_move_mount, tree, "", AT_FDCWD, target.text, MOVE_EMPTY_PATH) == 0)
					step = NULL;
			}
		}
		err = errno;
		if (tree >= 0)
			close(tree);
		close(userns);
	}
	return step ? fail(env, err, step, source.text) : undefined(env);
}

const struct entry mount_entries[] = {
	{"mount", mount_call},
	{"umount", umount_call},
	{"umountAsync", umount_async},
	{"mountOverlay", overlay_call},
	{"setMountAttr", set_attr_call},
	{"mountIdmapped", idmapped_call},
	{NULL, NULL},
};
