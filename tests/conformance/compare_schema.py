"""Compares proto/onnx.proto with the schema of the installed onnx package, field by field.

Run by hand: python tests/conformance/compare_schema.py (onnx 1.23.2; needs protoc). Prints each
difference and fails if there is one. The fields onnxtune_site are ours and passed over.
"""

import pathlib
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2
from onnx import onnx_ml_pb2

ROOT = pathlib.Path(__file__).parent.parent.parent


def ours():
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["protoc-c", f"--proto_path={ROOT / 'proto'}", f"--descriptor_set_out={out.name}",
                        str(ROOT / "proto" / "onnx.proto")], check=True)
        return descriptor_pb2.FileDescriptorSet.FromString(out.read()).file[0]


def facts(messages, enums, prefix=""):
    """A set of one tuple for each field and enum value."""
    for enum in enums:
        for v in enum.value:
            yield f"{prefix}{enum.name}.{v.name}", v.number
    for m in messages:
        name = prefix + m.name
        for f in m.field:
            if f.name == "onnxtune_site":
                continue
            one_of = m.oneof_decl[f.oneof_index].name if f.HasField("oneof_index") else ""
            yield (f"{name}.{f.name}", f.number, f.label, f.type, f.type_name, f.options.packed, one_of,
                   f.default_value)
        yield from facts(m.nested_type, m.enum_type, name + ".")


def main():
    theirs = descriptor_pb2.FileDescriptorProto()
    onnx_ml_pb2.DESCRIPTOR.CopyToProto(theirs)
    a, b = ours(), theirs
    x, y = set(facts(a.message_type, a.enum_type)), set(facts(b.message_type, b.enum_type))
    for fact in sorted(x - y, key=str):
        print("only in onnx.proto:", *fact)
    for fact in sorted(y - x, key=str):
        print("only in the package:", *fact)
    print(f"{len(x & y)} fields and values agree, {len(x ^ y)} differ")
    return a.package != b.package or x != y


if __name__ == "__main__":
    sys.exit(main())
