// Overlay mounts with any number of layers, by the file-descriptor based calls (fsopen) or by one page of options.
#include "napi.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NR_move_mount = 429, NR_fsopen = 430, NR_fsconfig = 431, NR_fsmount = 432, NR_mount_setattr = 442 };
enum { CFG_SET_FLAG = 0, CFG_SET_STRING = 1, CFG_CMD_CREATE = 6, FS_CLOEXEC = 1, MOVE_EMPTY_PATH = 4 };

struct attributes { uint64_t set, clear, propagation, userns_fd; };

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

// Before 6.5 overlay takes any option here, and refuses it, with a line in the kernel's log, only when it mounts.
static bool takes_anything(int fs)
{
	char refusal[512];
	if (configure(fs, "scow", NULL) == 0)
		return true;
	read_reason(fs, refusal, sizeof refusal);
	return false;
}

// -1 and errno; ENOSYS where the kernel lacks these calls or `lowerdir+` (before 6.5 or 6.8).
static int overlay_by_descriptor(struct overlay *o)
{
	int fs = (int)syscall(NR_fsopen, "overlay", FS_CLOEXEC), mnt = -1, err = 0;
	if (fs < 0)
		return -1;
	if (takes_anything(fs)) {
		err = ENOSYS;
		goto out;
	}
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

const struct entry overlay_entries[] = {
	{"mountOverlay", overlay_call},
	{NULL, NULL},
};
