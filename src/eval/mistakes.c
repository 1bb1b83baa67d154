/* mistakes.c - a short sorted list of the worst predictions (see mistakes.h). */
#include "eval/mistakes.h"

void mistakes_add(struct mistakes *mistakes, const struct mistake *mistake)
{
	uint32_t at = mistakes->n;
	mistakes->total++;
	while (at > 0 && mistakes->worst[at - 1].loss < mistake->loss)
		at--;
	if (at == MISTAKES_MAX)
		return;
	if (mistakes->n < MISTAKES_MAX)
		mistakes->n++;
	for (uint32_t i = mistakes->n - 1; i > at; i--)
		mistakes->worst[i] = mistakes->worst[i - 1];
	mistakes->worst[at] = *mistake;
}
