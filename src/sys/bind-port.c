// A socket that only takes a port, so that no other program gets it: it answers nobody.
#include "napi.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int bind_v4(int type, const char *text, uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

	if (inet_pton(AF_INET, text, &address.sin_addr) != 1)
		return -EINVAL;
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd < 0 ? -errno : fd;
	int err = errno;
	close(fd);
	return -err;
}

static int bind_v6(int type, const char *text, uint16_t port)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int on = 1;

	if (inet_pton(AF_INET6, text, &address.sin6_addr) != 1)
		return -EINVAL;
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	int err = errno;
	close(fd);
	return -err;
}

// bindPort(address, port, udp) -> fd
static napi_value bind_port(napi_env env, napi_callback_info info)
{
	napi_value a[3];
	struct path address;
	int64_t port;

	if (!get_args(env, info, 3, a) || !get_path(env, a[0], &address) || !get_int(env, a[1], &port))
		return NULL;
	int type = get_bool(env, a[2]) ? SOCK_DGRAM : SOCK_STREAM;
	int fd = (strchr(address.text, ':') ? bind_v6 : bind_v4)(type, address.text, (uint16_t)port);
	return integer_or_fail(env, fd < 0 ? -1 : fd, -fd, "bind", NULL);
}

const struct entry bind_port_entries[] = {
	{"bindPort", bind_port},
	{NULL, NULL},
};
