/*
 * skeleton.h - private to src/onnx: the wire walk that turns a file into what protobuf-c may see.
 */
#ifndef ONNXTUNE_ONNX_SKELETON_H
#define ONNXTUNE_ONNX_SKELETON_H

#include "onnx/file.h"

/*
 * Walks file->map as a message of the given type, fills file->spans and unpacks file->root. The
 * skeleton that is unpacked has no payloads and no unknown fields, and an onnxtune_site field in
 * each TensorProto and AttributeProto for every span that it was read from.
 */
enum status MUST_CHECK skeleton_read(struct onnx_file *file, const ProtobufCMessageDescriptor *type,
				     struct error *err);

/* True for the fields of a TensorProto that hold elements. */
bool skeleton_is_payload(uint32_t number);

#endif
