/* Start: read the options, wait for the caller's word, let go of the caller, start the runtime, watch. */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#define TO_CALLER 2

static int read_oom_score(void)
{
	char number[24];
	long long score;
	ssize_t length = read_file("/proc/self/oom_score_adj", number, sizeof(number));

	if (length > 0 && number[length - 1] == '\n')
		number[length - 1] = 0;
	return length > 0 && parse_int(number, &score) ? (int)score : 0;
}

static void set_unused(struct monitor *monitor)
{
	memset(monitor, 0, offsetof(struct monitor, buffer));
	monitor->sync_fd = monitor->attach_pipe_fd = monitor->start_fd = monitor->signal_fd = -1;
	monitor->container_pidfd = monitor->stdin_fd = monitor->console_listen_fd = monitor->console_fd = -1;
	monitor->attach_fd = monitor->stream_attach_fd = monitor->ctl_fd = monitor->winsz_fd = -1;
	monitor->oom_fd = monitor->oom_control_fd = monitor->notify_fd = -1;
	monitor->seccomp_listen_fd = monitor->seccomp_peer_fd = -1;
	for (int i = 0; i < LISTENERS_MAX; i++)
		monitor->seccomp_fds[i] = -1;
	monitor->out[0] = (struct stream){.fd = -1, .id = STDOUT_STREAM};
	monitor->out[1] = (struct stream){.fd = -1, .id = STDERR_STREAM};
	for (int i = 0; i < 3; i++)
		monitor->child_stdio[i] = -1;
	monitor->level = LEVEL_WARN;
}

/* 0, 1 and 2 have to be something, or the first files opened would be taken for them. */
static void fill_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd >= 0)
		close(fd);
}

static int refuse(const char *why)
{
	struct iovec vector[] = {{(char *)"conmon: ", 8}, {(char *)why, strlen(why)}, {(char *)"\n", 1}};

	writev_all(TO_CALLER, vector, 3);
	return 1;
}

static const char *default_pidfile(const char *cid)
{
	char path[PATH_ROOM], dir[PATH_ROOM];
	struct text text = text_in(path, sizeof(path));

	if (!getcwd(dir, sizeof(dir)))
		return NULL;
	text_add(&text, dir);
	text_add(&text, "/pidfile-");
	text_add(&text, cid);
	return text.cut ? NULL : strdup(path);
}

static const char *prepare(struct monitor *monitor, char *why, size_t size)
{
	struct options *options = &monitor->options;
	char dir[PATH_ROOM];

	if (options_check(options, why, size) < 0)
		return why;
	if (options->log_level && parse_level(options->log_level, &monitor->level) < 0)
		return "no such --log-level";
	if (!options->bundle && !options->exec)
		options->bundle = getcwd(dir, sizeof(dir)) ? strdup(dir) : NULL;
	if (!options->container_pidfile)
		options->container_pidfile = default_pidfile(options->cid);
	if (!options->container_pidfile || (!options->bundle && !options->exec))
		return "the working directory cannot be read";
	return logs_open(monitor, why, size) < 0 ? why : NULL;
}

/* The caller's wait ends here; the monitor goes on as a child of whoever adopts it. */
static void leave_caller(struct monitor *monitor)
{
	char number[24];
	struct text text = text_in(number, sizeof(number));
	pid_t pid = monitor->options.sync ? 0 : fork();

	if (pid < 0)
		die(monitor, "cannot start a process", NULL, errno);
	if (pid == 0 && !monitor->options.sync)
		return;
	text_add_int(&text, monitor->options.sync ? getpid() : pid);
	if (monitor->options.monitor_pidfile) {
		int result = write_file(monitor->options.monitor_pidfile, number, text_length(&text));

		if (result < 0)
			say(monitor, LEVEL_ERROR, "cannot write", monitor->options.monitor_pidfile, result);
	}
	if (!monitor->options.sync)
		_exit(0);
}

static void detach(struct monitor *monitor)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	monitor->detached = true;
	if (!monitor->logs.passthrough) {
		if (null < 0)
			die(monitor, "cannot open", "/dev/null", errno);
		for (int i = 0; i < 3; i++)
			dup2(null, i);
	}
	close_fd(&null);
	setsid();
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		die(monitor, "cannot adopt the container's process", NULL, errno);
}

static void open_bundle(struct monitor *monitor)
{
	if (!monitor->options.bundle)
		return;
	attach_open(monitor);
	ctl_open(monitor);
	if (monitor->options.sdnotify_socket)
		notify_open(monitor);
}

static int watch(struct monitor *monitor, const sigset_t *all)
{
	monitor->old_oom_score = read_oom_score();
	set_oom_score(-1000);
	monitor->start_fd = inherited_pipe("_OCI_STARTPIPE");
	wait_start_pipe(monitor->start_fd);
	if (!monitor->options.exec_attach)
		close_fd(&monitor->start_fd);
	monitor->sync_fd = inherited_pipe("_OCI_SYNCPIPE");
	monitor->attach_pipe_fd = inherited_pipe("_OCI_ATTACHPIPE");
	if (!monitor->options.exec_attach)
		close_fd(&monitor->attach_pipe_fd);
	leave_caller(monitor);
	detach(monitor);
	monitor->signal_fd = signalfd(-1, all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (monitor->signal_fd < 0)
		die(monitor, "cannot take signals", NULL, errno);
	stdio_open(monitor);
	open_bundle(monitor);
	client_inherit(monitor);
	seccomp_open(monitor);
	attach_pipe_report(monitor);
	spawn_runtime(monitor);
	run_loop(monitor);
	return monitor->exited ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *slots[LISTS * (argc > 0 ? argc : 1)];
	struct monitor monitor;
	char why[600];
	const char *failure;
	sigset_t all;

	set_unused(&monitor);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &monitor.old_mask);
	fill_stdio();
	if (options_parse(&monitor.options, argv, slots, why, sizeof(why)) < 0)
		return refuse(why);
	if (monitor.options.version) {
		static const char version[] = "conmon version " VERSION "\ncommit: scow\n";

		return write_all(1, version, sizeof(version) - 1) < 0;
	}
	if (monitor.options.help) {
		options_help();
		return 0;
	}
	failure = prepare(&monitor, why, sizeof(why));
	return failure ? refuse(failure) : watch(&monitor, &all);
}
