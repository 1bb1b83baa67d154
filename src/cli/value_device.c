/* value_device.c - reads and prints the value of --device (see value_device.h). */
#include "cli/value_device.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = { "auto", "cpu", "cuda" };

enum status device_parse(const char *text, struct config_device *out, struct error *err)
{
	size_t name = strcspn(text, ":"),
	       digits = strspn(text + name + (text[name] == ':'), "0123456789");
	for (int k = 0; k < (int)ARRAY_SIZE(names); k++) {
		if (strlen(names[k]) != name || strncmp(names[k], text, name) != 0)
			continue;
		*out = (struct config_device){ (enum config_device_kind)k, 0 };
		if (!text[name])
			return OK;
		if (k == CONFIG_DEVICE_CUDA && digits && digits < 5 && !text[name + 1 + digits]) {
			out->ordinal = atoi(text + name + 1);
			return OK;
		}
	}
	return fail(err, ERR_USAGE, "'%s' is not 'auto', 'cpu', 'cuda' or 'cuda:N'", text);
}

void device_print(const struct config_device *device, struct text *out)
{
	text_add(out, "%s", names[device->kind]);
	if (device->ordinal)
		text_add(out, ":%d", device->ordinal);
}
