/*
 * splice.c - the bytes of a model with some payloads replaced (see splice.h).
 *
 * 1. Each changed message is a job: what is replaced, by what. Its spans are the edits.
 * 2. The edits are run without output to learn their sizes; from the innermost outwards each span
 *    adds its growth, and that of its own length prefix, to the one around it.
 * 3. One pass over the file copies what lies between, writes the lengths of spans that grew, and
 *    runs the edits again.
 */
#include "onnx/splice.h"

#include "onnx/external.h"

#include <stdlib.h>
#include <string.h>

/* Where bytes go. After a failure nothing more is written. */
struct sink {
	splice_write *write; /* NULL: only count */
	void *ctx;
	uint64_t n;
	enum status status;
	struct error *err;
};

static void put(struct sink *sink, const void *data, size_t n)
{
	sink->n += n;
	if (sink->write && n && sink->status == OK)
		sink->status = sink->write(sink->ctx, data, n, sink->err);
}

/* A length prefix that had `width` bytes. */
static void put_length(struct sink *sink, uint64_t value, size_t width)
{
	uint8_t b[WIRE_VARINT_MAX];
	put(sink, b, wire_put_varint(b, value, (unsigned)width));
}

static size_t length_width(uint64_t value, size_t width)
{
	size_t least = wire_varint_size(value);
	return least > width ? least : width;
}

/* One unit: the stored bytes if they mean the new value, else its shortest varint. */
static void put_unit(struct sink *sink, struct splice_job *job, const uint8_t *stored, size_t n,
		     uint64_t old)
{
	uint64_t value = payload_unit(job->dtype, job->data, job->done++), same = 0;
	payload_set_unit(job->dtype, &same, 0, old);
	uint8_t b[WIRE_VARINT_MAX];
	if (payload_unit(job->dtype, &same, 0) == value)
		put(sink, stored, n);
	else
		put(sink, b, wire_put_varint(b, value, 1));
}

static void put_units(struct sink *sink, const struct splice *splice, struct splice_job *job,
		      const struct wire_field *f)
{
	const uint8_t *data = splice->file->map.data;
	uint64_t old;
	for (size_t pos = f->value, start = pos; wire_varint(data, &pos, f->end, &old); start = pos)
		put_unit(sink, job, data + start, pos - start, old);
}

/* The field f of a job's message up to its end; its tag is written already. */
static void put_varints(struct sink *sink, const struct splice *splice, struct splice_job *job,
			const struct wire_field *f)
{
	if (f->type == WIRE_BYTES) {
		struct sink count = { 0 };
		size_t done = job->done;
		put_units(&count, splice, job, f);
		job->done = done;
		put_length(sink, count.n, f->value - f->length);
	}
	put_units(sink, splice, job, f);
}

/* An entry of external_data with the key location; its tag is written already. */
static void put_location(struct sink *sink, const struct splice *splice, struct splice_job *job,
			 const struct wire_field *f, const struct wire_field *value)
{
	const uint8_t *data = splice->file->map.data;
	size_t n = strlen(job->location), width = value->value - value->length;
	size_t rest = (f->end - f->value) - (value->end - value->length);
	put_length(sink, rest + length_width(n, width) + n, f->value - f->length);
	put(sink, data + f->value, value->length - f->value);
	put_length(sink, n, width);
	put(sink, job->location, n);
	put(sink, data + value->end, f->end - value->end);
}

/* The body of a span with its job's changes. */
static void put_edit(struct sink *sink, const struct splice *splice, struct splice_job *job,
		     const struct onnx_span *span)
{
	const uint8_t *data = splice->file->map.data;
	struct wire wire = { .data = data, .pos = span->body, .end = span->body + span->size };
	size_t pos = span->body;
	struct wire_field f;
	while (wire_next(&wire, &f)) {
		size_t n = f.end - f.value;
		if (job->form == SPLICE_AT) {
			if (f.value != job->at)
				continue;
			put(sink, data + pos, f.value - pos);
			put(sink, job->data, n);
		} else if (!payload_matches(job->field, &f)) {
			continue;
		} else if (job->form == SPLICE_FIXED) {
			put(sink, data + pos, f.value - pos);
			put(sink, job->data + job->done, n);
			job->done += n;
		} else if (job->form == SPLICE_VARINT) {
			put(sink, data + pos, f.length - pos);
			put_varints(sink, splice, job, &f);
		} else {
			struct external_entry e = external_entry(splice->file, &f);
			if (!external_key_is(&e, "location"))
				continue;
			put(sink, data + pos, f.length - pos);
			put_location(sink, splice, job, &f, &e.value_field);
		}
		pos = f.end;
	}
	put(sink, data + pos, span->body + span->size - pos);
}

