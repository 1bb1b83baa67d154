/*
 * graph.c - captures of the simulated runtime: a graph is the list of jobs that were queued between
 * begin and end, with the arguments that they had then. Only what one stream captures is simulated.
 */
#include "cudasim/internal.h"

#include <stdlib.h>

struct CUgraph_st {
	struct job_list jobs;
};

struct CUgraphExec_st {
	struct job_list jobs;
};

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode mode)
{
	if (SIM_FAILS())
		return sim_error(cudaErrorLaunchFailure);
	if ((unsigned)mode > cudaStreamCaptureModeRelaxed)
		return sim_error(cudaErrorInvalidValue);
	return sim_queue_capture_begin(stream) ? cudaSuccess : sim_error(cudaErrorInvalidValue);
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph)
{
	struct job_list jobs = { 0 };
	*graph = NULL;
	enum capture_state state = sim_queue_capture_end(stream, &jobs);
	if (state == CAPTURE_GOOD && SIM_FAILS())
		state = CAPTURE_SPOILT;
	switch (state) {
	case CAPTURE_NONE:
		return sim_error(cudaErrorStreamCaptureUnmatched);
	case CAPTURE_SPOILT:
		sim_job_list_release(&jobs);
		return sim_error(cudaErrorStreamCaptureInvalidated);
	case CAPTURE_GOOD:
		break;
	}
	*graph = sim_alloc(sizeof **graph);
	(*graph)->jobs = jobs;
	sim_made(THING_GRAPH);
	return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long flags)
{
	if (SIM_FAILS())
		return sim_error(cudaErrorLaunchFailure);
	if (!graph || flags)
		return sim_error(cudaErrorInvalidValue);
	if (sim_queue_capturing()) {
		sim_queue_spoil_captures();
		return sim_error(cudaErrorStreamCaptureUnsupported);
	}
	*exec = sim_alloc(sizeof **exec);
	for (size_t i = 0; i < graph->jobs.n; i++) {
		graph->jobs.v[i]->refs++;
		sim_job_list_push(&(*exec)->jobs, graph->jobs.v[i]);
	}
	sim_made(THING_GRAPH_EXEC);
	sim_counts.captures++;
	return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
	if (!graph)
		return sim_error(cudaErrorInvalidValue);
	sim_job_list_release(&graph->jobs);
	free(graph);
	sim_gone(THING_GRAPH);
	return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream)
{
	if (SIM_FAILS())
		return sim_error(cudaErrorLaunchFailure);
	if (!exec)
		return sim_error(cudaErrorInvalidValue);
	if (sim_queue_stream_captures(stream)) { /* CUDA would make a child graph of it */
		sim_queue_spoil_captures();
		return sim_error(cudaErrorStreamCaptureUnsupported);
	}
	for (size_t i = 0; i < exec->jobs.n; i++) {
		exec->jobs.v[i]->refs++;
		sim_queue_append(stream, exec->jobs.v[i]);
	}
	sim_counts.graphs++;
	return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec)
{
	if (!exec)
		return sim_error(cudaErrorInvalidValue);
	sim_job_list_release(&exec->jobs);
	free(exec);
	sim_gone(THING_GRAPH_EXEC);
	return cudaSuccess;
}
