"""Makes the model files of tests/data/onnx and tests/fuzz/corpus/onnx.

Run by hand: python models/generate_onnx_files.py (onnx 1.23.2, numpy 2.4.6, protobuf 7.36.2).

Each NAME.onnx has a NAME.changed.onnx, the same model with other elements, and a NAME.txt that lists
every tensor, as the onnx package reads it from the two:

    NAME DTYPE DIMS BEFORE AFTER

DTYPE is ONNX's number, DIMS "2x3" or "-" for a scalar; BEFORE and AFTER are the elements as raw_data
would hold them, in hexadecimal ("-" when there are none); for strings, each one, with commas. Lines
that start with "@" are the floats of an attribute of the node of that name.
"""

import pathlib
import shutil

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, TensorProto, TypeProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).parent.parent
OUT = ROOT / "tests" / "data" / "onnx"
CORPUS = ROOT / "tests" / "fuzz" / "corpus" / "onnx"
T = TensorProto
FLOATS = {T.FLOAT: 4, T.DOUBLE: 8, T.COMPLEX64: 8, T.COMPLEX128: 16}
INT32 = [T.UINT8, T.INT8, T.UINT16, T.INT16, T.INT32, T.BOOL, T.FLOAT16, T.BFLOAT16, T.FLOAT8E4M3FN,
         T.FLOAT8E4M3FNUZ, T.FLOAT8E5M2, T.FLOAT8E5M2FNUZ, T.UINT4, T.INT4, T.FLOAT4E2M1, T.FLOAT8E8M0,
         T.UINT2, T.INT2, T.FLOAT6E2M3, T.FLOAT6E3M2]
BITS = {T.UINT8: 8, T.INT8: 8, T.UINT16: 16, T.INT16: 16, T.INT32: 32, T.BOOL: 8, T.FLOAT16: 16,
        T.BFLOAT16: 16, T.UINT4: 4, T.INT4: 4, T.FLOAT4E2M1: 4, T.UINT2: 2, T.INT2: 2, T.FLOAT6E2M3: 6,
        T.FLOAT6E3M2: 6, T.INT64: 64, T.UINT32: 32, T.UINT64: 64, T.FLOAT: 32, T.DOUBLE: 64,
        T.COMPLEX64: 64, T.COMPLEX128: 128}


