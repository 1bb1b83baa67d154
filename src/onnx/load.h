/*
 * load.h - an ONNX model as a graph of the IR, still with the operators and unknown axes of the file.
 *
 * Initializers, also those listed as inputs, and Constant nodes become constants whose data lies in
 * the mapped file where it can; each remembers where it is stored, for writing back. Nodes are
 * brought into a valid order. Operators are looked up at the model's opset; a node whose operator is
 * not known stays without a definition, and binding tells of it if an output needs it. Outputs have
 * the type that the file declares (DT_NONE where it declares none): a hint, which binding replaces.
 */
#ifndef ONNXTUNE_ONNX_LOAD_H
#define ONNXTUNE_ONNX_LOAD_H

#include "graph/graph.h"
#include "onnx/edit.h"
#include "onnx/file.h"
#include "onnx/save.h"

#define OPSET_OLDEST 7

struct model {
	struct onnx_file file;
	struct arena arena;
	struct graph *graph;
	int64_t opset; /* of ai.onnx */
	/* Per value of the graph: where a constant is stored (both NULL: nowhere). data unused. */
	struct onnx_change *sites;
	uint32_t n_sites;
	/* Per value: a constant has other content than the file by now; NULL: none has. */
	bool *replaced;
};

/*
 * Opens and converts a model. What is wrong with single nodes and tensors is added to problems, all
 * of it; the status then is that of the first.
 */
enum status MUST_CHECK model_load(const char *path, struct model **out, struct problems *problems,
				  struct error *err);
/* The same for a model in memory, which must outlive it. */
enum status MUST_CHECK model_load_memory(const void *data, size_t size, struct model **out,
					 struct problems *problems, struct error *err);
/* The same for the bytes of a model after edits (edit.h): a model of its own. */
enum status MUST_CHECK model_load_edited(const struct model *original,
					 const struct onnx_edits *edits, struct model **out,
					 struct problems *problems, struct error *err);
void model_free(struct model *model); /* NULL is fine */

/* The value of a metadata property of the model, or NULL. */
const char *model_metadata(const struct model *model, const char *key);

#endif
