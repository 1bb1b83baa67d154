/* reason.c - errors of calls that give a status alone, with what the device says (see backend.h). */
#include "backend/backend.h"

#include <stdarg.h>
#include <stdio.h>

enum status(backend_fail)(const struct backend *backend, struct device *device, struct error *err,
			  enum status status, const char *fmt, ...)
{
	const char *reason = backend->reason ? backend->reason(device) : NULL;
	char text[sizeof err->text];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	return fail(err, status, "%s%s%s", text, reason ? ": " : "", reason ? reason : "");
}
