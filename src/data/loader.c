/*
 * loader.c - windows of batches with decoding ahead (see loader.h).
 *
 * Positions of the epoch's order are decoded into a ring of slots by any thread, as far ahead as
 * the ring is long (two windows). loader_next waits for the whole window, so that its weight is
 * known and damaged images are out of it before its first batch; then it copies rows. Decoded
 * pictures stay in the cache while it has room: which ones do is a matter of timing, what they
 * hold is not.
 */
#include "data/loader.h"

#include "data/balance.h"

#include "base/rng.h"
#include "data/targets.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct slot {
	struct picture picture;
	bool done;
	bool cached; /* the picture belongs to the cache */
	enum status status;
	struct error error;
};

struct loader {
	struct loader_options options;
	struct arena arena;
	uint32_t n; /* samples of the part */
	uint32_t *order;
	uint64_t epoch;
	struct balance balance; /* n_classes is 0: order is a permutation */
	struct tensor *inputs;  /* of a batch */
	struct tensor targets, weights;
	struct tensor mixed_targets, mixed_weights;
	void *partner;  /* a sample of an input */
	struct mix mix; /* of the window; lam is 1 without one */
	uint32_t *samples;

	/* The current window: positions [position, position + length) of the order. */
	uint32_t position, length;
	uint32_t *good, n_good; /* positions whose samples can be used */
	uint32_t given;         /* of the good ones */
	double window_weight;

	/* Images: guarded by the lock, but for the fields of a slot that is being decoded. */
	pthread_mutex_t lock;
	pthread_cond_t work, ready;
	pthread_t *threads;
	uint32_t n_threads;
	bool stop;
	struct slot *ring;
	uint32_t ring_size;
	uint32_t next;         /* the next position to decode */
	uint32_t limit;        /* positions below it may be decoded */
	uint32_t running;      /* positions being decoded */
	struct picture *cache; /* [n], without pixels where not cached */
	size_t cached;         /* bytes */
};

static struct slot *slot_of(struct loader *l, uint32_t position)
{
	return &l->ring[position % l->ring_size];
}

static void slot_clear(struct slot *s)
{
	if (!s->cached)
		image_release(&s->picture.image);
	*s = (struct slot){ 0 };
}

static enum status decode(const struct loader *l, uint32_t sample, struct picture *out,
			  struct error *err)
{
	bool whole = l->options.augment && l->options.augment->crops;
	const struct part *part = l->options.part;
	if (!part->paths)
		return preprocess_pixels(l->options.preprocess, &part->pixels,
					 part->rows ? part->rows[sample] : sample, whole, out, err);
	const char *path = part->paths[sample];
	struct file_map map = { 0 };
	TRY(file_map(path, &map, err));
	enum status status = preprocess_decode(l->options.preprocess, map.data, map.size, whole,
					       out, err);
	file_unmap(&map);
	return status;
}

/* Keeps a picture while there is room. Called with the lock; true when it belongs to the cache. */
static bool keep(struct loader *l, uint32_t sample, const struct picture *picture)
{
	const struct image *image = &picture->image;
	size_t bytes = (size_t)image->width * (size_t)image->height * (size_t)image->channels;
	if (l->cache[sample].image.pixels || bytes > l->options.cache_limit - l->cached)
		return false;
	l->cache[sample] = *picture;
	l->cached += bytes;
	return true;
}

/*
 * Decodes the next position, and augments what was decoded. Called with the lock, which it gives up
 * while it works.
 */
static void decode_next(struct loader *l)
{
	uint32_t position = l->next++, sample = l->order[position];
	const struct augment *augment = l->options.augment;
	struct slot *s = slot_of(l, position);
	struct picture base = l->cache[sample];
	l->running++;
	s->cached = base.image.pixels;
	if (!s->cached || augment) {
		pthread_mutex_unlock(&l->lock);
		if (!s->cached)
			s->status = decode(l, sample, &base, &s->error);
		if (augment && s->status == OK)
			s->status = augment_picture(augment, l->options.preprocess, l->epoch,
						    sample, &base, &s->picture, &s->error);
		pthread_mutex_lock(&l->lock);
	}
	if (!s->cached && base.image.pixels)
		s->cached = keep(l, sample, &base);
	if (augment && !s->cached)
		image_release(&base.image);
	if (augment)
		s->cached = false; /* the slot's picture is its own */
	else
		s->picture = base;
	s->done = true;
	l->running--;
	pthread_cond_broadcast(&l->ready);
}

