/*
 * backend.h - the contract of a device: memory, streams, events, capture and kernels.
 *
 * What is queued on a stream runs in order, possibly long after the call returned; different
 * streams are ordered by events only. Device memory may not be addressable by the host
 * (host_visible): all access goes through copy, fill and kernels. Work that was captured is replayed
 * with the arguments that it had when it was captured. tests/mockdev is a backend that makes every
 * one of these sentences bite.
 */
#ifndef ONNXTUNE_BACKEND_BACKEND_H
#define ONNXTUNE_BACKEND_BACKEND_H

#include "ops/target.h"

struct device; /* an open device; each backend defines its own */
struct stream;
struct event;
struct capture;

/* Memory that a kernel gets for each run; alignment is 64 bytes. */
struct kernel_io {
	void *const *in;  /* device memory of each input, NULL where absent */
	void *const *out; /* of each output; equal to an input's where the operator says alias or
			     the plan runs it in place */
	void *workspace;  /* as many bytes as create asked for, undefined content */
};

/*
 * One way to run one operator. Kernels of an operator are tried by falling rank; the first that
 * supports a call gets it. A kernel never allocates or blocks in run.
 */
struct kernel {
	const char *op;   /* name of the operator, of ai.onnx or ours; "": any */
	const char *name; /* for people: "onednn conv forward" */
	int rank;         /* 0: the usual; higher: tried first */
	/* Whether it can run the call; why (not NULL) gets a constant text when it can't. */
	bool (*supports)(const struct op_call *call, const char **why);
	/*
	 * Layouts it wishes for, see target.h; NULL: all plain. For a kernel of a POINTWISE operator
	 * that takes any common layout use propose_common.
	 */
	void (*propose)(const struct op_call *call, enum layout *in, enum layout *out);
	/* Called once per node at plan time. *workspace is preset to 0. */
	enum status (*create)(struct device *device, const struct op_call *call, void **state,
			      size_t *workspace, struct error *err);
	/*
	 * The same for a run of n calls that are executed as one, NULL: each is executed alone. They
	 * are of the same operator, which is not OP_INPLACE, and supported; none reads or writes
	 * what another one writes. `run` then gets the operands of all of them, those of one call
	 * after those of the one before, and one workspace.
	 */
	enum status (*create_run)(struct device *device, const struct op_call *calls, uint32_t n,
				  void **state, size_t *workspace, struct error *err);
	enum status (*run)(void *state, const struct kernel_io *io, struct stream *stream);
	/*
	 * Chooses the fastest of several ways to run it, if that was asked for (autotune), NULL: there is
	 * one. Called before any run, never within a capture, with the memory that run will get; it may
	 * change the content of outputs and workspace, and waits for the stream.
	 */
	enum status (*tune)(void *state, const struct kernel_io *io, struct stream *stream);
	void (*destroy)(void *state); /* NULL: nothing to free */
};

struct backend_options {
	int ordinal; /* which device of that kind */
	int threads; /* 0: as many as the machine has */
	bool autotune; /* kernels may be chosen by their speed; where they never are it does nothing */
};

struct backend {
	const char *name; /* "cpu", "cuda" */
	enum dtype
		half; /* what --precision auto computes in; DT_F32 where no half type is faster */
	bool host_visible; /* the host may read and write device memory while no work is pending */
	bool early_updates; /* a parameter is best updated as soon as its gradient is known, while that
			       is in a cache (passes/early.h); else all are, in a few calls */

	/* Whether device number `ordinal` can be used, and in one line why not. */
	enum status (*usable)(int ordinal, struct error *err);
	enum status (*open)(const struct backend_options *options, struct device **out,
			    struct error *err);
	void (*close)(struct device *device);
	const struct target *(*target)(struct device *device);
	/* "CPU, 2 threads, AVX-512, bfloat16": with half types that it computes in by itself */
	const char *(*describe)(struct device *device);
	uint64_t (*memory_total)(struct device *device); /* bytes that this process may use */

	/* The kernel for a call (never NULL: the reference is the last), see target.h for why. */
	const struct kernel *(*kernel)(struct device *device, const struct op_call *call,
				       const char **why);

	/* Why the last call that has no struct error failed, which is forgotten then: a constant
	 * text, or NULL. May be NULL itself: it is never known. */
	const char *(*reason)(struct device *device);
	/* What autotune has cost so far, or NULL: nothing. "3 products timed in 0.1 s". May be NULL
	 * itself: nothing is ever timed. */
	const char *(*tuned)(struct device *device);

	enum status (*alloc)(struct device *device, size_t bytes, void **out, struct error *err);
	void (*free)(struct device *device, void *p); /* no work that uses it may be pending */
	/* Host memory that copies run fastest from. */
	enum status (*alloc_host)(struct device *device, size_t bytes, void **out,
				  struct error *err);
	void (*free_host)(struct device *device, void *p);

	enum status (*stream_new)(struct device *device, struct stream **out, struct error *err);
	void (*stream_free)(struct stream *stream);
	/* Queued copies: host memory must stay valid until the stream has passed them. */
	enum status (*copy_in)(struct stream *stream, void *dst, const void *host, size_t bytes);
	enum status (*copy_out)(struct stream *stream, void *host, const void *src, size_t bytes);
	enum status (*copy)(struct stream *stream, void *dst, const void *src, size_t bytes);
	enum status (*fill)(struct stream *stream, void *dst, int byte, size_t bytes);
	/* Waits until all queued work has run; reports an error of that work. */
	enum status (*stream_wait)(struct stream *stream, struct error *err);

	enum status (*event_new)(struct device *device, struct event **out, struct error *err);
	void (*event_free)(struct event *event);
	enum status (*event_record)(struct event *event, struct stream *stream);
	enum status (*stream_wait_event)(struct stream *stream, struct event *event);
	enum status (*event_wait)(struct event *event, struct error *err); /* the host waits */

	/* Records the copies, fills and kernels that are queued from begin to end instead of running
	 * them. Until then no memory is allocated or freed, and the stream has no waits or events.
	 */
	enum status (*capture_begin)(struct stream *stream);
	enum status (*capture_end)(struct stream *stream, struct capture **out, struct error *err);
	enum status (*capture_launch)(struct capture *capture, struct stream *stream);
	void (*capture_free)(struct capture *capture);
};

/* The backend that is always there. */
extern const struct backend backend_cpu;

/* fail() for a call of the backend that has no struct error: the device's reason is added. */
enum status backend_fail(const struct backend *backend, struct device *device, struct error *err,
			 enum status status, const char *fmt, ...) PRINTF_LIKE(5, 6);
#define backend_fail(...)                                                                          \
	({                                                                                         \
		enum status fail_status_ = (backend_fail)(__VA_ARGS__);                            \
		if (fail_status_ == OK)                                                            \
			__builtin_unreachable();                                                   \
		fail_status_;                                                                      \
	})

/* ---- for backends ---- */

/* The first kernel of the table (ended by NULL) that supports the call, or NULL. */
const struct kernel *kernel_find(const struct kernel *const *table, const struct op_call *call,
				 const char **why);

/*
 * The layouts that the kernel wishes for which would get the call in them: target.propose of a
 * backend with this table.
 */
void kernel_propose(const struct kernel *const *table, const struct op_call *call, enum layout *in,
		    enum layout *out);

/* propose for pointwise kernels: the layout of the full-size inputs, channels-last if any is. */
void propose_common(const struct op_call *call, enum layout *in, enum layout *out);

/*
 * The reference implementation as a kernel for host memory: plain layouts, any type. Its run
 * executes at once, whatever the stream.
 */
extern const struct kernel kernel_reference;

#endif
