/*
 * host.c - the reference implementation of an operator within a stream of the GPU: its operands are
 * copied to the host, a function is called there, the results are copied back. For what has no kernel
 * yet; `inspect` lists it.
 */
#include "backend/cuda/cuda.h"

#include <stdlib.h>
#include <string.h>

struct host_call {
	struct device *device;
	void *reference;
	uint32_t n_in, n_out;
	size_t *bytes; /* of the inputs, then of the outputs; 0: absent */
	void **memory; /* theirs on the host */
	void **out;    /* what the outputs are formed in: memory of their own, or an input's */
	void *block;
};

static size_t operand_bytes(const struct op_operand *o)
{
	return o->t.dtype ? tensor_bytes(&o->t) : 0;
}

static void destroy(void *state)
{
	struct host_call *c = state;
	if (c->reference)
		kernel_reference.destroy(c->reference);
	cudaFreeHost(c->block);
	free(c->bytes);
	free(c->memory);
	free(c->out);
	free(c);
}

static enum status create(struct device *device, const struct op_call *call, void **state,
			  size_t *workspace, struct error *err)
{
	uint32_t n = call->n_in + call->n_out;
	size_t total = 0;
	struct host_call *c = mem_alloc(sizeof *c);
	*c = (struct host_call){ .device = device,
				 .n_in = call->n_in,
				 .n_out = call->n_out,
				 .bytes = mem_alloc(n * sizeof *c->bytes),
				 .memory = mem_alloc(n * sizeof *c->memory),
				 .out = mem_alloc((call->n_out + 1) * sizeof *c->out) };
	for (uint32_t k = 0; k < n; k++) {
		c->bytes[k] = operand_bytes(k < c->n_in ? &call->in[k] : &call->out[k - c->n_in]);
		total += (c->bytes[k] + 63) & ~(size_t)63;
	}
	enum status status = kernel_reference.create(device, call, &c->reference, workspace, err);
	cudaError_t code = cudaSuccess;
	if (status == OK)
		code = cudaMallocHost(&c->block, total ? total : 1);
	if (code != cudaSuccess)
		status = cuda_failed(err, code, "%zu bytes of host memory", total);
	if (status != OK) {
		destroy(c);
		return status;
	}
	size_t at = 0;
	for (uint32_t k = 0; k < n; k++) {
		c->memory[k] = c->bytes[k] ? (char *)c->block + at : NULL;
		at += (c->bytes[k] + 63) & ~(size_t)63;
	}
	*state = c;
	return OK;
}

static void call_reference(void *state)
{
	struct host_call *c = state;
	struct kernel_io io = { .in = c->memory, .out = c->out };
	if (kernel_reference.run(c->reference, &io, NULL) != OK)
		*c->device->failed = 1;
}

static enum status run(void *state, const struct kernel_io *io, struct stream *stream)
{
	struct host_call *c = state;
	cudaStream_t handle = stream->handle;
	cudaError_t code = cudaSuccess;
	for (uint32_t k = 0; k < c->n_in && code == cudaSuccess; k++)
		if (c->bytes[k] && io->in[k])
			code = cudaMemcpyAsync(c->memory[k], io->in[k], c->bytes[k],
					       cudaMemcpyDeviceToHost, handle);
	for (uint32_t k = 0; k < c->n_out; k++) {
		c->out[k] = c->memory[c->n_in + k];
		for (uint32_t j = 0; j < c->n_in; j++)
			if (io->out[k] && io->out[k] == io->in[j])
				c->out[k] = c->memory[j]; /* in place there, in place here */
	}
	if (code == cudaSuccess)
		code = cudaLaunchHostFunc(handle, call_reference, c);
	for (uint32_t k = 0; k < c->n_out && code == cudaSuccess; k++)
		if (c->bytes[c->n_in + k] && io->out[k])
			code = cudaMemcpyAsync(io->out[k], c->out[k], c->bytes[c->n_in + k],
					       cudaMemcpyHostToDevice, handle);
	return cuda_status(code);
}

static bool supports(const struct op_call *call, const char **why)
{
	return kernel_reference.supports(call, why);
}

const struct kernel cuda_host = {
	.op = "",
	.name = "reference on the host",
	.rank = -1,
	.supports = supports,
	.create = create,
	.run = run,
	.destroy = destroy,
};
