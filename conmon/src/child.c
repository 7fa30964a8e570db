/* The runtime as our child, and the container's process, which becomes ours when the runtime has ended. */
#include "console-receive.h"
#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

int exit_code_of(int status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return UNKNOWN_STATUS;
}

struct arguments {
	const char **items;
	int count;
};

static void add(struct arguments *arguments, const char *word)
{
	arguments->items[arguments->count++] = word;
}

static void add_list(struct arguments *arguments, const struct list *list)
{
	for (int i = 0; i < list->count; i++)
		add(arguments, list->items[i]);
}

static void add_exec(struct arguments *arguments, const struct options *options)
{
	add(arguments, "exec");
	add(arguments, "--pid-file");
	add(arguments, options->container_pidfile);
	add(arguments, "--process");
	add(arguments, options->exec_process_spec);
	add(arguments, "--detach");
}

static void add_create(struct arguments *arguments, const struct options *options)
{
	add(arguments, options->restore ? "restore" : "create");
	add(arguments, "--bundle");
	add(arguments, options->bundle);
	add(arguments, "--pid-file");
	add(arguments, options->container_pidfile);
	if (options->no_pivot)
		add(arguments, "--no-pivot");
	if (options->no_new_keyring)
		add(arguments, "--no-new-keyring");
	if (options->restore) {
		add(arguments, "--detach");
		add(arguments, "--image-path");
		add(arguments, options->restore);
		add(arguments, "--work-path");
		add(arguments, options->bundle);
	}
}

static void fill_arguments(struct arguments *arguments, const struct monitor *monitor)
{
	const struct options *options = &monitor->options;

	add(arguments, options->runtime);
	/* A process that is added to a container lands in its cgroup, whoever made that. */
	if (options->systemd_cgroup && !options->exec)
		add(arguments, "--systemd-cgroup");
	add_list(arguments, &options->lists[LIST_RUNTIME_ARG]);
	if (options->exec)
		add_exec(arguments, options);
	else
		add_create(arguments, options);
	add_list(arguments, &options->lists[LIST_RUNTIME_OPT]);
	if (monitor->console_listen_fd >= 0) {
		add(arguments, "--console-socket");
		add(arguments, monitor->console_path);
	}
	add(arguments, options->cid);
	add(arguments, NULL);
}

static void place_stdio(struct monitor *monitor)
{
	for (int i = 0; i < 3; i++) {
		int fd = monitor->child_stdio[i];

		if (fd < 0)
			continue;
		/* So that a process of any user in the container may open /dev/stdout. */
		(void)fchmod(fd, 0777);
		if (dup2(fd, i) < 0)
			_exit(127);
	}
}

static void set_listen_pid(void)
{
	char number[24];
	struct text text = text_in(number, sizeof(number));

	text_add_int(&text, getpid());
	setenv("LISTEN_PID", number, 1);
}

static _Noreturn void become_runtime(struct monitor *monitor, pid_t parent)
{
	const struct options *options = &monitor->options;
	const char *items[24 + options->lists[LIST_RUNTIME_ARG].count + options->lists[LIST_RUNTIME_OPT].count];
	struct arguments arguments = {.items = items, .count = 0};

	/* A runtime half way through must not outlive its monitor; the parent may have died before this took hold. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(127);
	set_oom_score(monitor->old_oom_score);
	place_stdio(monitor);
	if (options->replace_listen_pid)
		set_listen_pid();
	if (options->exec_attach)
		wait_start_pipe(monitor->start_fd);
	fill_arguments(&arguments, monitor);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &monitor->old_mask, NULL);
	execv(options->runtime, (char *const *)items);
	/* stderr is the container's by now, from where the caller is told. */
	monitor->detached = false;
	say(monitor, LEVEL_ERROR, "cannot run", options->runtime, errno);
	_exit(127);
}

void spawn_runtime(struct monitor *monitor)
{
	pid_t parent = getpid();

	/* A pid of an earlier run must never be taken for this one's. */
	unlink(monitor->options.container_pidfile);
	monitor->runtime_pid = fork();
	if (monitor->runtime_pid < 0)
		die(monitor, "cannot start a process for the runtime", NULL, errno);
	if (monitor->runtime_pid == 0)
		become_runtime(monitor, parent);
	for (int i = 0; i < 3; i++)
		if (monitor->child_stdio[i] > 2)
			close_fd(&monitor->child_stdio[i]);
	close_fd(&monitor->start_fd);
}