/* The last occurrence of a singular field, which is the one that counts. */
static bool find_last(struct chunks chunks, size_t *at)
{
	struct wire_field f;
	bool found = false;
	while (chunks_next(&chunks, &f)) {
		if (f.type != chunks.field.type)
			continue;
		*at = f.value;
		found = true;
	}
	return found;
}

static enum status add_tensor(struct splice *splice, const Onnx__TensorProto *tensor,
			      const void *data, struct error *err)
{
	struct splice_job job = {
		.sites = tensor->onnxtune_site,
		.n_sites = tensor->n_onnxtune_site,
		.data = data,
	};
	struct tensor t;
	size_t size;
	TRY(payload_type(splice->file, tensor, &t, &size, err));
	TRY(payload_check(splice->file, tensor, err));
	if (t.dtype == DT_STRING) {
		fail(err, ERR_UNSUPPORTED, "strings can't be changed");
		return payload_error(splice->file, tensor, err);
	}
	job.dtype = t.dtype;
	job.field = payload_field(t.dtype);
	struct chunks raw = chunks_of(splice->file, job.sites, job.n_sites,
				      (struct payload_field){ TENSOR_RAW_DATA, WIRE_BYTES });
	if (find_last(raw, &job.at))
		job.form = SPLICE_AT;
	else
		job.form = job.field.type == WIRE_VARINT ? SPLICE_VARINT : SPLICE_FIXED;
	*array_push(&splice->jobs) = job;
	return OK;
}

static enum status add_attribute(struct splice *splice, const Onnx__AttributeProto *attribute,
				 const void *data, struct error *err)
{
	struct splice_job job = {
		.form = SPLICE_FIXED,
		.sites = attribute->onnxtune_site,
		.n_sites = attribute->n_onnxtune_site,
		.field = { ATTRIBUTE_FLOATS, WIRE_FIXED32 },
		.data = data,
	};
	if (!job.n_sites)
		return fail(err, ERR_INTERNAL, "%s: an attribute that is not of this file",
			    splice->file->path);
	if (!attribute->n_floats) {
		struct chunks f = chunks_of(splice->file, job.sites, job.n_sites,
					    (struct payload_field){ ATTRIBUTE_F, WIRE_FIXED32 });
		job.form = SPLICE_AT;
		if (!find_last(f, &job.at))
			return fail(err, ERR_INTERNAL, "%s: an attribute that holds no floats",
				    splice->file->path);
	}
	*array_push(&splice->jobs) = job;
	return OK;
}

static enum status add_location(struct splice *splice, struct onnx_file *file,
				const Onnx__TensorProto *tensor, const char *const *locations,
				struct error *err)
{
	struct tensor t;
	struct external_region region;
	size_t size;
	TRY(payload_type(file, tensor, &t, &size, err));
	TRY(external_find(file, tensor, size, &region, err));
	*array_push(&splice->jobs) = (struct splice_job){
		.form = SPLICE_LOCATION,
		.sites = tensor->onnxtune_site,
		.n_sites = tensor->n_onnxtune_site,
		.field = { TENSOR_EXTERNAL_DATA, WIRE_BYTES },
		.location = locations[region.file],
	};
	return OK;
}

static int compare_edits(const void *a, const void *b)
{
	const struct splice_edit *x = a, *y = b;
	return x->span < y->span ? -1 : x->span > y->span;
}

