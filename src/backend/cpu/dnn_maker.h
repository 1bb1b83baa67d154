/*
 * dnn_maker.h - makes primitives of oneDNN, that is generates their code, in a thread beside the
 * planning of what comes after them: most of a short start. For dnn.c alone.
 *
 * Only the thread that asks may take or drop what it asked for.
 */
#ifndef ONNXTUNE_BACKEND_CPU_DNN_MAKER_H
#define ONNXTUNE_BACKEND_CPU_DNN_MAKER_H

#include <oneapi/dnnl/dnnl.h>
#include <pthread.h>
#include <stdbool.h>

/* A primitive that was asked for. All is private. */
struct dnn_job {
	dnnl_primitive_desc_t pd;
	dnnl_primitive_t primitive;
	dnnl_status_t status;
	enum { DNN_JOB_NONE, DNN_JOB_WAITS, DNN_JOB_RUNS, DNN_JOB_DONE } state;
	struct dnn_job *next;
};

struct dnn_maker {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	pthread_t thread;
	bool started, ends;
	int threads;           /* of loops, which generated code is for */
	struct dnn_job *first; /* of those that wait */
};

void dnn_maker_init(struct dnn_maker *maker);
void dnn_maker_release(struct dnn_maker *maker); /* when all jobs are dropped */

/*
 * Asks for the primitive of pd, which is the maker's from now on; job stays where it is until it is
 * dropped. With a single thread it is made at once, and fails if that does.
 */
dnnl_status_t dnn_maker_ask(struct dnn_maker *maker, struct dnn_job *job, dnnl_primitive_desc_t pd);

/* The primitive, which stays the job's. Waits for it, or makes it if nobody has begun to. */
dnnl_status_t dnn_maker_take(struct dnn_maker *maker, struct dnn_job *job, dnnl_primitive_t *out);

/* Frees the primitive, which need not be made; a job of zeros holds none. */
void dnn_maker_drop(struct dnn_maker *maker, struct dnn_job *job);

#endif
