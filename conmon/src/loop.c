/* One poll loop: what to wait for is collected anew each round from the state, so that nothing is ever out of step. */
#include "client.h"
#include "console-receive.h"
#include "ctl.h"

#include <errno.h>
#include <sys/signalfd.h>

enum source { SIGNALS, CONSOLE_LISTEN, CONSOLE, STDIN, STDOUT, STDERR, CTL, WINSZ, ATTACH, STREAM_ATTACH, OOM, NOTIFY, STRANGER,
	SECCOMP_LISTEN, SECCOMP_PEER, SECCOMP, SOURCES = SECCOMP + LISTENERS_MAX };

struct round {
	struct pollfd fds[SOURCES + CLIENTS_MAX];
	struct client *clients[CLIENTS_MAX];
	int client_count;
	long long due_ms;
};

static void wait_for(struct round *round, enum source source, int fd, short events)
{
	round->fds[source] = (struct pollfd){.fd = fd, .events = events};
}

static void due(struct round *round, long long at_ms)
{
	if (at_ms > 0 && (round->due_ms == 0 || at_ms < round->due_ms))
		round->due_ms = at_ms;
}

static void collect(struct monitor *monitor, struct round *round)
{
	bool running = monitor->phase == RUNNING, held = clients_hold(monitor);

	round->due_ms = 0;
	round->client_count = 0;
	wait_for(round, SIGNALS, monitor->signal_fd, POLLIN);
	wait_for(round, CONSOLE_LISTEN, monitor->console_listen_fd, POLLIN);
	wait_for(round, CONSOLE, monitor->console_fd, POLLIN);
	wait_for(round, STDIN, monitor->backlog.bytes ? monitor->stdin_fd : -1, POLLOUT);
	for (int i = 0; i < 2; i++) {
		const struct stream *stream = &monitor->out[i];

		wait_for(round, i == 0 ? STDOUT : STDERR, running && !held && !stream->retry_at_ms ? stream->fd : -1, POLLIN);
		due(round, running ? stream->retry_at_ms : 0);
	}
	wait_for(round, CTL, monitor->ctl_fd, POLLIN);
	wait_for(round, WINSZ, monitor->winsz_fd, POLLIN);
	wait_for(round, ATTACH, monitor->client_count < CLIENTS_MAX ? monitor->attach_fd : -1, POLLIN);
	wait_for(round, STREAM_ATTACH, monitor->client_count < CLIENTS_MAX ? monitor->stream_attach_fd : -1, POLLIN);
	wait_for(round, OOM, running ? monitor->oom_fd : -1, POLLIN);
	wait_for(round, NOTIFY, monitor->notify_fd, POLLIN);
	wait_for(round, STRANGER, monitor->container_pidfd, POLLIN);
	wait_for(round, SECCOMP_LISTEN, monitor->seccomp_peer_fd < 0 ? monitor->seccomp_listen_fd : -1, POLLIN);
	wait_for(round, SECCOMP_PEER, monitor->seccomp_peer_fd, POLLIN);
	for (int i = 0; i < LISTENERS_MAX; i++)
		wait_for(round, SECCOMP + (enum source)i, monitor->seccomp_fds[i], POLLIN);
	due(round, monitor->timeout_at_ms);
	due(round, monitor->exit_command_due && !clients_wait(monitor) ? monitor->exit_command_at_ms : 0);
	for (struct client *client = monitor->clients; client; client = client->next) {
		short events = client_wants(monitor, client);
		/* Without anything to do for it a hang-up would wake us again and again. */
		bool quiet = client->pending || (!events && !stdin_ready(monitor));

		round->clients[round->client_count] = client;
		round->fds[SOURCES + round->client_count++] = (struct pollfd){.fd = quiet && !events ? -1 : client->fd, .events = events};
		due(round, client->stalled_at_ms);
	}
}

static void take_signals(struct monitor *monitor)
{
	struct signalfd_siginfo signal;

	while (read_some(monitor->signal_fd, &signal, sizeof(signal)) == (ssize_t)sizeof(signal))
		if (signal.ssi_signo == SIGTERM || signal.ssi_signo == SIGINT || signal.ssi_signo == SIGQUIT)
			forward_signal(monitor, (int)signal.ssi_signo);
	/* Whatever woke us: SIGCHLD may stand for many, or be lost among others. */
	reap(monitor);
}

