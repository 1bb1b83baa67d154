/*
 * output_folder.h - a tuned model in a folder of its own, with the files that other programs look
 * for beside it.
 *
 *	DIR/model.onnx
 *	DIR/config.json               id2label, label2id, num_labels; where the data has classes
 *	DIR/preprocessor_config.json  the settings of the run's images, or the original's file
 *
 * The JSON files are the original model's, if they lie beside it, with what is new in them.
 */
#ifndef ONNXTUNE_API_OUTPUT_FOLDER_H
#define ONNXTUNE_API_OUTPUT_FOLDER_H

#include "api/project.h"
#include "onnx/save.h"

/* True when --output names a folder: it ends in a slash. */
bool output_is_folder(const struct config *config);

/* Makes the folder if it is not there; *made: it was not. */
enum status MUST_CHECK output_make_folder(const struct config *config, bool *made,
					  struct error *err);
/* Removes an empty folder that was made. */
void output_remove_folder(const struct config *config, bool made);

/*
 * onnx_save of the project's model to path; into a folder with the files beside it. They appear all or,
 * but for the moment between two renames, none.
 */
enum status MUST_CHECK output_save(const struct project *project, const char *path,
				   const struct onnx_change *changes, uint32_t n,
				   struct error *err);

#endif