static void *decoder(void *arg)
{
	struct loader *l = arg;
	pthread_mutex_lock(&l->lock);
	for (;;) {
		while (!l->stop && l->next >= l->limit)
			pthread_cond_wait(&l->work, &l->lock);
		if (l->stop)
			break;
		decode_next(l);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

/* Lets positions up to a ring's length behind `position` be decoded. Called with the lock. */
static void allow(struct loader *l, uint32_t position)
{
	uint32_t ahead = l->n - position;
	l->limit = position + (ahead < l->ring_size ? ahead : l->ring_size);
	pthread_cond_broadcast(&l->work);
}

static enum status start_threads(struct loader *l, struct error *err)
{
	sigset_t all, old;
	int rc = 0;
	l->threads = arena_alloc(&l->arena, l->options.decoders * sizeof *l->threads);
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (!rc && l->n_threads < l->options.decoders) {
		rc = pthread_create(&l->threads[l->n_threads], NULL, decoder, l);
		l->n_threads += !rc;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc ? fail(err, ERR_MEMORY, "can't start a thread: %s", strerror(rc)) : OK;
}

static enum status new_batch_tensor(struct loader *l, enum dtype dtype, const struct shape *shape,
				    struct tensor *out, struct error *err)
{
	size_t bytes = 0;
	struct tensor t = { dtype, *shape, NULL };
	t.shape.dim[0] = l->options.micro_batch;
	TRY(tensor_size(dtype, &t.shape, &bytes, err));
	TRY(mem_try_alloc(bytes, &t.data, err));
	*out = t;
	return OK;
}

enum status loader_check_mix(const struct mix_options *mix, const struct data_input *inputs,
			     uint32_t n_inputs, bool images, struct error *err)
{
	for (uint32_t i = 0; i < n_inputs; i++)
		if (!dtype_is_trainable(inputs[i].dtype))
			return fail(err, ERR_USAGE,
				    "--mixup and --cutmix mix numbers with a point, but the input "
				    "'%s' is %s",
				    inputs[i].name, dtype_name(inputs[i].dtype));
	if (mix->cutmix > 0 && !images)
		return fail(err, ERR_USAGE, "--cutmix: the data are arrays; it cuts images");
	return OK;
}

/* What mixing needs besides: as the batch itself, and room for a sample of the largest input. */
static enum status make_mixed(struct loader *l, struct error *err)
{
	size_t largest = 0;
	for (uint32_t i = 0; i < l->options.n_inputs; i++) {
		const struct tensor *t = &l->inputs[i];
		size_t bytes = tensor_bytes(t) / (size_t)t->shape.dim[0];
		largest = bytes > largest ? bytes : largest;
	}
	TRY(loader_check_mix(l->options.mix, l->options.inputs, l->options.n_inputs,
			     l->options.dataset->images, err));
	TRY(mem_try_alloc(largest, &l->partner, err));
	TRY(new_batch_tensor(l, l->targets.dtype, &l->targets.shape, &l->mixed_targets, err));
	return new_batch_tensor(l, DT_F32, &l->weights.shape, &l->mixed_weights, err);
}

static enum status make_batch(struct loader *l, struct error *err)
{
	const struct loader_options *o = &l->options;
	const struct part *part = o->part;
	l->inputs = arena_alloc(&l->arena, o->n_inputs * sizeof *l->inputs);
	for (uint32_t i = 0; i < o->n_inputs; i++) {
		struct shape shape;
		if (o->dataset->images) {
			const struct shape *sample = &o->preprocess->sample;
			shape.rank = sample->rank + 1;
			memcpy(shape.dim + 1, sample->dim,
			       (size_t)sample->rank * sizeof *sample->dim);
		} else {
			shape = part->arrays[i].shape;
		}
		TRY(new_batch_tensor(l, o->inputs[i].dtype, &shape, &l->inputs[i], err));
	}
	struct shape weights = part->targets.shape;
	if (o->dataset->targets == TARGETS_VALUES)
		weights.rank = 1;
	TRY(new_batch_tensor(l, part->targets.dtype, &part->targets.shape, &l->targets, err));
	TRY(new_batch_tensor(l, DT_F32, &weights, &l->weights, err));
	return o->mix ? make_mixed(l, err) : OK;
}

enum status loader_open(const struct loader_options *options, struct loader **out,
			struct error *err)
{
	struct loader *l = mem_alloc(sizeof *l);
	l->options = *options;
	l->n = options->part->n;
	arena_init(&l->arena);
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->work, NULL);
	pthread_cond_init(&l->ready, NULL);
	if (l->options.window > l->n)
		l->options.window = l->n;
	l->order = arena_alloc(&l->arena, l->n * sizeof *l->order);
	l->good = arena_alloc(&l->arena, l->options.window * sizeof *l->good);
	l->samples = arena_alloc(&l->arena, options->micro_batch * sizeof *l->samples);
	if (options->balanced)
		l->balance = balance_group(&options->part->targets, options->dataset->n_classes,
					   &l->arena);
	enum status status = make_batch(l, err);
	if (status == OK && options->dataset->images) {
		uint64_t size = (uint64_t)l->options.window * 2;
		l->ring_size = size < l->n ? (uint32_t)size : l->n;
		l->ring = arena_alloc(&l->arena, l->ring_size * sizeof *l->ring);
		l->cache = arena_alloc(&l->arena, l->n * sizeof *l->cache);
		status = start_threads(l, err);
	}
	if (status != OK) {
		loader_free(l);
		return status;
	}
	loader_start(l, 0, 0);
	*out = l;
	return OK;
}

void loader_free(struct loader *l)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	l->stop = true;
	pthread_cond_broadcast(&l->work);
	pthread_mutex_unlock(&l->lock);
	for (uint32_t i = 0; i < l->n_threads; i++)
		pthread_join(l->threads[i], NULL);
	for (uint32_t i = 0; i < l->ring_size; i++)
		slot_clear(&l->ring[i]);
	for (uint32_t i = 0; l->cache && i < l->n; i++)
		image_release(&l->cache[i].image);
	for (uint32_t i = 0; l->inputs && i < l->options.n_inputs; i++)
		free(l->inputs[i].data);
	free(l->targets.data);
	free(l->weights.data);
	free(l->mixed_targets.data);
	free(l->mixed_weights.data);
	free(l->partner);
	pthread_cond_destroy(&l->ready);
	pthread_cond_destroy(&l->work);
	pthread_mutex_destroy(&l->lock);
	arena_release(&l->arena);
	free(l);
}

uint32_t loader_windows(const struct loader *l)
{
	return (l->n - 1) / l->options.window + 1;
}

void loader_start(struct loader *l, uint64_t epoch, uint32_t window)
{
	pthread_mutex_lock(&l->lock);
	l->limit = 0;
	while (l->running)
		pthread_cond_wait(&l->ready, &l->lock);
	for (uint32_t i = 0; i < l->ring_size; i++)
		slot_clear(&l->ring[i]);
	l->epoch = epoch;
	if (l->balance.n_classes)
		balance_draw(&l->balance, l->options.seed, epoch, l->order, l->n);
	else if (l->options.shuffle)
		rng_permutation(l->options.seed, epoch, l->order, l->n);
	else
		for (uint32_t i = 0; i < l->n; i++)
			l->order[i] = i;
	uint64_t position = (uint64_t)window * l->options.window;
	l->position = position < l->n ? (uint32_t)position : l->n;
	l->length = l->n_good = l->given = 0;
	l->next = l->position;
	allow(l, l->position);
	pthread_mutex_unlock(&l->lock);
}

/* Waits until the position is decoded; without threads, decodes it. */
static void wait_for(struct loader *l, uint32_t position)
{
	pthread_mutex_lock(&l->lock);
	while (!slot_of(l, position)->done) {
		if (l->n_threads)
			pthread_cond_wait(&l->ready, &l->lock);
		else
			decode_next(l);
	}
	pthread_mutex_unlock(&l->lock);
}

/*
 * Whether the sample at the position can be used. A damaged image is reported; what is wrong with
 * the system rather than with the image ends the epoch.
 */
static enum status check_position(struct loader *l, uint32_t position, bool *good,
				  struct error *err)
{
	struct part *part = l->options.part;
	uint32_t sample = l->order[position];
	*good = true;
	if (!l->ring)
		return OK;
	wait_for(l, position);
	const struct slot *s = slot_of(l, position);
	if (s->status == OK)
		return OK;
	*good = false;
	if (part->paths && (s->status == ERR_INPUT || s->status == ERR_UNSUPPORTED))
		return dataset_report_corrupt(l->options.dataset, part, sample, &s->error, err);
	return fail(err, s->status, "%s", s->error.text);
}

/* Writes the weights of a sample's targets, at most `n` of them; returns their sum. */
static double sample_weights(const struct loader *l, uint32_t sample, float *out)
{
	const struct part *part = l->options.part;
	float weight = part->weights ? part->weights[sample] : 1;
	if (l->options.dataset->targets == TARGETS_VALUES) {
		if (out)
			*out = weight;
		return (double)weight;
	}
	int64_t per = shape_elements(&part->targets.shape) / part->n;
	const int64_t *classes = (const int64_t *)part->targets.data + (int64_t)sample * per;
	double sum = 0;
	for (int64_t i = 0; i < per; i++) {
		float w = classes[i] < 0 ? 0 : weight;
		if (classes[i] >= 0 && l->options.class_weights)
			w *= l->options.class_weights[classes[i]];
		if (out)
			out[i] = w;
		sum += (double)w;
	}
	return sum;
}

/* Goes on to the next window: its usable samples and its weight. */
static enum status open_window(struct loader *l, struct error *err)
{
	for (uint32_t p = l->position; l->ring && p < l->position + l->length; p++)
		slot_clear(slot_of(l, p));
	l->position += l->length;
	uint32_t left = l->n - l->position;
	l->length = left < l->options.window ? left : l->options.window;
	l->n_good = l->given = 0;
	l->window_weight = 0;
	if (l->ring) {
		pthread_mutex_lock(&l->lock);
		allow(l, l->position);
		pthread_mutex_unlock(&l->lock);
	}
	if (l->options.mix)
		l->mix = mix_draw(l->options.mix, l->epoch, l->position / l->options.window,
				  l->ring ? l->options.preprocess->height : 1,
				  l->ring ? l->options.preprocess->width : 1);
	for (uint32_t p = l->position; p < l->position + l->length; p++) {
		bool good;
		TRY(check_position(l, p, &good, err));
		if (!good)
			continue;
		l->good[l->n_good++] = p;
		l->window_weight += sample_weights(l, l->order[p], NULL);
	}
	return OK;
}

static size_t row_bytes(const struct tensor *t)
{
	return tensor_bytes(t) / (size_t)t->shape.dim[0];
}

/* Input i of the sample at the position, as it would be alone. */
static void write_sample(struct loader *l, uint32_t i, uint32_t position, void *to)
{
	const struct loader_options *o = &l->options;
	const struct part *part = o->part;
	uint32_t sample = l->order[position];
	struct tensor out = l->inputs[i];
	out.data = to;
	if (!l->ring) {
		int64_t per = shape_elements(&out.shape) / out.shape.dim[0];
		int64_t from = part->rows ? part->rows[sample] : sample;
		inputs_convert(&part->arrays[i], from * per, per, &out);
		return;
	}
	preprocess_write(o->preprocess, &slot_of(l, position)->picture, to);
	if (o->augment)
		augment_elements(o->augment, o->preprocess, l->epoch, sample, to);
}

/* Mixes input i of the sample at the position into what `to` holds. */
static void mix_sample(struct loader *l, uint32_t i, uint32_t position, void *to)
{
	const struct preprocess *p = l->options.preprocess;
	const struct tensor *in = &l->inputs[i];
	write_sample(l, i, position, l->partner);
	if (l->mix.cut)
		mix_cut(&l->mix, in->dtype, p->channels, p->height, p->width,
			p->layout == LAYOUT_NHWC, to, l->partner);
	else
		mix_blend(&l->mix, in->dtype, shape_elements(&in->shape) / in->shape.dim[0], to,
			  l->partner);
}

/* A sample's targets and weights, which count by the share. */
static void write_labels(const struct loader *l, uint32_t sample, uint32_t row, double share,
			 const struct tensor *targets, const struct tensor *weights)
{
	size_t bytes = row_bytes(targets);
	float *w = (float *)((char *)weights->data + row * row_bytes(weights));
	memcpy((char *)targets->data + row * bytes,
	       (const char *)l->options.part->targets.data + sample * bytes, bytes);
	sample_weights(l, sample, w);
	for (size_t k = 0; share != 1 && k < row_bytes(weights) / sizeof *w; k++)
		w[k] = (float)(w[k] * share);
}

/* Row `row` of the batch: good sample k of the window, mixed with its partner. */
static void write_row(struct loader *l, uint32_t row, uint32_t k)
{
	uint32_t position = l->good[k], partner = l->good[l->n_good - 1 - k];
	bool mixed = l->options.mix && l->mix.lam < 1;
	for (uint32_t i = 0; i < l->options.n_inputs; i++) {
		struct tensor *in = &l->inputs[i];
		void *to = (char *)in->data + row * row_bytes(in);
		write_sample(l, i, position, to);
		if (mixed)
			mix_sample(l, i, partner, to);
	}
	double share = l->options.mix ? l->mix.lam : 1;
	write_labels(l, l->order[position], row, share, &l->targets, &l->weights);
	if (l->options.mix)
		write_labels(l, l->order[partner], row, 1 - share, &l->mixed_targets,
			     &l->mixed_weights);
	l->samples[row] = l->order[position];
}

/* Fills the rows from n on with copies of the first, at weight 0. */
static void pad_rows(struct loader *l, uint32_t n)
{
	struct tensor *tensors[] = { l->inputs, &l->targets, &l->mixed_targets };
	uint32_t counts[] = { l->options.n_inputs, 1, l->options.mix != NULL };
	for (size_t k = 0; k < ARRAY_SIZE(tensors); k++)
		for (uint32_t i = 0; i < counts[k]; i++) {
			char *data = tensors[k][i].data;
			size_t bytes = row_bytes(&tensors[k][i]);
			for (uint32_t row = n; row < l->options.micro_batch; row++)
				memcpy(data + row * bytes, data, bytes);
		}
	size_t bytes = row_bytes(&l->weights), rest = (l->options.micro_batch - n) * bytes;
	memset((char *)l->weights.data + n * bytes, 0, rest);
	if (l->options.mix)
		memset((char *)l->mixed_weights.data + n * bytes, 0, rest);
	for (uint32_t row = n; row < l->options.micro_batch; row++)
		l->samples[row] = l->samples[0];
}

enum status loader_next(struct loader *l, struct batch *out, bool *end, struct error *err)
{
	while (l->given == l->n_good) {
		if (l->position + l->length == l->n) {
			*end = true;
			return OK;
		}
		TRY(open_window(l, err));
	}
	uint32_t left = l->n_good - l->given;
	uint32_t n = left < l->options.micro_batch ? left : l->options.micro_batch;
	for (uint32_t row = 0; row < n; row++)
		write_row(l, row, l->given + row);
	pad_rows(l, n);
	*out = (struct batch){
		.inputs = l->inputs,
		.targets = l->targets,
		.weights = l->weights,
		.mixed_targets = l->mixed_targets,
		.mixed_weights = l->mixed_weights,
		.n = n,
		.samples = l->samples,
		.window = l->position / l->options.window,
		.first = l->given,
		.window_samples = l->n_good,
		.window_weight = l->window_weight,
	};
	l->given += n;
	*end = false;
	return OK;
}
