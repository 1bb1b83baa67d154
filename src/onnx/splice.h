/*
 * splice.h - private to src/onnx: the bytes of a model with some payloads replaced.
 */
#ifndef ONNXTUNE_ONNX_SPLICE_H
#define ONNXTUNE_ONNX_SPLICE_H

#include "onnx/payload.h"
#include "onnx/save.h"

/* One message to be written anew, in all its spans. */
struct splice_job {
	enum splice_form {
		SPLICE_AT,       /* the bytes at `at` are replaced by as many of data */
		SPLICE_FIXED,    /* the chunks of `field`, fixed-width values */
		SPLICE_VARINT,   /* the chunks of `field`, units of dtype */
		SPLICE_LOCATION, /* the location of external data */
	} form;
	const uint32_t *sites;
	size_t n_sites;
	struct payload_field field;
	enum dtype dtype;
	size_t at;
	const uint8_t *data;
	const char *location;
	size_t done; /* bytes or units of data that were written */
};

/* A span that is written anew. */
struct splice_edit {
	uint32_t span, job;
};

struct splice {
	const struct onnx_file *file;
	ARRAY(struct splice_job) jobs;
	ARRAY(struct splice_edit) edits; /* in file order */
	int64_t *growth;                 /* bytes by which each span grows */
	uint64_t size;                   /* of the whole output */
};

/*
 * Plans the output. Changes of external tensors are passed over. `locations`, unless NULL, gives
 * each of file->externals its new location; external tensors were found before then.
 * ERR_INTERNAL: two changes of one message.
 */
enum status MUST_CHECK splice_init(struct splice *splice, struct onnx_file *file,
				   const struct onnx_change *changes, size_t n,
				   const char *const *locations, struct error *err);

/* Writes the output through the callback. */
typedef enum status splice_write(void *ctx, const void *data, size_t n, struct error *err);
enum status MUST_CHECK splice_run(struct splice *splice, splice_write *write, void *ctx,
				  struct error *err);

void splice_release(struct splice *splice);

#endif
