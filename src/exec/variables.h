/*
 * variables.h - device buffers that outlive a plan, by name: masters, moments, accumulators,
 * running statistics, the step block. All plans of a session that name a variable share it; the
 * list of them, with what a checkpoint must hold, is the state of a training run.
 */
#ifndef ONNXTUNE_EXEC_VARIABLES_H
#define ONNXTUNE_EXEC_VARIABLES_H

#include "backend/backend.h"
#include "base/map.h"

struct variable {
	const char *name;
	struct tensor t; /* type; data is the device's memory */
	size_t bytes;
};

struct variables {
	const struct backend *backend;
	struct device *device;
	struct stream *stream;
	struct arena arena;
	struct map names;
	ARRAY(struct variable) list;
};

void variables_init(struct variables *vars, const struct backend *backend, struct device *device,
		    struct stream *stream);
void variables_release(struct variables *vars);

/* The variable of that name, or NULL. */
struct variable *variables_find(const struct variables *vars, const char *name);

/*
 * Finds or makes a variable of the type of `first`. A new one gets first's content, converted when
 * `from` (may be NULL) has another type, or zeros when there is no content at all.
 */
enum status MUST_CHECK variables_get(struct variables *vars, const char *name,
				     const struct tensor *first, const struct tensor *from,
				     struct variable **out, struct error *err);

/* Copies between a variable and host memory of its size; both wait for the stream. */
enum status MUST_CHECK variable_read(const struct variables *vars, const struct variable *v,
				     void *host, struct error *err);
enum status MUST_CHECK variable_write(const struct variables *vars, const struct variable *v,
				      const void *host, struct error *err);

#endif
