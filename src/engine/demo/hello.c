/* The one program of the demo image: says what a process inside a container sees. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static void print_interfaces(void)
{
	char line[256];
	FILE *file = fopen("/proc/net/dev", "r");
	if (!file)
		return;
	printf("  network interfaces:");
	for (int row = 0; fgets(line, sizeof line, file); row++) {
		char *colon = strchr(line, ':');
		if (row < 2 || !colon)
			continue;
		*colon = '\0';
		printf(" %s", line + strspn(line, " "));
	}
	printf("\n");
	fclose(file);
}

int main(void)
{
	struct utsname host;
	if (uname(&host) != 0)
		return 1;
	printf("Hello from a container.\n");
	printf("  process id: %d\n", (int)getpid());
	printf("  host name: %s\n", host.nodename);
	printf("  kernel: %s %s %s\n", host.sysname, host.release, host.machine);
	print_interfaces();
	return 0;
}