static void report_failure(struct monitor *monitor, int code)
{
	char message[READ_SIZE];
	ssize_t length = 0;

	if (monitor->out[1].fd >= 0)
		length = read_some(monitor->out[1].fd, message, sizeof(message) - 1);
	message[length > 0 ? length : 0] = 0;
	sync_report(monitor, monitor->options.exec && code > 0 ? -code : -1, length > 0 ? message : NULL);
	close_fd(&monitor->sync_fd);
	say(monitor, LEVEL_ERROR, "the runtime failed:", message, 0);
}

static int read_pid(struct monitor *monitor)
{
	char number[32];
	long long pid;
	ssize_t length = read_file(monitor->options.container_pidfile, number, sizeof(number));

	while (length > 0 && (number[length - 1] == '\n' || number[length - 1] == ' '))
		number[--length] = 0;
	if (length < 0)
		return (int)length;
	if (!parse_int(number, &pid) || pid <= 0 || pid > 1 << 22)
		return -EINVAL;
	return (int)pid;
}

/* Runtimes of virtual machines may name a process that is not ours: its end is seen, its exit code is not. */
static void watch_stranger(struct monitor *monitor)
{
	siginfo_t found;

	if (waitid(P_PID, (id_t)monitor->container_pid, &found, WEXITED | WNOHANG | WNOWAIT) == 0)
		return;
	monitor->container_pidfd = (int)syscall(SYS_pidfd_open, monitor->container_pid, 0);
	if (monitor->container_pidfd < 0) {
		warn(monitor, "the container's process is not a child and cannot be watched", NULL, errno);
		container_ended(monitor, UNKNOWN_STATUS);
	}
}

void runtime_ended(struct monitor *monitor, int status)
{
	const struct options *options = &monitor->options;
	int code = exit_code_of(status);
	int pid;

	monitor->runtime_pid = 0;
	console_close(monitor);
	if (code != 0) {
		report_failure(monitor, code);
		monitor->exit_code = code;
		monitor->phase = ENDING;
		return;
	}
	pid = read_pid(monitor);
	if (pid < 0) {
		say(monitor, LEVEL_ERROR, "the runtime left no pid in", options->container_pidfile, pid);
		sync_report(monitor, -1, "the runtime wrote no pid file");
		close_fd(&monitor->sync_fd);
		monitor->exit_code = 1;
		monitor->phase = ENDING;
		return;
	}
	monitor->container_pid = pid;
	monitor->phase = RUNNING;
	if (!options->exec)
		oom_watch(monitor);
	if (options->api_version || !options->exec)
		sync_report(monitor, pid, NULL);
	if (options->timeout > 0)
		monitor->timeout_at_ms = now_ms() + options->timeout * 1000;
	watch_stranger(monitor);
}

void container_ended(struct monitor *monitor, int exit_code)
{
	monitor->exited = true;
	monitor->exit_code = monitor->timed_out ? UNKNOWN_STATUS : exit_code;
	monitor->container_pid = 0;
}

void reap(struct monitor *monitor)
{
	int status;
	pid_t pid;

	/* Until the runtime has ended, the container's pid is unknown: nothing else may be reaped before it. */
	if (monitor->phase == CREATING) {
		if (waitpid(monitor->runtime_pid, &status, WNOHANG) != monitor->runtime_pid)
			return;
		runtime_ended(monitor, status);
	}
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == monitor->container_pid)
			container_ended(monitor, exit_code_of(status));
		else if (pid == monitor->exit_command_pid)
			monitor->exit_command_pid = 0;
	}
}

void forward_signal(struct monitor *monitor, int signal)
{
	pid_t pid = monitor->container_pid > 0 ? monitor->container_pid : monitor->runtime_pid;

	if (pid > 0)
		kill(pid, signal);
}

void kill_timed_out(struct monitor *monitor)
{
	pid_t group = getpgid(monitor->container_pid);

	monitor->timed_out = true;
	monitor->timeout_at_ms = 0;
	if (group > 1 && group != getpgrp())
		kill(-group, SIGKILL);
	kill(monitor->container_pid, SIGKILL);
}