def packed_bytes(tensor, folder=""):
    """The elements as raw_data, from what the onnx package reads."""
    if tensor.data_type == T.STRING:
        return tuple(tensor.string_data)
    array = numpy_helper.to_array(tensor, folder)
    bits = BITS.get(tensor.data_type, 8)
    if bits >= 8:
        return array.tobytes()
    values = array.reshape(-1).view(np.uint8)
    stream = 0
    for i, v in enumerate(values):
        stream |= (int(v) & ((1 << bits) - 1)) << (bits * i)
    return stream.to_bytes((bits * len(values) + 7) // 8, "little")


def tensors_of(message):
    """Every TensorProto below a message, depth first."""
    if isinstance(message, TensorProto):
        yield message
    for field, value in message.ListFields():
        if field.message_type:
            for child in value if field.is_repeated else [value]:
                yield from tensors_of(child)


def attribute_floats(message):
    """(node name, bytes) of float and floats attributes in the main graph."""
    for node in message.graph.node:
        for a in node.attribute:
            if a.type in (a.FLOAT, a.FLOATS):
                values = a.floats if a.type == a.FLOATS else [a.f]
                yield node.name, np.array(values, np.float32).tobytes()


def text(value):
    if isinstance(value, tuple):
        return ",".join(s.hex() for s in value) or "-"
    return value.hex() or "-"


def parse(data):
    model = ModelProto()
    model.ParseFromString(data)
    return model


def write(name, before, after, folder=""):
    (OUT / f"{name}.onnx").write_bytes(before)
    (OUT / f"{name}.changed.onnx").write_bytes(after)
    a, b = parse(before), parse(after)
    lines = []
    for s, t in zip(tensors_of(a), tensors_of(b), strict=True):
        dims = "x".join(map(str, s.dims)) or "-"
        lines.append(f"{s.name} {s.data_type} {dims} {text(packed_bytes(s))} {text(packed_bytes(t))}")
    for (node, x), (_, y) in zip(attribute_floats(a), attribute_floats(b), strict=True):
        lines.append(f"@{node} 1 {len(x) // 4} {text(x)} {text(y)}")
    assert len({line.split()[0] for line in lines}) == len(lines), "names must differ"
    (OUT / f"{name}.txt").write_text("\n".join(lines) + "\n")


# Every data type in every form, as the onnx package writes them.


def form(dtype, typed, dims, rng, name):
    n = int(np.prod(dims))
    t = T(dims=dims, data_type=dtype, name=name)
    if dtype == T.STRING:
        t.string_data.extend([b"", b"a\0b", "äé".encode()][:n])
        return t
    bits = BITS.get(dtype, 8)
    if dtype == T.BOOL:
        units = [int(x) for x in rng.integers(0, 2, n)]
    elif bits < 6:
        units = [int(x) for x in rng.integers(0, 256, (n * bits + 7) // 8)]
        if n * bits % 8:
            units[-1] &= (1 << n * bits % 8) - 1
    else:
        units = [int.from_bytes(rng.bytes(16), "little") & ((1 << bits) - 1) for _ in range(n)]
        units[: n // 2] = [u & 0x3F for u in units[: n // 2]]  # varints of all lengths
    if not typed:
        width = 8 if bits < 6 else bits
        stream = sum(u << (width * i) for i, u in enumerate(units))
        t.raw_data = stream.to_bytes((n * bits + 7) // 8, "little")
    elif dtype in FLOATS:
        raw = rng.standard_normal(n * 2).astype(np.float64)
        if dtype in (T.FLOAT, T.COMPLEX64):
            t.float_data.extend(raw.astype(np.float32)[: n * (dtype == T.COMPLEX64) + n])
        else:
            t.double_data.extend(raw[: n * (dtype == T.COMPLEX128) + n])
    else:
        field = {T.INT64: "int64_data", T.UINT32: "uint64_data", T.UINT64: "uint64_data"}.get(
            dtype, "int32_data")
        if dtype in (T.INT8, T.INT16, T.INT32, T.INT64):
            units = [u - (1 << bits) if u >> (bits - 1) else u for u in units]
        getattr(t, field).extend(units)
    return t


def forms(seed):
    rng = np.random.default_rng(seed)
    graph = GraphProto(name="forms")
    for dtype in range(1, 29):
        for typed in (False, True):
            if dtype == T.STRING and not typed:
                continue
            name = T.DataType.Name(dtype).lower() + (".typed" if typed else ".raw")
            # An odd count, so that small types end within a byte.
            dims = [3] if dtype == T.STRING else [1, 7]
            graph.initializer.append(form(dtype, typed, dims, rng, name))
    graph.initializer.append(T(name="empty", data_type=T.FLOAT, dims=[2, 0, 3]))
    graph.initializer.append(T(name="empty.raw", data_type=T.INT64, dims=[0], raw_data=b""))
    scalar = T(name="scalar", data_type=T.FLOAT, float_data=[rng.standard_normal()])
    graph.initializer.append(scalar)
    return ModelProto(ir_version=10, producer_name="onnxtune", graph=graph)


def write_forms():
    (OUT / "tensor.pb").write_bytes(T(dims=[2, 3], data_type=T.INT64, int64_data=range(6)).SerializeToString())
    before, after = forms(1), forms(2)
    for t, u in zip(before.graph.initializer, after.graph.initializer, strict=True):
        if t.data_type == T.STRING:
            u.CopyFrom(t)
    write("forms", before.SerializeToString(), after.SerializeToString())


# Tensors everywhere but in initializers.


def array(seed, name, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return numpy_helper.from_array(rng.standard_normal(4).astype(dtype), name)


def places(seed):
    rng = np.random.default_rng(seed)
    constant = lambda name, **attribute: helper.make_node("Constant", [], [name], name=name, **attribute)
    inner = helper.make_graph(
        [constant("deep", value=array(seed + 1, "in.if.node"))], "inner", [],
        [helper.make_tensor_value_info("deep", 1, [4])], [array(seed + 2, "in.if", np.float16)])
    other = helper.make_graph(
        [helper.make_node("If", ["c"], ["y"], name="nested", then_branch=inner, else_branch=inner)],
        "other", [], [helper.make_tensor_value_info("y", 1, [4])])
    for i, a in enumerate(other.node[0].attribute):
        for t in tensors_of(a):
            t.name += f".{i}"
    sparse = helper.make_sparse_tensor(array(seed + 3, "sparse.values"),
                                       numpy_helper.from_array(np.arange(4), "sparse.indices"), [9])
    sparse_attribute = helper.make_sparse_tensor(
        array(seed + 4, "attribute.values"), numpy_helper.from_array(np.arange(4), "attribute.indices"), [9])
    nodes = [
        constant("tensor", value=array(seed + 5, "constant")),
        constant("one", value_float=float(rng.standard_normal())),
        constant("many", value_floats=[float(x) for x in rng.standard_normal(5)]),
        constant("sparse", sparse_value=sparse_attribute),
        helper.make_node("If", ["c"], ["z"], name="if", then_branch=other, else_branch=other),
        helper.make_node("List", [], ["l"], name="list", domain="local",
                         tensors=[array(seed + 6, "list.0"), array(seed + 7, "list.1")]),
    ]
    for i, a in enumerate(nodes[4].attribute):
        for t in tensors_of(a):
            t.name += f".{i}"
    graph = helper.make_graph(nodes, "places", [helper.make_tensor_value_info("c", T.BOOL, [])],
                              [helper.make_tensor_value_info("z", 1, [4])], [array(seed + 8, "weight")],
                              sparse_initializer=[sparse])
    function = helper.make_function("local", "F", ["x"], ["y"], [
        constant("k", value=array(seed + 9, "in.function"))], [helper.make_opsetid("", 17)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], functions=[function],
                              producer_name="onnxtune")
    model.ir_version = 10
    info = model.training_info.add()
    info.algorithm.initializer.append(array(seed + 10, "in.training"))
    return model


def write_places():
    before, after = places(1), places(101)
    for t, u in zip(tensors_of(before), tensors_of(after), strict=True):
        if t.data_type == T.INT64:
            u.CopyFrom(t)
    write("places", before.SerializeToString(), after.SerializeToString())


# Encodings that the onnx package reads but never writes.


def varint(value, width=1):
    out = bytearray()
    while value > 127 or len(out) + 1 < width:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def tag(number, wire, width=1):
    return varint(number << 3 | wire, width)


def bytes_field(number, data, length=1, width=1):
    return tag(number, 2, width) + varint(len(data), length) + data


def varint_field(number, value, width=1):
    return tag(number, 0) + varint(value & 0xFFFFFFFFFFFFFFFF, width)


def tensor(name, dtype, dims, *payload):
    head = b"".join(varint_field(1, d) for d in dims) + varint_field(2, dtype)
    return head + b"".join(payload) + bytes_field(8, name.encode())


UNKNOWN = (varint_field(99, 5, 10) + tag(98, 1) + b"8 bytes!" + bytes_field(97, b"\xff\x00?") + tag(96, 5)
           + b"4by!" + varint_field(536870911, 0) + varint_field(536870911, 7))
GRAPH, NODE, INITIALIZER, ATTRIBUTE = 7, 1, 5, 5


def f32(x, a=0, b=None):
    return np.asarray(x, np.float32)[a:b].tobytes()


def encodings(change):
    """change: 0 for the elements before, 1 after."""
    x = np.arange(6, dtype=np.float32) + 100 * change
    half = [[0x3C00, 0xBC00, 0x0001, 0x4000], [0xBC00, 0xBC00, 0x0001, 0x0000]][change]
    # Known fields of wire types that they don't have: no reader takes them for what they are not.
    wrong = varint_field(4, 5) + tag(1, 5) + b"dims" + varint_field(8, 5) + tag(9, 1) + b"raw_data"
    initializers = [
        tensor("wrong", T.FLOAT, [1], wrong, tag(4, 5) + f32(x, 0, 1), wrong),
        tensor("unpacked", T.FLOAT, [6], *[tag(4, 5) + f32(x, i, i + 1) for i in range(6)]),
        # Packed and unpacked chunks, one empty, other fields between, tags and lengths padded.
        tensor("chunks", T.FLOAT, [2, 3], bytes_field(4, f32(x, 0, 2), 3), UNKNOWN, bytes_field(4, b""),
               tag(4, 5, 3) + f32(x, 2, 3), varint_field(2, T.FLOAT), bytes_field(4, f32(x, 3), 1, 4)),
        # The last raw_data counts; typed data beside it does not.
        tensor("two.raw", T.FLOAT, [2], bytes_field(9, b"not this"), bytes_field(4, b"nor this"),
               bytes_field(9, f32(x, 0, 2), 5)),
        tensor("two.types", T.DOUBLE, [1], varint_field(2, T.DOUBLE),
               tag(10, 1) + np.float64(1.5 + change).tobytes()),
        # Each unchanged value keeps its encoding, a changed one gets the shortest.
        tensor("half.unpacked", T.FLOAT16, [4], *[
            tag(5, 0, 2) + varint(v, 5 if v == old else 1)
            for v, old in zip(half, [0x3C00, 0xBC00, 0x0001, 0x4000])]),
        tensor("half.padded", T.FLOAT16, [4], bytes_field(5, b"".join(
            varint(v, 4 if v == old else 1) for v, old in zip(half, [0x3C00, 0xBC00, 0x0001, 0x4000])), 2)),
        # Stored with more bits than the type has.
        tensor("int8.wide", T.INT8, [3], bytes_field(5, varint(0xFFFFFFFFFFFFFF80) + varint(
            2 if change else 0x7F) + varint(0xFFFFFFFFFFFFFFFD if change else 0xFE))),
        tensor("int32.negative", T.INT32, [2], varint_field(5, -1 if change else 5), varint_field(5, -2)),
    ]
    # Over 127 bytes after the change, so that the lengths around it get longer too.
    grows = tensor("grows", T.BFLOAT16, [20], bytes_field(5, varint(0xFFFF if change else 1) * 20))
    grows = bytes_field(1, b"value") + bytes_field(5, grows + bytes_field(12, b"d" * 60)) + varint_field(20, 4)
    # Fields of a tensor before its type; a tensor attribute in two parts, which are merged.
    parts = [bytes_field(4, f32(x, 0, 1)) + bytes_field(8, b"first name") + varint_field(1, 2),
             varint_field(2, T.FLOAT) + UNKNOWN + bytes_field(8, b"merged") + bytes_field(4, f32(x, 1, 2))]
    merged = bytes_field(1, b"value") + b"".join(bytes_field(5, p, 2) for p in parts) + varint_field(20, 4)
    single = tag(2, 5) + f32([7]) + bytes_field(1, b"value_float") + tag(2, 5) + f32(x, 1, 2) + varint_field(20, 1)
    single += bytes_field(2, b"f, f") + varint_field(2, 1)
    many = (tag(7, 5) + f32(x, 0, 1) + bytes_field(7, f32(x, 1, 3), 2) + tag(7, 5) + f32(x, 3, 4)
            + bytes_field(1, b"value_floats") + varint_field(20, 6) + tag(7, 5) + f32(x, 4, 5))
    node = lambda name, attribute, width: bytes_field(NODE, bytes_field(4, b"Constant") + bytes_field(
        3, name) + bytes_field(2, name) + bytes_field(ATTRIBUTE, attribute, width))
    # The graph in two parts, with a string that holds NUL and with unknown fields.
    one = bytes_field(2, b"na\0me") + UNKNOWN + b"".join(bytes_field(INITIALIZER, t) for t in initializers[:5])
    two = (node(b"merged", merged, 4) + node(b"single", single, 1) + node(b"many", many, 1)
           + node(b"grows", grows, 1)
           + b"".join(bytes_field(INITIALIZER, t, 2) for t in initializers[5:]) + UNKNOWN)
    return (bytes_field(GRAPH, one, 3) + UNKNOWN + bytes_field(2, b"pro\0ducer") + varint_field(1, 10, 7)
            + bytes_field(GRAPH, two) + bytes_field(8, varint_field(2, 17)))


# External data.


def external(renamed=None):
    def entry(name, dims, dtype, **keys):
        t = T(name=name, dims=dims, data_type=dtype, data_location=T.EXTERNAL)
        for k, v in keys.items():
            if k == "location" and renamed:
                v = renamed[v]
            t.external_data.add(key=k, value=str(v))
        return t
    graph = GraphProto(name="external")
    graph.initializer.extend([
        entry("a", [2, 2], T.FLOAT, location="weights.bin", offset=8, length=16),
        entry("b", [4], T.FLOAT16, location="weights.bin", offset=32, length=8),
        entry("b.again", [4], T.FLOAT16, length=8, offset=32, location="weights.bin"),
        entry("other", [3], T.INT8, location="./sub//more.bin"),
        array(1, "inside"),
    ])
    node = graph.node.add(op_type="Constant", output=["k"])
    attribute = node.attribute.add(name="value", type=4)
    attribute.t.CopyFrom(entry("in.node", [2], T.FLOAT, location="weights.bin", offset=40))
    return ModelProto(ir_version=10, graph=graph)


def write_external():
    folder = OUT / "external"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "sub").mkdir(parents=True)
    rng = np.random.default_rng(5)
    before = rng.bytes(57)  # gaps at 0 and 24, 9 bytes behind the last tensor
    after = bytearray(before)
    after[8:24] = f32([1, 2, 3, 4])
    after[32:40] = np.array([5, 6, 7, 8], np.float16).tobytes()
    after[40:48] = f32([-1, -2])
    (folder / "weights.bin").write_bytes(before)
    (folder / "weights.changed.bin").write_bytes(after)
    (folder / "sub" / "more.bin").write_bytes(b"\x01\x02\xff")
    (folder / "model.onnx").write_bytes(external().SerializeToString())
    renamed = {"weights.bin": "a-longer-name.onnx.data", "./sub//more.bin": "a-longer-name.onnx.data.2"}
    digest = T(name="w", dims=[2], data_type=T.FLOAT, data_location=T.EXTERNAL)
    for key, value in {"location": "weights.bin", "checksum": "0" * 40}.items():
        digest.external_data.add(key=key, value=value)
    (folder / "checksum.onnx").write_bytes(model_of(digest.SerializeToString()))
    (folder / "renamed.onnx").write_bytes(external(renamed).SerializeToString())
    lines = []
    for t in tensors_of(external()):
        if t.name == "in.node":  # the onnx package takes all that is left of the file
            t.external_data.add(key="length", value="8")
        dims = "x".join(map(str, t.dims))
        lines.append(f"{t.name} {t.data_type} {dims} {text(packed_bytes(t, str(folder)))} -")
    (folder / "model.txt").write_text("\n".join(lines) + "\n")


# Models that are wrong, each in one way. The file's name tells; tests know the message.


def one_external(**keys):
    t = T(name="w", dims=[2], data_type=T.FLOAT, data_location=T.EXTERNAL)
    for k, v in keys.items():
        t.external_data.add(key=k.rstrip("_"), value=v)
    return t.SerializeToString()


BAD_TENSORS = {
    "type-unknown": tensor("w", 77, [1], bytes_field(9, b"1234")),
    "type-missing": bytes_field(8, b"w") + varint_field(1, 1),
    "raw-short": tensor("w", T.FLOAT, [2], bytes_field(9, b"1234567")),
    "raw-long": tensor("w", T.FLOAT, [2], bytes_field(9, b"123456789")),
    "typed-short": tensor("w", T.FLOAT, [2], bytes_field(4, b"1234")),
    "typed-long": tensor("w", T.INT64, [2], bytes_field(7, b"\1\2\3")),
    "typed-uneven": tensor("w", T.FLOAT, [2], bytes_field(4, b"1234567")),
    "typed-cut": tensor("w", T.INT32, [2], bytes_field(5, b"\1\x80")),
    "none": tensor("w", T.FLOAT, [2]),
    "dim-negative": tensor("w", T.FLOAT, [-1], bytes_field(9, b"1234")),
    "dim-overflow": tensor("w", T.FLOAT, [1 << 31, 1 << 31], bytes_field(9, b"")),
    "dim-overflow-zero": tensor("w", T.FLOAT, [1 << 62, 1 << 62, 0], bytes_field(9, b"")),
    "rank-nine": tensor("w", T.FLOAT, [1] * 9, bytes_field(9, b"1234")),
    "segment": tensor("w", T.FLOAT, [1], bytes_field(9, b"1234"), bytes_field(3, varint_field(1, 0))),
    "string-raw": tensor("w", T.STRING, [1], bytes_field(9, b"1234")),
    "external-absolute": one_external(location="/etc/hostname"),
    "external-up": one_external(location="../model.onnx"),
    "external-up-inside": one_external(location="sub/../weights.bin"),
    "external-folder": one_external(location="sub"),
    "external-empty": one_external(location=""),
    "external-no-location": one_external(offset="0"),
    "external-missing": one_external(location="missing.bin"),
    "external-nul": one_external(location="weights.bin\0x"),
    "external-offset-far": one_external(location="weights.bin", offset="50"),
    "external-offset-huge": one_external(location="weights.bin", offset="18446744073709551615"),
    "external-offset-overflow": one_external(location="weights.bin", offset="18446744073709551616"),
    "external-offset-negative": one_external(location="weights.bin", offset="-1"),
    "external-length": one_external(location="weights.bin", length="9"),
    "external-twice": one_external(location="weights.bin", location_="sub/more.bin"),
    "external-string": T(name="w", dims=[1], data_type=T.STRING, data_location=T.EXTERNAL).SerializeToString(),
}


def model_of(*initializers):
    return bytes_field(GRAPH, b"".join(bytes_field(INITIALIZER, t) for t in initializers))


def nested(levels):
    """An If within an If within ...: each level is three messages."""
    graph = b""
    for _ in range(levels):
        attribute = bytes_field(1, b"then_branch") + bytes_field(6, graph)
        graph = bytes_field(NODE, bytes_field(4, b"If") + bytes_field(ATTRIBUTE, attribute))
    return bytes_field(GRAPH, graph)


BAD_FILES = {
    "nested": nested(33),
    "group": bytes_field(GRAPH, b"") + tag(98, 3) + tag(98, 4),
    "field-zero": b"\0\0",
    "tag-long": b"\x88\x80\x80\x80\x80\x01\0",
    "varint-long": b"\x08" + b"\xff" * 10 + b"\x01",
    "length-huge": b"\x3a" + b"\xff" * 9 + b"\x01",
    "length-past": bytes_field(GRAPH, bytes_field(INITIALIZER, b"1234")[:-1]),
    "dims-cut": model_of(bytes_field(1, b"\x80")),
    "repeated": bytes_field(GRAPH, b"") * 102,
    "text": b"version https://git-lfs.github.com/spec/v1\n",
}


def write_bad():
    shutil.rmtree(OUT / "bad", ignore_errors=True)
    (OUT / "bad" / "sub").mkdir(parents=True)
    shutil.copy(OUT / "external" / "weights.bin", OUT / "bad")
    shutil.copy(OUT / "external" / "sub" / "more.bin", OUT / "bad" / "sub")
    for name, data in BAD_TENSORS.items():
        (OUT / "bad" / f"tensor-{name}.onnx").write_bytes(model_of(data))
    for name, data in BAD_FILES.items():
        (OUT / "bad" / f"file-{name}.onnx").write_bytes(data)
    (OUT / "bad" / "file-empty.onnx").write_bytes(b"")


def write_corpus():
    shutil.rmtree(CORPUS, ignore_errors=True)
    CORPUS.mkdir(parents=True)
    for path in [*OUT.glob("*.onnx"), *OUT.glob("*/*.onnx")]:
        if not path.name.endswith(".changed.onnx"):
            shutil.copy(path, CORPUS / path.name.replace(".onnx", ""))
    value_info = helper.make_tensor_value_info("x", 1, [1, "N"]).SerializeToString()
    (CORPUS / "nested-limit").write_bytes(nested(32))
    (CORPUS / "repeated-limit").write_bytes(bytes_field(GRAPH, bytes_field(11, value_info)) * 101)
    deep = TypeProto()
    deep.tensor_type.elem_type = 1
    for _ in range(40):
        deep = TypeProto(sequence_type=TypeProto.Sequence(elem_type=deep))
    (CORPUS / "nested-types").write_bytes(bytes_field(GRAPH, bytes_field(11, bytes_field(
        2, deep.SerializeToString()))))


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    write_forms()
    write_places()
    write("encodings", encodings(0), encodings(1))
    write_external()
    write_bad()
    write_corpus()
