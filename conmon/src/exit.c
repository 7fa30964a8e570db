/* The container's end: exit files, the caller's pipe, the exit program. */
#include "client.h"
#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>

void set_oom_score(int score)
{
	char number[24];
	struct text text = text_in(number, sizeof(number));
	auto_close int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	text_add_int(&text, score);
	/* Lowering it may be refused, which is no reason not to watch a container. */
	if (fd >= 0)
		(void)!write(fd, number, text_length(&text));
}

void write_exit_files(struct monitor *monitor)
{
	const struct options *options = &monitor->options;
	char number[24];
	struct text text = text_in(number, sizeof(number));
	/* Who can do without the log after a power cut can do without the exit code. */
	bool sync = !options->no_sync_log;
	int result = 0;

	text_add_int(&text, monitor->exit_code);
	if (options->persist_dir)
		result = write_file_atomic(options->persist_dir, "exit", number, sync);
	if (result < 0)
		warn(monitor, "cannot write the exit file in", options->persist_dir, result);
	result = options->exit_dir ? write_file_atomic(options->exit_dir, options->cid, number, sync) : 0;
	if (result < 0)
		warn(monitor, "cannot write the exit file in", options->exit_dir, result);
}

static _Noreturn void become_exit_command(struct monitor *monitor)
{
	const struct list *list = &monitor->options.lists[LIST_EXIT_ARG];
	const char *items[list->count + 2];

	items[0] = monitor->options.exit_command;
	for (int i = 0; i < list->count; i++)
		items[i + 1] = list->items[i];
	items[list->count + 1] = NULL;
	set_oom_score(monitor->old_oom_score);
	signal(SIGPIPE, SIG_DFL);
	close_from(3);
	sigprocmask(SIG_SETMASK, &monitor->old_mask, NULL);
	execv(items[0], (char *const *)items);
	_exit(127);
}

void start_exit_command(struct monitor *monitor)
{
	monitor->exit_command_due = false;
	(void)prctl(PR_SET_CHILD_SUBREAPER, 0);
	monitor->exit_command_pid = fork();
	if (monitor->exit_command_pid == 0)
		become_exit_command(monitor);
	if (monitor->exit_command_pid < 0)
		warn(monitor, "cannot start the exit program", monitor->options.exit_command, errno);
}

void finish_container(struct monitor *monitor)
{
	const struct options *options = &monitor->options;
	bool existed = monitor->exited;

	monitor->phase = ENDING;
	monitor->finished = true;
	monitor->timeout_at_ms = 0;
	oom_check(monitor);
	/* Who connected before the start is owed all output, also when start and end came while we looked elsewhere. */
	clients_accept(monitor);
	stdio_drain(monitor);
	logs_end(monitor);
	if (!options->no_sync_log)
		logs_sync(monitor);
	/* Ports that the caller reserved for the container are free again before anybody hears of its end. */
	close_inherited();
	attach_close(monitor);
	seccomp_close(monitor);
	if (existed) {
		write_exit_files(monitor);
		if (options->exec)
			sync_report(monitor, monitor->exit_code, monitor->timed_out ? "command timed out" : NULL);
	}
	close_fd(&monitor->sync_fd);
	if (options->exit_command) {
		monitor->exit_command_due = true;
		monitor->exit_command_at_ms = now_ms() + options->exit_delay * 1000;
	}
}
