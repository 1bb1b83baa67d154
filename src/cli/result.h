/*
 * result.h - what the commands tune and evaluate share: reports as text, JSON and HTML, and gates.
 */
#ifndef ONNXTUNE_CLI_RESULT_H
#define ONNXTUNE_CLI_RESULT_H

#include "api/project.h"
#include "cli/screen.h"

/* How a command shows its result. */
struct result_forms {
	screen_print *print;
	screen_document *document;
	char *(*page)(const void *result);
};

/* To the standard output, and to the --report file. */
enum status MUST_CHECK result_show(struct cli *cli, const struct config *config,
				   const struct result_forms *forms, const void *result,
				   struct error *err);

/* --fail-under: every gate that is not met gets a line; returns the exit status. */
int result_check_gates(struct cli *cli, const struct config *config, const struct gate_view *view);

/* Names of the classes; NULL: they have numbers. */
const char *const *result_names(const struct project *p);

/* The report under a title, with the confusion matrix if wanted. */
void result_print(FILE *out, const char *title, const struct project *p, const struct evaluation *e,
		  bool matrix);

/* The document that both commands add to: version, command, model, data, classes, preprocessing. */
json_t *result_json(const struct project *p, const char *command);

#endif
