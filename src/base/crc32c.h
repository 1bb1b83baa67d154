/*
 * crc32c.h - the check sum CRC-32C (Castagnoli): polynomial 0x1edc6f41, reflected, started and ended
 * with all bits inverted. Source: RFC 3720, appendix B.4.
 */
#ifndef ONNXTUNE_BASE_CRC32C_H
#define ONNXTUNE_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(const void *data, size_t n);

#endif
