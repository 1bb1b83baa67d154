"""Other ways to store the weights of a model, for generate.py."""
import copy

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def drop_stack_traces(model):
    """Removes the exporter's stack traces: they name files of the machine that exported."""
    def clean(properties):
        kept = [p for p in properties if "stack_trace" not in p.key]
        del properties[:]
        properties.extend(kept)

    clean(model.metadata_props)
    clean(model.graph.metadata_props)
    for part in [*model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output,
                 *model.graph.initializer]:
        clean(part.metadata_props)


def fp16_weights(model):
    """float16 initializers, each with a Cast to float32 before its use."""
    model = copy.deepcopy(model)
    casts = []
    for i, t in enumerate(model.graph.initializer):
        for node in model.graph.node:
            for k, name in enumerate(node.input):
                if name == t.name:
                    node.input[k] = t.name + "_float"
        casts.append(helper.make_node("Cast", [t.name], [t.name + "_float"], name="cast_" + t.name,
                                      to=TensorProto.FLOAT))
        t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(t).astype(np.float16), t.name))
    nodes = casts + list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def retype(model, dtype):
    """The whole graph in another floating-point type."""
    model = copy.deepcopy(model)
    element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    for t in model.graph.initializer:
        t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(t).astype(dtype), t.name))
    for value in [*model.graph.input, *model.graph.output]:
        value.type.tensor_type.elem_type = element
    del model.graph.value_info[:]
    return model


def constant_nodes(model):
    """Each weight in a Constant node; the last one as value_floats instead of a tensor."""
    model = copy.deepcopy(model)
    tensors = list(model.graph.initializer)
    del model.graph.initializer[:]
    nodes = []
    for i, t in enumerate(tensors):
        value = {"value": t}
        if i == len(tensors) - 1:
            value = {"value_floats": numpy_helper.to_array(t).tolist()}
        nodes.append(helper.make_node("Constant", [], [t.name], name=f"constant_{i}", **value))
    nodes += list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def float_data(model):
    model = copy.deepcopy(model)
    for t in model.graph.initializer:
        values = numpy_helper.to_array(t).reshape(-1)
        t.ClearField("raw_data")
        t.float_data.extend(values)
    return model


def inputs(model):
    """As before IR version 4: every initializer is an input of the graph too."""
    model = copy.deepcopy(model)
    model.ir_version = 3
    model.opset_import[0].version = 8
    for t in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(t.name, t.data_type, t.dims))
    return model


def write_variants(model, folder):
    folder.mkdir(exist_ok=True)
    variants = {
        "constant_nodes": constant_nodes(model),
        "float_data": float_data(model),
        "inputs": inputs(model),
        "float64": retype(model, np.float64),
        "float16": retype(model, np.float16),
    }
    for name, variant in variants.items():
        onnx.checker.check_model(variant)
        (folder / f"{name}.onnx").write_bytes(variant.SerializeToString(deterministic=True))
    (folder / "external.data").unlink(missing_ok=True)
    onnx.save_model(copy.deepcopy(model), folder / "external.onnx", save_as_external_data=True,
                    all_tensors_to_one_file=True, location="external.data", size_threshold=64)
    (folder / "external.data").chmod(0o644)
