/* value_device.h - the value of --device: auto, cpu, cuda or cuda:N. */
#ifndef ONNXTUNE_CLI_VALUE_DEVICE_H
#define ONNXTUNE_CLI_VALUE_DEVICE_H

#include "api/config.h"
#include "base/text.h"

/* ERR_USAGE says what is expected. */
enum status MUST_CHECK device_parse(const char *text, struct config_device *out, struct error *err);
void device_print(const struct config_device *device, struct text *out);

#endif
