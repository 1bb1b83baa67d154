/*
 * confusion.c - counts and the scores made of them (see confusion.h). Sums go through
 * pairwise_sum, which adds in NumPy's order.
 */
#include "eval/confusion.h"

#include <assert.h>
#include <stdlib.h>

void confusion_init(struct confusion *c, enum confusion_kind kind, uint32_t classes)
{
	*c = (struct confusion){ .kind = kind, .classes = classes };
	c->hits = mem_alloc(classes * sizeof(double));
	c->predicted = mem_alloc(classes * sizeof(double));
	c->support = mem_alloc(classes * sizeof(double));
	if (kind == CONFUSION_SINGLE_LABEL && classes <= CONFUSION_MATRIX_MAX)
		c->matrix = mem_alloc((size_t)classes * classes * sizeof(double));
}

void confusion_release(struct confusion *c)
{
	free(c->matrix);
	free(c->hits);
	free(c->predicted);
	free(c->support);
	array_release(&c->samples);
	array_release(&c->sample_weights);
}

void confusion_add(struct confusion *c, int64_t truth, int64_t predicted, double weight)
{
	assert(c->kind == CONFUSION_SINGLE_LABEL);
	assert(truth < c->classes && predicted >= 0 && predicted < c->classes);
	if (truth < 0)
		return;
	c->weighted |= weight != 1;
	c->total += weight;
	c->support[truth] += weight;
	c->predicted[predicted] += weight;
	if (truth == predicted) {
		c->hits[truth] += weight;
		c->exact += weight;
	}
	if (c->matrix)
		c->matrix[truth * c->classes + predicted] += weight;
}

/* 0 when nothing could be right or wrong (zero_division=0). */
static double ratio(double a, double b)
{
	return b == 0 ? 0 : a / b;
}

struct counts {
	double hits, predicted, support;
};

/* scikit-learn goes through false positives and negatives; the same when the weights are whole. */
static struct counts counts(double hits, double predicted, double support)
{
	return (struct counts){ hits, hits + (predicted - hits), hits + (support - hits) };
}

static struct scores scores(struct counts n)
{
	return (struct scores){
		.precision = ratio(n.hits, n.predicted),
		.recall = ratio(n.hits, n.support),
		.f1 = ratio(2 * n.hits, n.support + n.predicted),
	};
}

void confusion_add_multi(struct confusion *c, const uint8_t *truth, const uint8_t *predicted,
			 double weight)
{
	assert(c->kind == CONFUSION_MULTI_LABEL);
	double n_hits = 0, n_predicted = 0, n_true = 0;
	for (uint32_t i = 0; i < c->classes; i++) {
		bool t = truth[i], p = predicted[i];
		c->hits[i] += t && p ? weight : 0;
		c->predicted[i] += p ? weight : 0;
		c->support[i] += t ? weight : 0;
		n_hits += t && p;
		n_predicted += p;
		n_true += t;
	}
	c->weighted |= weight != 1;
	c->total += weight;
	if (n_hits == n_true && n_hits == n_predicted)
		c->exact += weight;
	*array_push(&c->samples) = scores(
		counts(n_hits * weight, n_predicted * weight, n_true * weight));
	*array_push(&c->sample_weights) = weight;
}

struct scores confusion_class(const struct confusion *c, uint32_t class)
{
	assert(class < c->classes);
	return scores(counts(c->hits[class], c->predicted[class], c->support[class]));
}

/*
 * The sum of n numbers `stride` apart, in the order of NumPy's add.reduce: up to 7 one after
 * another, up to 128 in 8 interleaved sums, more in two halves.
 */
static double pairwise_sum(const double *x, size_t n, size_t stride)
{
	if (n > 128) {
		size_t half = n / 2 - n / 2 % 8;
		return pairwise_sum(x, half, stride) +
		       pairwise_sum(x + half * stride, n - half, stride);
	}
	double sum = 0;
	size_t i = 0;
	if (n >= 8) {
		double r[8];
		for (size_t k = 0; k < 8; k++)
			r[k] = x[k * stride];
		for (i = 8; i < n - n % 8; i += 8)
			for (size_t k = 0; k < 8; k++)
				r[k] += x[(i + k) * stride];
		sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
	}
	for (; i < n; i++)
		sum += x[i * stride];
	return sum;
}

/*
 * The mean of n scores, which it overwrites. weights may be NULL; weights that sum to zero are ignored, as scikit-learn
 * does.
 */
static struct scores mean(struct scores *s, const double *weights, size_t n)
{
	const size_t stride = sizeof *s / sizeof(double);
	double total = weights ? pairwise_sum(weights, n, 1) : 0;
	if (total == 0)
		total = (double)n;
	else
		for (size_t i = 0; i < n; i++) {
			s[i].precision *= weights[i];
			s[i].recall *= weights[i];
			s[i].f1 *= weights[i];
		}
	return (struct scores){
		.precision = ratio(pairwise_sum(&s->precision, n, stride), total),
		.recall = ratio(pairwise_sum(&s->recall, n, stride), total),
		.f1 = ratio(pairwise_sum(&s->f1, n, stride), total),
	};
}

struct scores confusion_average(const struct confusion *c, enum average average,
				const uint32_t *which, uint32_t n)
{
	if (average == AVERAGE_SAMPLES) {
		struct scores *s = mem_alloc(c->samples.n * sizeof *s);
		for (uint32_t i = 0; i < c->samples.n; i++)
			s[i] = c->samples.v[i];
		struct scores result = mean(s, c->weighted ? c->sample_weights.v : NULL,
					    c->samples.n);
		free(s);
		return result;
	}
	n = which ? n : c->classes;
	const size_t stride = sizeof(struct counts) / sizeof(double);
	struct counts *k = mem_alloc(n * sizeof *k);
	struct scores *s = mem_alloc(n * sizeof *s), result;
	double *support = mem_alloc(n * sizeof *support);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t class = which ? which[i] : i;
		k[i] = counts(c->hits[class], c->predicted[class], c->support[class]);
		s[i] = scores(k[i]);
		support[i] = k[i].support;
	}
	if (average == AVERAGE_MICRO)
		result = scores((struct counts){ pairwise_sum(&k->hits, n, stride),
						 pairwise_sum(&k->predicted, n, stride),
						 pairwise_sum(&k->support, n, stride) });
	else
		result = mean(s, average == AVERAGE_WEIGHTED ? support : NULL, n);
	free(k);
	free(s);
	free(support);
	return result;
}

double confusion_accuracy(const struct confusion *c)
{
	return ratio(c->exact, c->total);
}
