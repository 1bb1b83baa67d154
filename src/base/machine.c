/* machine.c - the machine's memory and the limits of control groups (see machine.h). */
#include "base/machine.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The number in a file like memory.max; UINT64_MAX where there is none ("max"). */
static uint64_t read_limit(const char *folder, const char *group, const char *file)
{
	char path[2 * PATH_MAX];
	unsigned long long limit;
	snprintf(path, sizeof path, "%s%s/%s", folder, group, file);
	FILE *f = fopen(path, "re");
	int n = f ? fscanf(f, "%llu", &limit) : 0;
	if (f)
		fclose(f);
	return n == 1 ? limit : UINT64_MAX;
}

/* The least limit of a group ("/user.slice/x.scope") and those around it. */
static uint64_t group_limit(char *group, bool second)
{
	const char *folder = second ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
	const char *file = second ? "memory.max" : "memory.limit_in_bytes";
	uint64_t least = UINT64_MAX;
	for (char *end = group + strlen(group); end; end = strrchr(group, '/')) {
		*end = 0;
		uint64_t limit = read_limit(folder, group, file);
		least = limit < least ? limit : least;
	}
	return least;
}

/*
 * Lines are NUMBER:CONTROLLERS:PATH, without controllers for version 2. In a container the path may be
 * one of the host, while what is mounted is the container's: then only the last, "", exists.
 */
static uint64_t groups_limit(void)
{
	char line[PATH_MAX];
	uint64_t least = UINT64_MAX;
	FILE *f = fopen("/proc/self/cgroup", "re");
	while (f && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = 0;
		char *controllers = strchr(line, ':');
		char *group = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!group)
			continue;
		*group++ = 0;
		controllers++;
		if (*controllers && strcmp(controllers, "memory"))
			continue;
		uint64_t limit = group_limit(group, !*controllers);
		least = limit < least ? limit : least;
	}
	if (f)
		fclose(f);
	return least;
}

uint64_t machine_memory(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	uint64_t memory = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
	uint64_t limit = groups_limit();
	return limit < memory ? limit : memory;
}
