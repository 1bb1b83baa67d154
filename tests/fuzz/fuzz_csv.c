/* fuzz_csv.c - any bytes as a CSV file: records whose fields can be read, or an error. */
#include "data/csv.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct csv csv;
	struct error err;
	bool end = false;
	volatile size_t length = 0;
	csv_open(&csv, data, size);
	while (csv_next(&csv, &end, &err) == OK && !end)
		for (uint32_t i = 0; i < csv.n; i++) {
			double x = 0;
			length += strlen(csv_field(&csv, i)) + csv_number(csv_field(&csv, i), &x);
		}
	csv_release(&csv);
	return 0;
}
