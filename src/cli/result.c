/* result.c - what the commands tune and evaluate share (see result.h). */
#include "cli/result.h"

#include "base/file.h"
#include "eval/report.h"

#include <stdlib.h>
#include <string.h>

int result_check_gates(struct cli *cli, const struct config *config, const struct gate_view *view)
{
	int status = EXIT_DONE;
	for (uint32_t i = 0; i < config->fail_under.n; i++) {
		const struct gate *gate = &config->fail_under.v[i];
		double value;
		if (gate_met(gate, view, &value))
			continue;
		screen_line(cli, "onnxtune: %s is %.6g, --fail-under asks for %.6g", gate->name,
			    value, gate->bound);
		status = EXIT_GATE;
	}
	return status;
}

const char *const *result_names(const struct project *p)
{
	return p->dataset.labels.names;
}

void result_print(FILE *out, const char *title, const struct project *p, const struct evaluation *e,
		  bool matrix)
{
	char *text = evaluation_text(e, result_names(p));
	char *square = matrix && e->confusion ? report_matrix(e->confusion, result_names(p)) : NULL;
	fprintf(out, "%s\n\n%s\n", title, text);
	if (square)
		fprintf(out, "%s\n", square);
	free(text);
	free(square);
}

static json_t *mapping_json(const struct project *p)
{
	const struct label_map *map = &p->dataset.labels;
	json_t *classes = json_array();
	for (uint32_t i = 0; i < map->n_folders; i++)
		json_array_append_new(classes, json_pack("{s:o, s:i}", "folder",
							 screen_string(map->folders[i]), "class",
							 (int)map->classes[i]));
	return classes;
}

static json_t *preprocessing_json(const struct project *p)
{
	json_t *o = json_object();
	for (int i = 0; i < SETTING_COUNT && p->dataset.images; i++) {
		char text[SETTING_TEXT];
		enum setting s = (enum setting)i;
		json_object_set_new(o, setting_name(s),
				    json_pack("{s:s, s:s}", "value",
					      preprocess_format(&p->preprocess, s, text), "source",
					      setting_source_name(p->preprocess.source[i])));
	}
	return o;
}

json_t *result_json(const struct project *p, const char *command)
{
	return json_pack("{s:i, s:s, s:o, s:o, s:o, s:o}", "version", REPORT_VERSION, "command",
			 command, "model", screen_string(p->config->model), "data",
			 screen_string(p->config->data), "mapping", mapping_json(p),
			 "preprocessing", preprocessing_json(p));
}

enum status result_show(struct cli *cli, const struct config *config,
			const struct result_forms *forms, const void *result, struct error *err)
{
	char *text = screen_format(forms->print, forms->document, config->json, result);
	terminal_clear(cli->terminal);
	fputs(text, cli->out);
	free(text);
	if (!config->report)
		return OK;
	enum report_form form = report_form_of(config->report);
	text = form == REPORT_HTML
		       ? forms->page(result)
		       : screen_format(forms->print, forms->document, form == REPORT_JSON, result);
	enum status status = file_write_all(config->report, text, strlen(text), err);
	free(text);
	return status;
}
