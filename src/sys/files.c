// Files: what fs lacks. Paths may be bytes, because names in an image need not be UTF-8.
#include "napi.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { NR_openat2 = 437, IN_ROOT = 0x10, NO_MAGICLINKS = 0x02 };
enum { XATTR_MAX = 65536 };

struct how { uint64_t flags, mode, resolve; };

// mknod(path, mode, major, minor)
static napi_value mknod_call(napi_env env, napi_callback_info info)
{
	napi_value a[4];
	struct path path;
	int64_t mode, major_number, minor_number;

	if (!get_args(env, info, 4, a) || !get_path(env, a[0], &path) || !get_int(env, a[1], &mode) ||
	    !get_int(env, a[2], &major_number) || !get_int(env, a[3], &minor_number))
		return NULL;
	dev_t dev = makedev((unsigned)major_number, (unsigned)minor_number);
	if (syscall(SYS_mknodat, AT_FDCWD, path.text, (mode_t)mode, (unsigned)dev) < 0)
		return fail(env, errno, "mknod", path.text);
	return undefined(env);
}

// spreadBelow(path): a wish that the file system is free to have no word for
static napi_value spread_call(napi_env env, napi_callback_info info)
{
	napi_value a[1];
	struct path path;
	int flags;

	if (!get_args(env, info, 1, a) || !get_path(env, a[0], &path))
		return NULL;
	int fd = open(path.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(env, errno, "open", path.text);
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
		flags |= FS_TOPDIR_FL;
		(void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
	close(fd);
	return undefined(env);
}

static napi_value setxattr_call(napi_env env, napi_callback_info info)
{
	napi_value a[3];
	struct path path, name;
	void *value;
	size_t size;

	if (!get_args(env, info, 3, a) || !get_path(env, a[0], &path) || !get_path(env, a[1], &name))
		return NULL;
	if (napi_get_typedarray_info(env, a[2], NULL, &size, &value, NULL, NULL) != napi_ok) {
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "an attribute's value must be bytes");
		return NULL;
	}
	if (lsetxattr(path.text, name.text, value, size, 0) < 0)
		return fail(env, errno, "lsetxattr", path.text);
	return undefined(env);
}

static napi_value bytes_of(napi_env env, const char *data, size_t size)
{
	napi_value buffer;
	void *copy;
	napi_create_buffer_copy(env, size, data, &copy, &buffer);
	return buffer;
}

static napi_value getxattr_call(napi_env env, napi_callback_info info)
{
	napi_value a[2];
	struct path path, name;
	char value[XATTR_MAX];

	if (!get_args(env, info, 2, a) || !get_path(env, a[0], &path) || !get_path(env, a[1], &name))
		return NULL;
	ssize_t size = lgetxattr(path.text, name.text, value, sizeof value);
	if (size >= 0)
		return bytes_of(env, value, (size_t)size);
	return errno == ENODATA || errno == EOPNOTSUPP ? undefined(env) : fail(env, errno, "lgetxattr", path.text);
}

// NUL-terminated names, as the kernel lists them.
static napi_value listxattr_call(napi_env env, napi_callback_info info)
{
	napi_value a[1];
	struct path path;
	char names[XATTR_MAX];

	if (!get_args(env, info, 1, a) || !get_path(env, a[0], &path))
		return NULL;
	ssize_t size = llistxattr(path.text, names, sizeof names);
	if (size < 0 && errno == EOPNOTSUPP)
		size = 0;
	return size < 0 ? fail(env, errno, "llistxattr", path.text) : bytes_of(env, names, (size_t)size);
}

static napi_value removexattr_call(napi_env env, napi_callback_info info)
{
	napi_value a[2];
	struct path path, name;

	if (!get_args(env, info, 2, a) || !get_path(env, a[0], &path) || !get_path(env, a[1], &name))
		return NULL;
	if (lremovexattr(path.text, name.text) < 0)
		return fail(env, errno, "lremovexattr", path.text);
	return undefined(env);
}

static struct timespec timespec_of(int64_t nanoseconds)
{
	int64_t seconds = nanoseconds / 1000000000, rest = nanoseconds % 1000000000;
	if (rest < 0) {
		rest += 1000000000;
		seconds--;
	}
	return (struct timespec){.tv_sec = seconds, .tv_nsec = rest};
}

// utimens(path, atimeNs, mtimeNs), never through a symbolic link
static napi_value utimens_call(napi_env env, napi_callback_info info)
{
	napi_value a[3];
	struct path path;
	int64_t times[2];
	bool lossless;

	if (!get_args(env, info, 3, a) || !get_path(env, a[0], &path))
		return NULL;
	for (int i = 0; i < 2; i++)
		if (napi_get_value_bigint_int64(env, a[i + 1], &times[i], &lossless) != napi_ok) {
			napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "a time must be a bigint of nanoseconds");
			return NULL;
		}
	struct timespec both[2] = {timespec_of(times[0]), timespec_of(times[1])};
	if (utimensat(AT_FDCWD, path.text, both, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(env, errno, "utimensat", path.text);
	return undefined(env);
}

// openInRoot(root, path, flags, mode) -> fd: as if `root` were /; a link or `..` can't leave it.
static napi_value open_in_root_call(napi_env env, napi_callback_info info)
{
	napi_value a[4];
	struct path root, path;
	int64_t flags, mode;

	if (!get_args(env, info, 4, a) || !get_path(env, a[0], &root) || !get_path(env, a[1], &path) ||
	    !get_int(env, a[2], &flags) || !get_int(env, a[3], &mode))
		return NULL;
	int dir = open(root.text, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return fail(env, errno, "open", root.text);
	struct how how = {.flags = (uint64_t)flags | O_CLOEXEC, .mode = flags & O_CREAT ? (uint64_t)mode : 0,
			  .resolve = IN_ROOT | NO_MAGICLINKS};
	long fd = -1;
	// EAGAIN: a rename anywhere in the system raced with a `..`; the kernel asks to try again.
	for (int tries = 0; tries < 128; tries++) {
		fd = syscall(NR_openat2, dir, path.text, &how, sizeof how);
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	int err = errno;
	close(dir);
	return integer_or_fail(env, fd, err, "openat2", path.text);
}

static int lock_flags(int64_t kind)
{
	return kind == 0 ? LOCK_UN : kind == 1 ? LOCK_SH : LOCK_EX;
}

// flock(fd, 0 unlock | 1 shared | 2 exclusive, wait) -> false when somebody else holds it
static napi_value flock_call(napi_env env, napi_callback_info info)
{
	napi_value a[3];
	int64_t fd, kind;

	if (!get_args(env, info, 3, a) || !get_int(env, a[0], &fd) || !get_int(env, a[1], &kind))
		return NULL;
	int operation = lock_flags(kind) | (get_bool(env, a[2]) ? 0 : LOCK_NB), result;
	while ((result = flock((int)fd, operation)) < 0 && errno == EINTR)
		;
	if (result < 0 && errno != EWOULDBLOCK)
		return fail(env, errno, "flock", NULL);
	return make_bool(env, result == 0);
}

static void run_flock(struct job *job)
{
	int result;
	while ((result = flock(job->fd, lock_flags(job->flags))) < 0 && errno == EINTR)
		;
	if (result < 0)
		job->err = errno;
	job->result = result == 0;
	job->as_bool = true;
}

static void run_syncfs(struct job *job)
{
	if (syncfs(job->fd) < 0)
		job->err = errno;
}

static napi_value start_fd_job(napi_env env, napi_callback_info info, void (*run)(struct job *), const char *name)
{
	napi_value a[2];
	int64_t fd, flags = 0;

	if (!get_args(env, info, 2, a) || !get_int(env, a[0], &fd))
		return NULL;
	napi_get_value_int64(env, a[1], &flags);
	struct job *job = calloc(1, sizeof *job);
	if (!job)
		return fail(env, ENOMEM, "calloc", NULL);
	job->run = run;
	job->syscall = name;
	job->fd = (int)fd;
	job->flags = flags;
	return start_job(env, job);
}

static napi_value flock_async(napi_env env, napi_callback_info info)
{
	return start_fd_job(env, info, run_flock, "flock");
}

static napi_value syncfs_async(napi_env env, napi_callback_info info)
{
	return start_fd_job(env, info, run_syncfs, "syncfs");
}

static napi_value syncfs_call(napi_env env, napi_callback_info info)
{
	napi_value a[1];
	int64_t fd;

	if (!get_args(env, info, 1, a) || !get_int(env, a[0], &fd))
		return NULL;
	if (syncfs((int)fd) < 0)
		return fail(env, errno, "syncfs", NULL);
	return undefined(env);
}

// rename(from, to, flags): 1 no replace, 2 exchange
static napi_value rename_call(napi_env env, napi_callback_info info)
{
	napi_value a[3];
	struct path from, to;
	int64_t flags;

	if (!get_args(env, info, 3, a) || !get_path(env, a[0], &from) || !get_path(env, a[1], &to) || !get_int(env, a[2], &flags))
		return NULL;
	if (syscall(SYS_renameat2, AT_FDCWD, from.text, AT_FDCWD, to.text, (unsigned)flags) < 0)
		return fail(env, errno, "renameat2", to.text);
	return undefined(env);
}

const struct entry file_entries[] = {
	{"mknod", mknod_call},
	{"spreadBelow", spread_call},
	{"lsetxattr", setxattr_call},
	{"lgetxattr", getxattr_call},
	{"llistxattr", listxattr_call},
	{"lremovexattr", removexattr_call},
	{"utimens", utimens_call},
	{"openInRoot", open_in_root_call},
	{"flock", flock_call},
	{"flockAsync", flock_async},
	{"syncfs", syncfs_call},
	{"syncfsAsync", syncfs_async},
	{"rename", rename_call},
	{NULL, NULL},
};
