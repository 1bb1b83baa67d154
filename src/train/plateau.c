/* plateau.c - counts epochs without a better loss (see plateau.h). */
#include "train/plateau.h"

#include <math.h>

bool plateau_epoch(struct plateau *plateau, double loss, double patience)
{
	double best = plateau->epochs > 0 ? plateau->best : INFINITY;
	bool better = loss < best * (1 - 1e-4);
	plateau->epochs++;
	plateau->best = better ? loss : best;
	plateau->bad = better ? 0 : plateau->bad + 1;
	if (plateau->bad <= patience)
		return false;
	plateau->bad = 0;
	return true;
}
