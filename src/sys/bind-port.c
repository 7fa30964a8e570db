// Sockets that only take a port: one that keeps it from other programs and answers nobody, and one that tells whether it
// is free.
#include "napi.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

// Size of the address, 0 for what is none.
static socklen_t parse(const char *text, uint16_t port, union address *address)
{
	memset(address, 0, sizeof *address);
	if (strchr(text, ':')) {
		address->v6.sin6_family = AF_INET6;
		address->v6.sin6_port = htons(port);
		return inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1 ? sizeof address->v6 : 0;
	}
	address->v4.sin_family = AF_INET;
	address->v4.sin_port = htons(port);
	return inet_pton(AF_INET, text, &address->v4.sin_addr) == 1 ? sizeof address->v4 : 0;
}

// A bound socket, or the error number below zero. What lingers of closed connections is no hindrance with `reuse`.
static int take(const char *text, uint16_t port, int type, bool reuse)
{
	union address address;
	socklen_t size = parse(text, port, &address);
	int on = 1;

	if (size == 0)
		return -EINVAL;
	int fd = socket(address.any.sa_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if ((address.any.sa_family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
	    (!reuse || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0) && bind(fd, &address.any, size) == 0)
		return fd;
	int err = errno;
	close(fd);
	return -err;
}

struct port_args {
	struct path address;
	int64_t port;
	int type;
};

static bool get_port_args(napi_env env, napi_callback_info info, struct port_args *args)
{
	napi_value a[3];

	if (!get_args(env, info, 3, a) || !get_path(env, a[0], &args->address) || !get_int(env, a[1], &args->port))
		return false;
	args->type = get_bool(env, a[2]) ? SOCK_DGRAM : SOCK_STREAM;
	return true;
}

// bindPort(address, port, udp) -> fd
static napi_value bind_port(napi_env env, napi_callback_info info)
{
	struct port_args args;

	if (!get_port_args(env, info, &args))
		return NULL;
	int fd = take(args.address.text, (uint16_t)args.port, args.type, false);
	return integer_or_fail(env, fd < 0 ? -1 : fd, -fd, "bind", NULL);
}

// probePort(address, port, udp) -> port; a server of TCP would listen, and two may bind what only one can listen on
static napi_value probe_port(napi_env env, napi_callback_info info)
{
	struct port_args args;
	union address bound;
	socklen_t size = sizeof bound;

	if (!get_port_args(env, info, &args))
		return NULL;
	bool tcp = args.type == SOCK_STREAM;
	int fd = take(args.address.text, (uint16_t)args.port, args.type, tcp);
	if (fd < 0)
		return integer_or_fail(env, -1, -fd, "bind", NULL);
	int err = (tcp && listen(fd, 1) < 0) || getsockname(fd, &bound.any, &size) < 0 ? errno : 0;
	close(fd);
	int port = ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
	return integer_or_fail(env, err ? -1 : port, err, "bind", NULL);
}

const struct entry bind_port_entries[] = {
	{"bindPort", bind_port},
	{"probePort", probe_port},
	{NULL, NULL},
};
