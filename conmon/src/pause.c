/* Holds a pod's namespaces: does nothing, as process 1 takes in orphans, and ends when it is told. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	sigset_t wanted;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGINT);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGCHLD);
	/* Blocked, not handled: a signal that comes before the wait is kept for it. */
	sigprocmask(SIG_BLOCK, &wanted, NULL);
	for (;;) {
		int signal = sigwaitinfo(&wanted, NULL);

		if (signal == SIGINT || signal == SIGTERM)
			return 0;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}
