/* timings.c - the file of --profile (see timings.h). */
#include "api/timings.h"

#include <errno.h>
#include <string.h>

enum status timings_open(const char *path, struct profile *profile, struct timings *out,
			 struct error *err)
{
	*out = (struct timings){ .path = path, .profile = profile };
	if (path && !(out->file = fopen(path, "w")))
		return fail(err, ERR_INPUT, "%s: cannot be written: %s; see --profile", path,
			    strerror(errno));
	return OK;
}

void timings_begin(struct timings *timings)
{
	if (timings->profile)
		timings->profile->rows.n = 0;
}

static void line(FILE *file, const char *op, const char *kernel, const char *calls, double seconds,
		 double all)
{
	fprintf(file, "%-24s %-36s %9s %10.3f %6.1f %%", op, kernel, calls, seconds,
		all > 0 ? 100 * seconds / all : 0);
}

void timings_write(struct timings *timings, int64_t steps, double seconds)
{
	FILE *file = timings->file;
	if (!file)
		return;
	double kernels = profile_sort(timings->profile);
	fprintf(file, "%lld steps, %.3f s\n\n%-24s %-36s %9s %10s %8s %10s\n", (long long)steps,
		seconds, "operator", "kernel", "calls", "seconds", "share", "GFLOP/s");
	for (uint32_t i = 0; i < timings->profile->rows.n; i++) {
		const struct profile_row *r = &timings->profile->rows.v[i];
		char calls[32];
		snprintf(calls, sizeof calls, "%lld", (long long)r->calls);
		line(file, r->op->name, r->kernel->name, calls, r->seconds, seconds);
		if (r->operations > 0 && r->seconds > 0)
			fprintf(file, " %10.1f", r->operations / r->seconds * 1e-9);
		fputc('\n', file);
	}
	line(file, "not in kernels", "", "", seconds - kernels, seconds);
	fputc('\n', file);
}

static void lap(FILE *file, const char *name, const char *times, double seconds, double cpu)
{
	fprintf(file, "%-61s %9s %10.4f %10.4f\n", name, times, seconds, cpu);
}

enum status timings_end(struct timings *timings, struct error *err)
{
	FILE *file = timings->file;
	double seconds = 0, cpu = 0;
	if (!file)
		return OK;
	fprintf(file, "\n%-61s %9s %10s %10s\n", "the whole run", "times", "seconds", "CPU s");
	for (uint32_t i = 0; i < timings->profile->laps.n; i++) {
		const struct profile_lap *l = &timings->profile->laps.v[i];
		char times[32];
		snprintf(times, sizeof times, "%lld", (long long)l->times);
		lap(file, l->name, times, l->seconds, l->cpu);
		seconds += l->seconds;
		cpu += l->cpu;
	}
	lap(file, "all", "", seconds, cpu);
	timings->file = NULL;
	bool bad = ferror(file);
	if (fclose(file) || bad)
		return fail(err, ERR_INPUT, "%s: %s", timings->path, strerror(errno));
	return OK;
}

void timings_release(struct timings *timings)
{
	if (timings->file)
		fclose(timings->file);
	timings->file = NULL;
}
