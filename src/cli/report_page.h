/*
 * report_page.h - the HTML report of the commands tune and evaluate (eval/page.h): collects what it
 * shows. Free the texts with free().
 */
#ifndef ONNXTUNE_CLI_REPORT_PAGE_H
#define ONNXTUNE_CLI_REPORT_PAGE_H

#include "api/compare.h"
#include "api/tune.h"

char *report_page_tune(const struct tune_result *result);
/* comparison: with another model, or NULL. */
char *report_page_evaluate(const struct project *project, const struct evaluated *evaluated,
			   const struct comparison *comparison);

#endif
