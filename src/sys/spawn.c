// Starting programs. Node's own way costs 5 ms of a short command and, since it forks, 30 ms in a large server;
// a child that shares our memory until it execs costs the same in both.
#include "napi.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WANT_PIDFD = 0x00001000, NR_close_range = 436, CLOSE_ON_EXEC = 4, MAX_FDS = 512, STACK = 256 * 1024 };
enum { NEW_GROUP = 1, NEW_SESSION = 2 };

struct start {
	const char *file, *cwd;
	char **args, **env, **joins;
	size_t arg_count, env_count, join_count;
	int fds[MAX_FDS], moved[MAX_FDS];
	int fd_count;
	int64_t flags;
	const char *volatile step;
	volatile int err, join_err;
};

static int place_fds(struct start *s)
{
	// All sources go above the targets first: then no target overwrites a source that is still needed.
	for (int i = 0; i < s->fd_count; i++) {
		int from = s->fds[i] < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : s->fds[i];
		if (from < 0 || (s->moved[i] = fcntl(from, F_DUPFD_CLOEXEC, s->fd_count)) < 0) {
			// Above the limit of open files.
			if (errno == EINVAL)
				errno = EMFILE;
			return -1;
		}
	}
	for (int i = 0; i < s->fd_count; i++)
		if (dup2(s->moved[i], i) < 0)
			return -1;
	syscall(NR_close_range, (unsigned)s->fd_count, ~0U, CLOSE_ON_EXEC);
	return 0;
}

// A thread that moves itself needs no lock of the whole system, unlike a process that is moved: 0.1 ms instead of 10.
static void join_cgroups(struct start *s)
{
	for (size_t i = 0; i < s->join_count; i++) {
		int fd = open(s->joins[i], O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, "0", 1) < 0)
			s->join_err = errno;
		if (fd >= 0)
			close(fd);
	}
}

// In the child, with the parent stopped and its memory shared: system calls only.
static int become(void *argument)
{
	struct start *s = argument;
	struct sigaction standard = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int number = 1; number < 65; number++)
		sigaction(number, &standard, NULL);
	s->step = "setpgid";
	if ((s->flags & NEW_SESSION && setsid() < 0) || (s->flags & NEW_GROUP && setpgid(0, 0) < 0))
		goto failed;
	join_cgroups(s);
	s->step = "chdir";
	if (chdir(s->cwd) < 0)
		goto failed;
	s->step = "dup2";
	if (place_fds(s) < 0)
		goto failed;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	s->step = "execve";
	execve(s->file, s->args, s->env);
failed:
	s->err = errno;
	_exit(127);
}

static int start_process(struct start *s, int *pidfd)
{
	sigset_t all, before;
	char *stack = malloc(STACK);
	if (!stack) {
		s->err = ENOMEM;
		return -1;
	}
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	int pid = clone(become, stack + STACK, CLONE_VM | CLONE_VFORK | WANT_PIDFD | SIGCHLD, s, pidfd);
	if (pid < 0)
		s->err = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	free(stack);
	if (pid > 0 && s->err) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		close(*pidfd);
		return -1;
	}
	return pid;
}

static bool get_fds(napi_env env, napi_value value, struct start *s)
{
	uint32_t length = 0;
	napi_value item;
	int32_t fd;

	if (napi_get_array_length(env, value, &length) != napi_ok || length > MAX_FDS) {
		fail(env, EINVAL, "descriptors", NULL);
		return false;
	}
	for (uint32_t i = 0; i < length; i++) {
		if (napi_get_element(env, value, i, &item) != napi_ok || napi_get_value_int32(env, item, &fd) != napi_ok) {
			fail(env, EINVAL, "descriptors", NULL);
			return false;
		}
		s->fds[i] = fd;
	}
	s->fd_count = (int)length;
	return true;
}

// spawn(file, args with argv[0], env, cwd, fds, flags, cgroup files) -> [pid, pidfd, errno of joining or 0]
static napi_value spawn_call(napi_env env, napi_callback_info info)
{
	napi_value a[7], result = NULL;
	struct path file, cwd;
	struct start s = {.file = file.text, .cwd = cwd.text, .step = "clone"};
	int pidfd = -1;

	if (!get_args(env, info, 7, a) || !get_path(env, a[0], &file) || !get_path(env, a[3], &cwd) || !get_fds(env, a[4], &s) ||
	    !get_int(env, a[5], &s.flags) || !get_strings(env, a[1], &s.args, &s.arg_count))
		return NULL;
	if (get_strings(env, a[2], &s.env, &s.env_count) && get_strings(env, a[6], &s.joins, &s.join_count)) {
		int pid = start_process(&s, &pidfd);
		if (pid > 0) {
			napi_create_array_with_length(env, 3, &result);
			napi_set_element(env, result, 0, make_int(env, pid));
			napi_set_element(env, result, 1, make_int(env, pidfd));
			napi_set_element(env, result, 2, make_int(env, s.join_err));
		} else {
			fail(env, s.err, s.step, strcmp(s.step, "chdir") == 0 ? cwd.text : file.text);
		}
	}
	free_strings(s.args, s.arg_count);
	free_strings(s.env, s.env_count);
	free_strings(s.joins, s.join_count);
	return result;
}

// reap(pid) -> exit code, -signal, or undefined while it runs. ECHILD when it is no child of ours.
static napi_value reap_call(napi_env env, napi_callback_info info)
{
	napi_value a[1];
	int64_t pid;
	int status, reaped;

	if (!get_args(env, info, 1, a) || !get_int(env, a[0], &pid))
		return NULL;
	while ((reaped = waitpid((pid_t)pid, &status, WNOHANG)) < 0 && errno == EINTR)
		;
	if (reaped < 0)
		return fail(env, errno, "waitpid", NULL);
	if (reaped == 0)
		return undefined(env);
	return make_int(env, WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
}

// pipe(1: read end does not block, 2: write end) -> [read, write]
static napi_value pipe_call(napi_env env, napi_callback_info info)
{
	napi_value a[1], result;
	int64_t which;
	int ends[2];

	if (!get_args(env, info, 1, a) || !get_int(env, a[0], &which))
		return NULL;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(env, errno, "pipe2", NULL);
	napi_create_array_with_length(env, 2, &result);
	for (uint32_t i = 0; i < 2; i++) {
		if (which & (1 << i))
			fcntl(ends[i], F_SETFL, O_NONBLOCK);
		napi_set_element(env, result, i, make_int(env, ends[i]));
	}
	return result;
}

const struct entry spawn_entries[] = {
	{"spawn", spawn_call},
	{"reap", reap_call},
	{"pipe", pipe_call},
	{NULL, NULL},
};
