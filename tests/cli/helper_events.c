/*
 * helper_events.c - what TensorBoard shows of event files: all values but those that a later file
 * makes void by saying with which step its run goes on.
 */
#include "helper.h"

#include "base/crc32c.h"
#include "base/file.h"
#include "proto/event.pb-c.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shown {
	int64_t step;
	char *tag;
	double value; /* of a histogram the sum */
};

typedef ARRAY(struct shown) shown_array;

static uint64_t little(const uint8_t *p, int bytes)
{
	uint64_t x = 0;
	for (int i = 0; i < bytes; i++)
		x |= (uint64_t)p[i] << 8 * i;
	return x;
}

static uint32_t unmasked(uint64_t check)
{
	uint32_t rotated = (uint32_t)check - 0xa282ead8U;
	return rotated >> 17 | rotated << 15;
}

static void drop_from(shown_array *all, int64_t step)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < all->n; i++) {
		if (all->v[i].step < step)
			all->v[kept++] = all->v[i];
		else
			free(all->v[i].tag);
	}
	all->n = kept;
}

static void take(shown_array *all, const Tensorboard__Event *event)
{
	if (event->what_case == TENSORBOARD__EVENT__WHAT_SESSION_LOG &&
	    event->session_log->status == TENSORBOARD__SESSION_LOG__SESSION_STATUS__START)
		drop_from(all, event->step);
	if (event->what_case != TENSORBOARD__EVENT__WHAT_SUMMARY)
		return;
	for (size_t i = 0; i < event->summary->n_value; i++) {
		const Tensorboard__Summary__Value *v = event->summary->value[i];
		bool histogram = v->value_case == TENSORBOARD__SUMMARY__VALUE__VALUE_HISTO;
		*array_push(all) = (struct shown){ event->step, mem_strdup(v->tag),
						   histogram ? v->histo->sum : v->simple_value };
	}
}

static void read_records(const char *path, shown_array *all)
{
	struct file_map file;
	struct error err;
	if (file_map(path, &file, &err) != OK)
		helper_die("%s", err.text);
	for (size_t at = 0; at < file.size;) {
		const uint8_t *p = file.data + at;
		size_t left = file.size - at;
		uint64_t n = left < 16 ? UINT64_MAX : little(p, 8);
		if (n > left - 16 || crc32c(p, 8) != unmasked(little(p + 8, 4)) ||
		    crc32c(p + 12, n) != unmasked(little(p + 12 + n, 4)))
			break; /* the last record of a run that was killed */
		Tensorboard__Event *event = tensorboard__event__unpack(NULL, n, p + 12);
		if (!event)
			helper_die("%s: no event at %zu", path, at);
		take(all, event);
		tensorboard__event__free_unpacked(event, NULL);
		at += 16 + n;
	}
	file_unmap(&file);
}

int helper_events(int argc, char **argv)
{
	shown_array all = { 0 };
	for (int i = 0; i < argc; i++)
		read_records(argv[i], &all);
	for (uint32_t i = 0; i < all.n; i++)
		printf("%" PRId64 " %s %.9g\n", all.v[i].step, all.v[i].tag, all.v[i].value);
	drop_from(&all, INT64_MIN);
	array_release(&all);
	return 0;
}
