/*
 * A client of conmon's seqpacket socket for the tests: stdin becomes packets, packets become stdout and stderr.
 *   seqpacket PATH [hang]     hang: connects and never reads
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
	char bytes[8193];

	if (argc < 2 || strlen(argv[1]) >= sizeof(address.sun_path))
		return 2;
	strcpy(address.sun_path, argv[1]);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return 3;
	(void)!write(2, "ready\n", 6);
	if (argc > 2)
		for (;;)
			pause();
	while (poll(fds, 2, -1) >= 0) {
		ssize_t length;

		if (fds[0].revents) {
			length = recv(fd, bytes, sizeof(bytes), 0);
			if (length <= 0)
				return 0;
			if (write(bytes[0] == 2 ? 1 : 2, bytes + 1, (size_t)length - 1) < 0)
				return 4;
		}
		if (fds[1].revents) {
			length = read(0, bytes, sizeof(bytes));
			if (length > 0 && send(fd, bytes, (size_t)length, 0) < 0)
				return 5;
			if (length <= 0) {
				shutdown(fd, SHUT_WR);
				fds[1].fd = -1;
			}
		}
	}
	return 0;
}