static enum status list_edits(struct splice *splice, struct error *err)
{
	const struct onnx_span *spans = splice->file->spans.v;
	for (uint32_t k = 0; k < splice->jobs.n; k++)
		for (size_t i = 0; i < splice->jobs.v[k].n_sites; i++)
			*array_push(&splice->edits) = (struct splice_edit){
				splice->jobs.v[k].sites[i], k
			};
	if (!splice->edits.n)
		return OK;
	qsort(splice->edits.v, splice->edits.n, sizeof *splice->edits.v, compare_edits);
	for (uint32_t i = 1; i < splice->edits.n; i++) {
		const struct onnx_span *before = &spans[splice->edits.v[i - 1].span];
		const struct onnx_span *span = &spans[splice->edits.v[i].span];
		if (span == before || span->body < before->body + before->size)
			return fail(err, ERR_INTERNAL, "%s: one message is changed twice",
				    splice->file->path);
	}
	return OK;
}

static void measure(struct splice *splice)
{
	const struct onnx_span *spans = splice->file->spans.v;
	splice->growth = mem_alloc(splice->file->spans.n * sizeof *splice->growth);
	for (uint32_t i = 0; i < splice->edits.n; i++) {
		const struct splice_edit *e = &splice->edits.v[i];
		struct sink count = { 0 };
		put_edit(&count, splice, &splice->jobs.v[e->job], &spans[e->span]);
		splice->growth[e->span] = (int64_t)(count.n - spans[e->span].size);
	}
	for (uint32_t i = splice->file->spans.n - 1; i > 0; i--) {
		int64_t growth = splice->growth[i];
		if (!growth)
			continue;
		size_t width = length_width(spans[i].size + (uint64_t)growth, spans[i].prefix);
		splice->growth[spans[i].parent] += growth + (int64_t)width - spans[i].prefix;
	}
	splice->size = splice->file->map.size + (uint64_t)splice->growth[0];
}

enum status splice_init(struct splice *splice, struct onnx_file *file,
			const struct onnx_change *changes, size_t n, const char *const *locations,
			struct error *err)
{
	enum status status = OK;
	*splice = (struct splice){ .file = file };
	for (size_t i = 0; i < n && status == OK; i++) {
		if (changes[i].attribute)
			status = add_attribute(splice, changes[i].attribute, changes[i].data, err);
		else if (!payload_is_external(changes[i].tensor))
			status = add_tensor(splice, changes[i].tensor, changes[i].data, err);
	}
	for (uint32_t i = 0; i < file->tensors.n && locations && status == OK; i++)
		if (payload_is_external(file->tensors.v[i]))
			status = add_location(splice, file, file->tensors.v[i], locations, err);
	if (status == OK)
		status = list_edits(splice, err);
	if (status == OK)
		measure(splice);
	else
		splice_release(splice);
	return status;
}

enum status splice_run(struct splice *splice, splice_write *write, void *ctx, struct error *err)
{
	const struct onnx_file *file = splice->file;
	struct sink sink = { .write = write, .ctx = ctx, .err = err };
	uint32_t next = 0;
	size_t pos = 0;
	for (uint32_t k = 0; k < splice->jobs.n; k++)
		splice->jobs.v[k].done = 0;
	for (uint32_t i = 0; i < file->spans.n; i++) {
		const struct onnx_span *span = &file->spans.v[i];
		if (splice->growth[i] && span->prefix) {
			size_t start = span->body - span->prefix;
			put(&sink, file->map.data + pos, start - pos);
			put_length(&sink, span->size + (uint64_t)splice->growth[i], span->prefix);
			pos = span->body;
		}
		if (next < splice->edits.n && splice->edits.v[next].span == i) {
			struct splice_job *job = &splice->jobs.v[splice->edits.v[next++].job];
			put(&sink, file->map.data + pos, span->body - pos);
			put_edit(&sink, splice, job, span);
			pos = span->body + span->size;
		}
	}
	put(&sink, file->map.data + pos, file->map.size - pos);
	return sink.status;
}

void splice_release(struct splice *splice)
{
	array_release(&splice->jobs);
	array_release(&splice->edits);
	free(splice->growth);
	splice->growth = NULL;
}
