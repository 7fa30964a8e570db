// Processes and terminals.
#include "napi.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NR_pidfd_send_signal = 424, NR_pidfd_open = 434, X32_BIT = 0x40000000 };

static napi_value pidfd_open_call(napi_env env, napi_callback_info info)
{
	napi_value a[1];
	int64_t pid;

	if (!get_args(env, info, 1, a) || !get_int(env, a[0], &pid))
		return NULL;
	long fd = syscall(NR_pidfd_open, (pid_t)pid, 0);
	return integer_or_fail(env, fd, errno, "pidfd_open", NULL);
}

static napi_value pidfd_signal_call(napi_env env, napi_callback_info info)
{
	napi_value a[2];
	int64_t fd, number;

	if (!get_args(env, info, 2, a) || !get_int(env, a[0], &fd) || !get_int(env, a[1], &number))
		return NULL;
	if (syscall(NR_pidfd_send_signal, (int)fd, (int)number, NULL, 0) < 0)
		return fail(env, errno, "pidfd_send_signal", NULL);
	return undefined(env);
}

static napi_value set_subreaper_call(napi_env env, napi_callback_info info)
{
	napi_value a[1];

	if (!get_args(env, info, 1, a))
		return NULL;
	if (prctl(PR_SET_CHILD_SUBREAPER, get_bool(env, a[0]) ? 1UL : 0UL, 0, 0, 0) < 0)
		return fail(env, errno, "prctl", NULL);
	return undefined(env);
}

// exit(code): the whole process, at once. Of a worker's thread it would be the end of others' work: it does nothing there.
static napi_value exit_call(napi_env env, napi_callback_info info)
{
	napi_value a[1];
	int64_t code;

	if (!get_args(env, info, 1, a) || !get_int(env, a[0], &code))
		return NULL;
	if (getpid() == syscall(SYS_gettid)) // gettid() itself came with glibc 2.30
		_exit((int)code);
	return make_bool(env, false);
}

// runsX32() -> whether the kernel has x86's third kind of system calls. Not to be called under a seccomp filter, which may
// kill who tries one.
static napi_value runs_x32_call(napi_env env, napi_callback_info info)
{
	(void)info;
#ifdef __x86_64__
	return make_bool(env, syscall(X32_BIT + SYS_getpid) > 0);
#else
	return make_bool(env, false);
#endif
}

// windowSize(fd) -> rows * 65536 + columns
static napi_value window_size_call(napi_env env, napi_callback_info info)
{
	napi_value a[1];
	int64_t fd;
	struct winsize size;

	if (!get_args(env, info, 1, a) || !get_int(env, a[0], &fd))
		return NULL;
	if (ioctl((int)fd, TIOCGWINSZ, &size) < 0)
		return fail(env, errno, "ioctl", NULL);
	return make_int(env, (int64_t)size.ws_row << 16 | size.ws_col);
}

// makeRaw(fd) -> the former settings, as bytes for restoreTerminal
static napi_value make_raw_call(napi_env env, napi_callback_info info)
{
	napi_value a[1], saved;
	int64_t fd;
	struct termios now, raw;

	if (!get_args(env, info, 1, a) || !get_int(env, a[0], &fd))
		return NULL;
	if (tcgetattr((int)fd, &now) < 0)
		return fail(env, errno, "tcgetattr", NULL);
	raw = now;
	cfmakeraw(&raw);
	if (tcsetattr((int)fd, TCSADRAIN, &raw) < 0)
		return fail(env, errno, "tcsetattr", NULL);
	if (napi_create_buffer_copy(env, sizeof(now), &now, NULL, &saved) != napi_ok)
		return NULL;
	return saved;
}

// restoreTerminal(fd, bytes of makeRaw)
static napi_value restore_terminal_call(napi_env env, napi_callback_info info)
{
	napi_value a[2];
	int64_t fd;
	void *bytes;
	size_t length;

	if (!get_args(env, info, 2, a) || !get_int(env, a[0], &fd))
		return NULL;
	if (napi_get_buffer_info(env, a[1], &bytes, &length) != napi_ok || length != sizeof(struct termios))
		return fail(env, EINVAL, "tcsetattr", NULL);
	if (tcsetattr((int)fd, TCSADRAIN, bytes) < 0)
		return fail(env, errno, "tcsetattr", NULL);
	return NULL;
}

static napi_value set_window_size_call(napi_env env, napi_callback_info info)
{
	napi_value a[3];
	int64_t fd, rows, columns;

	if (!get_args(env, info, 3, a) || !get_int(env, a[0], &fd) || !get_int(env, a[1], &rows) || !get_int(env, a[2], &columns))
		return NULL;
	struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
	if (ioctl((int)fd, TIOCSWINSZ, &size) < 0)
		return fail(env, errno, "ioctl", NULL);
	return undefined(env);
}

const struct entry process_entries[] = {
	{"pidfdOpen", pidfd_open_call},
	{"pidfdSignal", pidfd_signal_call},
	{"setSubreaper", set_subreaper_call},
	{"exit", exit_call},
	{"runsX32", runs_x32_call},
	{"windowSize", window_size_call},
	{"setWindowSize", set_window_size_call},
	{"makeRaw", make_raw_call},
	{"restoreTerminal", restore_terminal_call},
	{NULL, NULL},
};