static void act(struct monitor *monitor, const struct round *round)
{
	const struct pollfd *fds = round->fds;

	if (fds[CONSOLE].revents)
		console_receive(monitor);
	if (fds[CONSOLE_LISTEN].revents && monitor->console_listen_fd >= 0)
		console_accept(monitor);
	if (fds[CTL].revents)
		ctl_readable(monitor);
	if (fds[WINSZ].revents)
		winsz_readable(monitor);
	if (fds[ATTACH].revents)
		client_accept(monitor, monitor->attach_fd, false);
	if (fds[STREAM_ATTACH].revents)
		client_accept(monitor, monitor->stream_attach_fd, true);
	if (fds[STDIN].revents && monitor->backlog.bytes && monitor->stdin_fd >= 0)
		stdin_flush(monitor);
	for (int i = 0; i < 2; i++)
		if (fds[STDOUT + i].revents && monitor->out[i].fd >= 0)
			stream_readable(monitor, &monitor->out[i]);
	for (int i = 0; i < round->client_count; i++)
		if (fds[SOURCES + i].revents)
			client_event(monitor, round->clients[i], fds[SOURCES + i].revents);
	if (fds[OOM].revents)
		oom_check(monitor);
	if (fds[NOTIFY].revents)
		notify_relay(monitor);
	if (fds[SECCOMP_LISTEN].revents)
		seccomp_accept(monitor);
	if (fds[SECCOMP_PEER].revents)
		seccomp_receive(monitor);
	for (int i = 0; i < LISTENERS_MAX; i++)
		if (fds[SECCOMP + i].revents)
			seccomp_answer(monitor, &monitor->seccomp_fds[i], !(fds[SECCOMP + i].revents & POLLIN));
	if (fds[STRANGER].revents) {
		close_fd(&monitor->container_pidfd);
		container_ended(monitor, UNKNOWN_STATUS);
	}
	/* Last: what came before a process ended is handled before its end. */
	if (fds[SIGNALS].revents)
		take_signals(monitor);
}

static void act_on_time(struct monitor *monitor, long long now)
{
	for (int i = 0; i < 2; i++)
		if (monitor->out[i].retry_at_ms && now >= monitor->out[i].retry_at_ms && monitor->phase == RUNNING)
			stream_readable(monitor, &monitor->out[i]);
	if (monitor->timeout_at_ms && now >= monitor->timeout_at_ms && monitor->container_pid > 0)
		kill_timed_out(monitor);
	clients_tend(monitor, now);
}

static void advance(struct monitor *monitor)
{
	/* ENDING already: the runtime failed, and there never was a container. */
	if (!monitor->finished && (monitor->exited || monitor->phase == ENDING))
		finish_container(monitor);
	if (monitor->phase != ENDING)
		return;
	bool delivered = clients_finish(monitor);

	/* It may well end us: whoever reads slowly has what is queued by then. */
	if (delivered && monitor->exit_command_due && now_ms() >= monitor->exit_command_at_ms)
		start_exit_command(monitor);
	if (delivered && !monitor->exit_command_due && monitor->exit_command_pid <= 0)
		monitor->phase = DONE;
}

void run_loop(struct monitor *monitor)
{
	struct round round;

	while (monitor->phase != DONE) {
		long long timeout;
		int count;

		clients_tend(monitor, now_ms());
		collect(monitor, &round);
		timeout = round.due_ms ? round.due_ms - now_ms() : -1;
		if (round.due_ms && timeout < 0)
			timeout = 0;
		count = poll(round.fds, (nfds_t)(SOURCES + round.client_count), timeout > 3600000 ? 3600000 : (int)timeout);
		if (count > 0)
			act(monitor, &round);
		else if (count < 0 && errno != EINTR)
			return;
		act_on_time(monitor, now_ms());
		advance(monitor);
	}
	clients_drop(monitor);
}
