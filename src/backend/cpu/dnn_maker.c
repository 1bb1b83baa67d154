/*
 * dnn_maker.c - code is generated beside the planning (see dnn_maker.h). One thread makes what waits
 * in the order of asking; who needs a primitive that it has not come to makes it himself.
 */
#ifdef HAVE_ONEDNN

#include "backend/cpu/dnn_maker.h"

#include <omp.h>

void dnn_maker_init(struct dnn_maker *maker)
{
	*maker = (struct dnn_maker){ .started = false };
	pthread_mutex_init(&maker->mutex, NULL);
	pthread_cond_init(&maker->changed, NULL);
}

void dnn_maker_release(struct dnn_maker *maker)
{
	if (maker->started) {
		pthread_mutex_lock(&maker->mutex);
		maker->ends = true;
		pthread_cond_broadcast(&maker->changed);
		pthread_mutex_unlock(&maker->mutex);
		pthread_join(maker->thread, NULL);
	}
	pthread_cond_destroy(&maker->changed);
	pthread_mutex_destroy(&maker->mutex);
}

static void make(struct dnn_job *job)
{
	job->status = dnnl_primitive_create(&job->primitive, job->pd);
	dnnl_primitive_desc_destroy(job->pd);
}

/* The jobs one after the other. oneDNN's cache tells primitives apart by the number of threads. */
static void *run(void *ctx)
{
	struct dnn_maker *maker = ctx;
	omp_set_num_threads(maker->threads);
	pthread_mutex_lock(&maker->mutex);
	while (!maker->ends) {
		struct dnn_job *job = maker->first;
		if (!job) {
			pthread_cond_wait(&maker->changed, &maker->mutex);
			continue;
		}
		maker->first = job->next;
		job->state = DNN_JOB_RUNS;
		pthread_mutex_unlock(&maker->mutex);
		make(job);
		pthread_mutex_lock(&maker->mutex);
		job->state = DNN_JOB_DONE;
		pthread_cond_broadcast(&maker->changed);
	}
	pthread_mutex_unlock(&maker->mutex);
	return NULL;
}

static bool start(struct dnn_maker *maker)
{
	if (!maker->started && omp_get_max_threads() > 1) {
		maker->threads = omp_get_max_threads();
		maker->started = !pthread_create(&maker->thread, NULL, run, maker);
	}
	return maker->started;
}

dnnl_status_t dnn_maker_ask(struct dnn_maker *maker, struct dnn_job *job, dnnl_primitive_desc_t pd)
{
	*job = (struct dnn_job){ .pd = pd, .state = DNN_JOB_WAITS };
	if (!start(maker)) {
		make(job);
		job->state = DNN_JOB_DONE;
		return job->status;
	}
	pthread_mutex_lock(&maker->mutex);
	struct dnn_job **last = &maker->first;
	while (*last)
		last = &(*last)->next;
	*last = job;
	pthread_cond_broadcast(&maker->changed);
	pthread_mutex_unlock(&maker->mutex);
	return dnnl_success;
}

/* Nobody works on the job any more, or will. */
static void settle(struct dnn_maker *maker, struct dnn_job *job)
{
	pthread_mutex_lock(&maker->mutex);
	struct dnn_job **at = &maker->first;
	while (*at && *at != job)
		at = &(*at)->next;
	if (*at)
		*at = job->next;
	while (job->state == DNN_JOB_RUNS)
		pthread_cond_wait(&maker->changed, &maker->mutex);
	pthread_mutex_unlock(&maker->mutex);
}

dnnl_status_t dnn_maker_take(struct dnn_maker *maker, struct dnn_job *job, dnnl_primitive_t *out)
{
	settle(maker, job);
	if (job->state == DNN_JOB_WAITS) {
		make(job);
		job->state = DNN_JOB_DONE;
	}
	*out = job->primitive;
	return job->status;
}

void dnn_maker_drop(struct dnn_maker *maker, struct dnn_job *job)
{
	if (job->state == DNN_JOB_NONE)
		return;
	settle(maker, job);
	if (job->state == DNN_JOB_WAITS)
		dnnl_primitive_desc_destroy(job->pd);
	else
		dnnl_primitive_destroy(job->primitive);
	job->state = DNN_JOB_NONE;
}

#endif
