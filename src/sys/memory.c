// Memory that a long-lived process holds without needing it.
#include "napi.h"

#include <errno.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct mapping {
	unsigned long start, end;
	// Of a file, cannot be written, and no page of it was ever changed: the file has all of it.
	bool clean;
};

// A line of /proc/self/smaps: the first of a mapping, or a figure of it.
static bool begins_mapping(const char *line, struct mapping *mapping)
{
	unsigned long start, end;
	char permissions[5];
	int path = 0;

	if (sscanf(line, "%lx-%lx %4s %*s %*s %*s %n", &start, &end, permissions, &path) != 3)
		return false;
	*mapping = (struct mapping){start, end, permissions[1] != 'w' && permissions[3] == 'p' && path > 0 && line[path] == '/'};
	return true;
}

static bool tells_of_change(const char *line)
{
	unsigned long kilobytes = 0;

	return (sscanf(line, "Anonymous: %lu", &kilobytes) == 1 || sscanf(line, "Private_Dirty: %lu", &kilobytes) == 1 ||
		sscanf(line, "Locked: %lu", &kilobytes) == 1) && kilobytes > 0;
}

// A start maps most of a program of a hundred megabytes, sixteen pages at a time. What is needed again comes back from the
// page cache without a read.
static void unmap_clean_pages(void)
{
	struct mapping mapping = {0};
	char line[SCOW_PATH_MAX + 256];
	FILE *smaps = fopen("/proc/self/smaps", "re");

	if (!smaps)
		return;
	while (fgets(line, sizeof line, smaps)) {
		if (begins_mapping(line, &mapping))
			continue;
		if (tells_of_change(line))
			mapping.clean = false;
		// The last line of each: only now is everything known.
		if (mapping.clean && strncmp(line, "VmFlags:", 8) == 0)
			madvise((void *)mapping.start, mapping.end - mapping.start, MADV_DONTNEED);
	}
	fclose(smaps);
}

static void run_trim(struct job *job)
{
#ifdef __GLIBC__
	job->result = malloc_trim(0);
#endif
	job->as_bool = true;
	unmap_clean_pages();
}

// trimMemory() -> whether memory of the C library's went back
static napi_value trim_memory_call(napi_env env, napi_callback_info info)
{
	(void)info;
	struct job *job = calloc(1, sizeof *job);
	if (!job)
		return fail(env, ENOMEM, "calloc", NULL);
	job->run = run_trim;
	job->syscall = "malloc_trim";
	return start_job(env, job);
}

const struct entry memory_entries[] = {
	{"trimMemory", trim_memory_call},
	{NULL, NULL},
};
