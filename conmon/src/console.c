/* A terminal: the runtime makes it and sends its master over a socket; its size is ours to set. */
#include "monitor.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>

static void random_letters(struct text *text, int count)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
	unsigned char bytes[16] = {0};

	(void)!getrandom(bytes, sizeof(bytes), GRND_NONBLOCK);
	for (int i = 0; i < count; i++)
		text_add_char(text, letters[bytes[i] % 32]);
}

void console_open(struct monitor *monitor)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct text text = text_in(monitor->console_path, sizeof(monitor->console_path));
	mode_t mask = umask(0077);
	int result;

	text_add(&text, "/tmp/conmon-term.");
	random_letters(&text, 12);
	memcpy(address.sun_path, monitor->console_path, text_length(&text) + 1);
	monitor->console_listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	result = bind(monitor->console_listen_fd, (struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (result < 0 || listen(monitor->console_listen_fd, 4) < 0)
		die(monitor, "cannot make the console socket", monitor->console_path, errno);
}

void console_remove(struct monitor *monitor)
{
	if (monitor->console_listen_fd < 0)
		return;
	unlink(monitor->console_path);
	close_fd(&monitor->console_listen_fd);
	close_fd(&monitor->console_fd);
}

void console_resize(struct monitor *monitor, unsigned rows, unsigned columns)
{
	struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};

	monitor->window.rows = size.ws_row;
	monitor->window.columns = size.ws_col;
	if (monitor->options.terminal && monitor->stdin_fd >= 0 && ioctl(monitor->stdin_fd, TIOCSWINSZ, &size) < 0)
		warn(monitor, "cannot set the terminal's size", NULL, errno);
}
