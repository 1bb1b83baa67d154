/*
 * crc32.h - the check sum CRC-32 of zip files and of zlib: polynomial 0x04c11db7, reflected, started
 * and ended with all bits inverted. At the speed of memory where the machine multiplies without
 * carries.
 */
#ifndef ONNXTUNE_BASE_CRC32_H
#define ONNXTUNE_BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* The sum of what has the sum `crc` (0: nothing) with n more bytes behind it. */
uint32_t crc32_add(uint32_t crc, const void *data, size_t n);

#endif
