/* A tiny static program that tests run in containers: each word of its command line is one behaviour. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

extern char **environ;

static int fail(const char *what)
{
	fprintf(stderr, "probe: %s: %s\n", what, strerror(errno));
	return 99;
}

/* env: its environment, a line each. */
static int print_env(void)
{
	for (char **entry = environ; *entry; entry++)
		puts(*entry);
	return 0;
}

/* status FIELD...: those lines of /proc/self/status. */
static int print_status(int count, char **fields)
{
	char line[512];
	FILE *file = fopen("/proc/self/status", "r");
	if (!file)
		return fail("/proc/self/status");
	while (fgets(line, sizeof line, file))
		for (int i = 0; i < count; i++)
			if (!strncmp(line, fields[i], strlen(fields[i])) && line[strlen(fields[i])] == ':')
				fputs(line, stdout);
	fclose(file);
	return 0;
}

/* alloc MIB: touches that much memory, a mebibyte at a time. */
static int allocate(int mebibytes)
{
	for (int i = 0; i < mebibytes; i++) {
		char *block = malloc(1 << 20);
		if (!block)
			return fail("malloc");
		memset(block, i + 1, 1 << 20);
	}
	printf("allocated %d MiB\n", mebibytes);
	fflush(stdout);
	pause();
	return 0;
}

/* signals: prints every signal it gets by number; ends at SIGQUIT. */
static int print_signals(void)
{
	sigset_t all;
	int got = 0;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	puts("ready");
	while (got != SIGQUIT) {
		fflush(stdout);
		if (sigwait(&all, &got) != 0)
			return fail("sigwait");
		if (got == SIGWINCH) {
			struct winsize size = { 0 };
			ioctl(0, TIOCGWINSZ, &size);
			printf("size %dx%d\n", size.ws_col, size.ws_row);
		} else {
			printf("signal %d\n", got);
		}
	}
	return 0;
}

/* listen PORT [udp]: answers each connection or packet with this host's name and the peer's address. */
static int serve(int port, int udp)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(port) }, peer;
	char host[64] = "", text[200];
	int one = 1, listener = socket(AF_INET, udp ? SOCK_DGRAM : SOCK_STREAM, 0);
	gethostname(host, sizeof host - 1);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(listener, (struct sockaddr *)&here, sizeof here) != 0 || (!udp && listen(listener, 16) != 0))
		return fail("bind");
	puts("listening");
	fflush(stdout);
	for (;;) {
		socklen_t size = sizeof peer;
		int client = udp ? listener : accept(listener, (struct sockaddr *)&peer, &size);
		if (udp && recvfrom(listener, text, sizeof text, 0, (struct sockaddr *)&peer, &size) < 0)
			return fail("recvfrom");
		int length = snprintf(text, sizeof text, "%s sees %s\n", host, inet_ntoa(peer.sin_addr));
		if (sendto(client, text, length, MSG_NOSIGNAL, udp ? (struct sockaddr *)&peer : NULL, udp ? size : 0) < 0)
			fail("send");
		if (!udp)
			close(client);
	}
}

int main(int argc, char **argv)
{
	const char *act = argc > 1 ? argv[1] : "exit";
	int number = argc > 2 ? atoi(argv[2]) : 0;

	if (!strcmp(act, "exit"))
		return number;
	if (!strcmp(act, "env"))
		return print_env();
	if (!strcmp(act, "status"))
		return print_status(argc - 2, argv + 2);
	if (!strcmp(act, "alloc"))
		return allocate(number);
	if (!strcmp(act, "signals"))
		return print_signals();
	if (!strcmp(act, "listen"))
		return serve(number, argc > 3);
	if (!strcmp(act, "raise"))
		return raise(number) == 0 ? 98 : fail("raise");
	if (!strcmp(act, "sleep")) {
		sleep(number);
		return 0;
	}
	if (!strcmp(act, "tty")) {
		printf("%d %d %d\n", isatty(0), isatty(1), isatty(2));
		return 0;
	}
	fprintf(stderr, "probe: no act \"%s\"\n", act);
	return 97;
}
