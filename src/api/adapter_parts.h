/* adapter_parts.h - private to adapter.c and adapter_save.c: names in peft's files. */
#ifndef ONNXTUNE_API_ADAPTER_PARTS_H
#define ONNXTUNE_API_ADAPTER_PARTS_H

#include "api/adapter.h"

#define PREFIX "base_model.model."
#define WEIGHT ".weight"
#define ADAPTER_MODEL "adapter_model.safetensors"
#define ADAPTER_CONFIG "adapter_config.json"
#define ADAPTER_HEAD_ON "head_on"

/* The file of that name in a folder, or the path itself where it is none; free with free(). */
char *adapter_path(const char *path, const char *name);

bool adapter_ends_in(const char *text, const char *end);

#endif
