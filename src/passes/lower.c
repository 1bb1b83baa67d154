/* lower.c - the last passes before planning (see lower.h). */
#include "passes/lower.h"

#include "passes/casts.h"
#include "passes/conv_epilogue.h"
#include "passes/fuse.h"
#include "passes/gelu.h"
#include "passes/layout.h"
#include "passes/legalize.h"
#include "passes/masked_softmax.h"
#include "passes/phase.h"
#include "passes/strided.h"

enum status lower_apply(struct graph **graph, const struct target *target, struct error *err)
{
	TRY(gelu_apply(graph, err)); /* what isn't differentiated */
	TRY(casts_apply(graph, err));
	phase_mark(*graph);
	TRY(strided_apply(graph, target, err));
	phase_mark(*graph);
	TRY(masked_softmax_apply(graph, target, err));
	phase_mark(*graph);
	TRY(legalize_apply(graph, target, err));
	phase_mark(*graph);
	TRY(conv_epilogue_apply(graph, target, err));
	phase_mark(*graph);
	TRY(fuse_apply(graph, target, err));
	phase_mark(*graph);
	TRY(layout_apply(graph, target, err));
	phase_mark(*graph);
	return OK;
}
