#!/usr/bin/env python3
"""Makes tests/data/grads: PyTorch's gradients of single operators. Versions: requirements.txt.

Each folder holds model.onnx, one node in float64; inputs.npz with its inputs and `cotangent:OUTPUT`,
which is what `onnxtune grad` reads; and expected.npz with its outputs and `grad:INPUT` for every
input. All numbers are also float32 numbers. Where a function has a kink or a tie, some elements lie on
it: what PyTorch does there is part of the test.
"""
import pathlib
import shutil

import numpy as np
import onnx
import onnx.reference
import onnxruntime
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper

OUT = pathlib.Path(__file__).parent.parent / "tests" / "data" / "grads"
OPSET = 22
rng = np.random.default_rng(7)


def normal(*shape):
    return rng.standard_normal(shape).astype(np.float32).astype(np.float64)


def uniform(low, high, *shape):
    return rng.uniform(low, high, shape).astype(np.float32).astype(np.float64)


def values(*v):
    return np.array(v, np.float64)


def ints(*v):
    return np.array(v, np.int64)


def grid(*shape):
    """Small integers: many ties."""
    return rng.integers(-2, 3, shape).astype(np.float64)


def f32(x):
    """An attribute's value as the file holds it."""
    return float(np.float32(x))


def pad(x, *pads, value=0.0, mode="constant"):
    """ONNX's order of pads for the spatial axes: all begins, all ends."""
    n = len(pads) // 2
    order = [p for k in reversed(range(n)) for p in (pads[k], pads[k + n])]
    return F.pad(x, order, mode=mode, value=value) if mode == "constant" else F.pad(x, order, mode=mode)


def average(x, kernel, stride, pads, dilation=1):
    """AveragePool that leaves padding out of the count."""
    ones = torch.ones_like(x)
    total, count = (F.avg_pool2d(pad(t, *pads), kernel, stride, divisor_override=1) for t in (x, ones))
    return total / count


def gemm(a, b, c=0.0, alpha=1.0, beta=1.0):
    return alpha * (a @ b) + beta * c


def layer_norm(x, scale, bias=None, axis=-1, eps=1e-5):
    return F.layer_norm(x, x.shape[axis:], scale, bias, f32(eps))


def batch_norm(x, scale, bias, mean, var, training=False, eps=1e-5):
    return F.batch_norm(x, mean.clone(), var.clone(), scale, bias, training, 0.1, f32(eps))


# name, operator, {input: value} or what draws them, function of the floating-point inputs that are differentiated (the
# first `n` ones where given), attributes; `const`: further inputs, as initializers
CASES = []


def case(name, op, inputs, function, const=None, opset=OPSET, outputs=1, **attributes):
    CASES.append((name, op, inputs, function, const or {}, opset, outputs, attributes))


def pointwise():
    special = values(-3, -2, -1, -0.5, 0, 0.5, 1, 2, 3)
    for op, function in {
        "Abs": torch.abs, "Neg": torch.neg, "Exp": torch.exp, "Erf": torch.erf, "Relu": F.relu,
        "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "Softplus": lambda x: F.softplus(x, threshold=1e9),
        "Softsign": F.softsign, "Mish": F.mish, "Sin": torch.sin, "Cos": torch.cos, "Sign": torch.sign,
        "Floor": torch.floor, "Identity": lambda x: x * 1,
    }.items():
        case(op.lower(), op, {"x": np.concatenate([special, 2 * normal(6)])}, function)
    for op, function in {"Sqrt": torch.sqrt, "Log": torch.log, "Reciprocal": torch.reciprocal}.items():
        case(op.lower(), op, {"x": uniform(0.1, 3, 12)}, function)
    case("softplus_large", "Softplus", {"x": values(-800, -100, -30, 30, 100, 800)}, F.softplus)
    case("sigmoid_large", "Sigmoid", {"x": values(-800, -100, -30, 30, 100, 800)}, torch.sigmoid)
    case("leaky_relu", "LeakyRelu", {"x": special}, lambda x: F.leaky_relu(x, f32(0.1)), alpha=0.1)
    case("elu", "Elu", {"x": special}, lambda x: F.elu(x, 1.5), alpha=1.5)
    case("prelu_channels", "PRelu", {"x": grid(2, 3, 4), "slope": normal(3, 1)},
         lambda x, s: F.prelu(x, s.reshape(3)))
    case("hard_sigmoid", "HardSigmoid", {"x": uniform(-4, 4, 12)},
         lambda x: torch.clamp(f32(0.3) * x + f32(0.4), 0, 1), alpha=0.3, beta=0.4)
    case("hard_swish", "HardSwish", {"x": uniform(-5, 5, 16)},
         lambda x: x * torch.clamp(f32(1 / 6) * x + 0.5, 0, 1))
    case("gelu", "Gelu", {"x": 2 * normal(12)}, F.gelu)
    case("gelu_tanh", "Gelu", {"x": 2 * normal(12)}, lambda x: F.gelu(x, approximate="tanh"), approximate="tanh")
    case("clip", "Clip", {"x": values(-2, -1, -1, 0, 0.5, 1, 1, 2)}, lambda x: torch.clamp(x, -1, 1),
         {"min": values(-1).reshape(()), "max": values(1).reshape(())})
    case("clip_min", "Clip", {"x": values(-2, -1, 0, 1, 2)}, lambda x: torch.clamp(x, min=-1),
         {"min": values(-1).reshape(())})
    case("clip_opset6", "Clip", {"x": values(-1, 0, 3, 6, 7)}, lambda x: torch.clamp(x, 0, 6), opset=10,
         min=0.0, max=6.0)
    case("cast_to_float", "Cast", {"x": normal(5)}, lambda x: x.float(), to=TensorProto.FLOAT)


def binary():
    for op, function in {"Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Div": torch.div}.items():
        case(op.lower() + "_broadcast", op, {"a": normal(2, 1, 4), "b": uniform(0.5, 2, 3, 1)}, function)
    case("mul_same_input", "Mul", {"a": normal(5)}, lambda a: a * a)
    case("div_scalar", "Div", {"a": normal(3, 2), "b": values(1.5).reshape(())}, torch.div)
    case("pow", "Pow", {"a": uniform(0.2, 3, 2, 3), "b": normal(3)}, torch.pow)
    case("pow_square", "Pow", {"a": values(-2, -0.5, 0, 1, 3)}, lambda a: a ** 2, {"b": values(2).reshape(())})
    case("pow_cube", "Pow", {"a": values(-2, -0.5, 0, 1, 3)}, lambda a: a ** 3, {"b": values(3).reshape(())})
    case("pow_half", "Pow", {"a": uniform(0.2, 3, 6)}, lambda a: a ** 0.5, {"b": values(0.5).reshape(())})
    case("pow_base_zero", "Pow", {"a": values(0, 0, 0, 0), "b": values(0, 1, 2, 3)}, torch.pow)
    case("max_ties", "Max", {"a": grid(3, 4), "b": grid(4)}, torch.maximum)
    case("min_ties", "Min", {"a": grid(3, 4), "b": grid(3, 1)}, torch.minimum)
    case("max_three", "Max", {"a": normal(6), "b": normal(6), "c": normal(6)},
         lambda a, b, c: torch.maximum(torch.maximum(a, b), c))
    case("sum_three", "Sum", {"a": normal(3, 1), "b": normal(4), "c": normal(3, 4)}, lambda a, b, c: a + b + c)
    condition = rng.integers(0, 2, (3, 4)).astype(bool)
    case("where", "Where", {"a": normal(4), "b": normal(3, 1)},
         lambda a, b: torch.where(torch.tensor(condition), a, b), {"condition": condition})


def products():
    for name, a, b in (("2d", (3, 4), (4, 2)), ("vectors", (4,), (4,)), ("vector_matrix", (4,), (2, 4, 3)),
                       ("matrix_vector", (2, 3, 4), (4,)), ("batched", (2, 3, 4), (2, 4, 2)),
                       ("broadcast", (2, 1, 3, 4), (3, 4, 2)), ("weight", (2, 3, 4), (4, 5))):
        case("matmul_" + name, "MatMul", {"a": normal(*a), "b": normal(*b)}, torch.matmul)
    case("gemm", "Gemm", {"a": normal(3, 4), "b": normal(4, 2), "c": normal(2)}, gemm)
    case("gemm_no_bias", "Gemm", {"a": normal(3, 4), "b": normal(4, 2)}, gemm)
    case("gemm_all", "Gemm", {"a": normal(4, 3), "b": normal(2, 4), "c": normal(3, 1)},
         lambda a, b, c: gemm(a.T, b.T, c, 0.5, 2.0), transA=1, transB=1, alpha=0.5, beta=2.0)
    case("gemm_scalar_bias", "Gemm", {"a": normal(3, 4), "b": normal(2, 4), "c": values(0.7).reshape(())},
         lambda a, b, c: gemm(a, b.T, c), transB=1)


def convolutions():
    def conv(name, x, w, function, bias=False, **attributes):
        inputs = {"x": normal(*x), "w": normal(*w)}
        if bias:
            inputs["b"] = normal(w[0])
        case("conv_" + name, "Conv", inputs, function, **attributes)

    conv("bias", (2, 3, 5, 6), (4, 3, 3, 2), F.conv2d, True)
    conv("pads", (1, 2, 5, 4), (3, 2, 3, 3), lambda x, w: F.conv2d(pad(x, 1, 0, 2, 1), w), pads=[1, 0, 2, 1])
    conv("strides", (2, 2, 7, 8), (3, 2, 3, 3), lambda x, w, b: F.conv2d(x, w, b, (2, 3), 1), True,
         strides=[2, 3], pads=[1, 1, 1, 1])
    conv("dilations", (1, 2, 7, 9), (2, 2, 3, 2), lambda x, w: F.conv2d(x, w, dilation=(2, 3)), dilations=[2, 3])
    conv("groups", (2, 4, 5, 5), (6, 2, 3, 3), lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=2), True,
         group=2, pads=[1, 1, 1, 1])
    conv("depthwise", (2, 3, 6, 5), (3, 1, 3, 3), lambda x, w: F.conv2d(x, w, None, 2, 1, groups=3),
         group=3, strides=[2, 2], pads=[1, 1, 1, 1])
    conv("pointwise", (2, 3, 4, 4), (5, 3, 1, 1), F.conv2d)
    conv("pointwise_strides", (2, 3, 5, 5), (4, 3, 1, 1), lambda x, w: F.conv2d(x, w, stride=2), strides=[2, 2])
    conv("same_upper", (1, 1, 5, 6), (2, 1, 3, 4), lambda x, w: F.conv2d(pad(x, 1, 1, 1, 1), w, stride=2),
         auto_pad="SAME_UPPER", strides=[2, 2])
    conv("1d", (2, 2, 9), (3, 2, 3), lambda x, w, b: F.conv1d(x, w, b, 2, 1, 2), True,
         strides=[2], pads=[1, 1], dilations=[2])
    conv("3d", (1, 2, 4, 3, 4), (2, 2, 2, 3, 2), lambda x, w: F.conv3d(x, w, padding=(1, 1, 0)), pads=[1, 1, 0, 1, 1, 0])
    conv("all", (1, 4, 8, 7), (4, 2, 3, 2),
         lambda x, w, b: F.conv2d(pad(x, 2, 0, 1, 1), w, b, (2, 1), 0, (1, 2), 2), True,
         strides=[2, 1], pads=[2, 0, 1, 1], dilations=[1, 2], group=2)


def pools():
    case("max_pool_ties", "MaxPool", {"x": grid(2, 2, 6, 6)}, lambda x: F.max_pool2d(x, 2), kernel_shape=[2, 2],
         strides=[2, 2])
    case("max_pool_overlap", "MaxPool", {"x": grid(1, 2, 7, 6)}, lambda x: F.max_pool2d(x, 3, 2, 1),
         kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    case("max_pool_ceil", "MaxPool", {"x": normal(1, 2, 6, 7)}, lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True),
         kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    case("max_pool_dilations", "MaxPool", {"x": normal(1, 1, 7, 8)}, lambda x: F.max_pool2d(x, 2, 1, 0, (2, 3)),
         kernel_shape=[2, 2], dilations=[2, 3])
    case("max_pool_1d", "MaxPool", {"x": normal(2, 2, 8)}, lambda x: F.max_pool1d(x, 3, 2), kernel_shape=[3], strides=[2])
    case("max_pool_3d", "MaxPool", {"x": normal(1, 1, 4, 4, 5)}, lambda x: F.max_pool3d(x, 2), kernel_shape=[2, 2, 2],
         strides=[2, 2, 2])
    case("average_pool", "AveragePool", {"x": normal(2, 2, 5, 6)}, lambda x: F.avg_pool2d(x, (2, 3), (2, 1)),
         kernel_shape=[2, 3], strides=[2, 1])
    case("average_pool_pads", "AveragePool", {"x": normal(1, 2, 5, 5)},
         lambda x: average(x, 3, 2, (1, 1, 1, 1)), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    case("average_pool_uneven_pads", "AveragePool", {"x": normal(1, 2, 5, 5)},
         lambda x: average(x, 3, 1, (0, 1, 2, 1)), kernel_shape=[3, 3], pads=[0, 1, 2, 1])
    case("average_pool_include_pads", "AveragePool", {"x": normal(1, 2, 5, 5)}, lambda x: F.avg_pool2d(x, 3, 2, 1),
         kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1)
    case("average_pool_ceil", "AveragePool", {"x": normal(1, 1, 6, 6)},
         lambda x: F.avg_pool2d(x, 3, 2, ceil_mode=True, count_include_pad=False),
         kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    case("global_average_pool", "GlobalAveragePool", {"x": normal(2, 3, 3, 4)}, lambda x: x.mean((2, 3), True))
    case("global_max_pool", "GlobalMaxPool", {"x": normal(2, 3, 3, 4)}, lambda x: F.adaptive_max_pool2d(x, 1))


def normalizations():
    for axis in (-1, 0, 1):
        for opset in (11, 13):
            # Before opset 13, Softmax took all axes from `axis` on together.
            for op, function in (("Softmax", torch.softmax), ("LogSoftmax", torch.log_softmax)):
                def f(x, function=function, axis=axis, opset=opset):
                    if opset == 13:
                        return function(x, axis)
                    flat = x.reshape(int(np.prod(x.shape[:axis])) if axis else 1, -1)
                    return function(flat, 1).reshape(x.shape)
                case(f"{op.lower()}_opset{opset}_axis{axis}", op, {"x": 2 * normal(2, 3, 4)}, f, opset=opset, axis=axis)
    case("softmax_large", "Softmax", {"x": values(1000, 999, 0, -1000)}, lambda x: torch.softmax(x, 0), axis=0)
    n = {"scale": normal(4), "bias": normal(4)}
    case("layer_norm", "LayerNormalization", {"x": normal(2, 3, 4), **n}, layer_norm)
    case("layer_norm_no_bias", "LayerNormalization", {"x": normal(2, 3, 4), "scale": n["scale"]}, layer_norm)
    case("layer_norm_axis1", "LayerNormalization", {"x": normal(2, 3, 4), "scale": normal(3, 4), "bias": normal(3, 4)},
         lambda x, s, b: layer_norm(x, s, b, 1, 0.01), axis=1, epsilon=0.01)
    stats = {"mean": normal(3), "var": uniform(0.5, 2, 3)}
    b = {"x": normal(4, 3, 2, 3), "scale": normal(3), "bias": normal(3)}
    mean, var = torch.tensor(stats["mean"]), torch.tensor(stats["var"])
    case("batch_norm", "BatchNormalization", b, lambda x, s, c: batch_norm(x, s, c, mean, var, False, 0.01), stats,
         epsilon=0.01)
    case("batch_norm_opset9", "BatchNormalization", b, lambda x, s, c: batch_norm(x, s, c, mean, var), stats, opset=9)
    case("batch_norm_2d", "BatchNormalization", {**b, "x": normal(5, 3)},
         lambda x, s, c: batch_norm(x, s, c, mean, var), stats)
    case("batch_norm_train", "BatchNormalization", b, lambda x, s, c: batch_norm(x, s, c, mean, var, True), stats,
         outputs=3, training_mode=1)


def reductions():
    x = {"x": normal(2, 3, 4)}
    for op, function in {"ReduceSum": torch.sum, "ReduceMean": torch.mean, "ReduceMax": torch.amax,
                         "ReduceMin": torch.amin}.items():
        name = "reduce_" + op[6:].lower()
        case(name, op, x, lambda x, f=function: f(x, (0, 2)), {"axes": ints(0, -1)}, keepdims=0)
        case(name + "_all", op, x, lambda x, f=function: f(x, (0, 1, 2), True))
        old = {"opset": 12 if op == "ReduceSum" else 13}
        case(name + "_old", op, x, lambda x, f=function: f(x, 1, True), axes=[1], **old)
    case("reduce_max_ties", "ReduceMax", {"x": grid(4, 6)}, lambda x: torch.amax(x, 1), {"axes": ints(1)}, keepdims=0)
    case("reduce_min_ties", "ReduceMin", {"x": grid(4, 6)}, lambda x: torch.amin(x, 1), {"axes": ints(1)}, keepdims=0)
    case("reduce_sum_no_axes", "ReduceSum", x, lambda x: x * 1, {"axes": np.zeros(0, np.int64)},
         noop_with_empty_axes=1)
    case("mean_two", "Mean", {"a": normal(2, 3), "b": normal(3)}, lambda a, b: (a + b) / 2)


def shapes():
    x = {"x": normal(2, 3, 4)}
    case("reshape", "Reshape", x, lambda x: x.reshape(2, 2, 6), {"shape": ints(0, 2, -1)})
    case("flatten", "Flatten", x, lambda x: x.reshape(6, 4), axis=2)
    case("transpose", "Transpose", x, lambda x: x.permute(2, 0, 1), perm=[2, 0, 1])
    case("transpose_default", "Transpose", x, lambda x: x.permute(2, 1, 0))
    case("squeeze", "Squeeze", {"x": normal(1, 3, 1, 2)}, lambda x: x.reshape(3, 1, 2), {"axes": ints(0)})
    case("unsqueeze", "Unsqueeze", x, lambda x: x.reshape(2, 1, 3, 4, 1), {"axes": ints(1, -1)})
    case("expand", "Expand", {"x": normal(3, 1)}, lambda x: x.expand(2, 3, 4), {"shape": ints(2, 1, 4)})
    case("tile", "Tile", {"x": normal(2, 3)}, lambda x: x.repeat(2, 3), {"repeats": ints(2, 3)})
    case("concat", "Concat", {"a": normal(2, 1, 3), "b": normal(2, 2, 3), "c": normal(2, 3, 3)},
         lambda *v: torch.cat(v, 1), axis=1)
    case("split", "Split", {"x": normal(2, 6)}, lambda x: torch.split(x, [1, 3, 2], 1), {"split": ints(1, 3, 2)},
         outputs=3, axis=1)
    case("slice", "Slice", {"x": normal(4, 6)}, lambda x: x[1:3, 0:5:2],
         {"starts": ints(1, 0), "ends": ints(3, -1), "axes": ints(0, 1), "steps": ints(1, 2)})
    case("slice_backward", "Slice", {"x": normal(4, 6)}, lambda x: x.flip(1)[:, ::2],
         {"starts": ints(-1), "ends": ints(-100), "axes": ints(1), "steps": ints(-2)})
    case("slice_opset9", "Slice", {"x": normal(4, 6)}, lambda x: x[:, 2:5], opset=9, starts=[2], ends=[5], axes=[1])
    case("pad_constant", "Pad", {"x": normal(2, 3)}, lambda x: F.pad(x, (2, 1, 1, 0), value=1.5),
         {"pads": ints(1, 2, 0, 1), "value": values(1.5).reshape(())})
    case("pad_crop", "Pad", {"x": normal(3, 4)}, lambda x: F.pad(x, (-1, 2)), {"pads": ints(0, -1, 0, 2)})
    for mode, torch_mode in (("reflect", "reflect"), ("edge", "replicate")):
        case("pad_" + mode, "Pad", {"x": normal(1, 1, 4, 5)}, lambda x, m=torch_mode: pad(x, 1, 2, 3, 1, mode=m),
             {"pads": ints(0, 0, 1, 2, 0, 0, 3, 1)}, mode=mode)
    case("gather", "Gather", {"x": normal(5, 3)}, lambda x: x[torch.tensor([[0, 4, 4], [2, 4, 0]])],
         {"indices": np.array([[0, -1, 4], [2, 4, -5]])})
    case("gather_axis1", "Gather", {"x": normal(2, 4, 3)}, lambda x: x[:, torch.tensor([3, 1, 3])],
         {"indices": ints(3, 1, 3)}, axis=1)
    case("gather_scalar", "Gather", {"x": normal(2, 4, 3)}, lambda x: x[:, 0], {"indices": np.array(0)}, axis=1)
    case("depth_to_space", "DepthToSpace", {"x": normal(1, 8, 2, 3)},
         lambda x: x.reshape(1, 2, 2, 2, 2, 3).permute(0, 3, 4, 1, 5, 2).reshape(1, 2, 4, 6), blocksize=2)
    case("depth_to_space_crd", "DepthToSpace", {"x": normal(1, 8, 2, 3)}, lambda x: F.pixel_shuffle(x, 2),
         blocksize=2, mode="CRD")
    case("trilu", "Trilu", {"x": normal(3, 4)}, lambda x: torch.triu(x, 1), {"k": np.array(1)})
    case("dropout_off", "Dropout", x, lambda x: x * 1, {"ratio": values(0.5).reshape(()), "training_mode": np.array(False)})


def recurrent():
    """torch.nn.LSTM, GRU and RNN with the weights in ONNX's order of gates. Their numbers are drawn last."""
    def weights(w, r, b, order):
        gates, result = len(order), []
        for d in range(w.shape[0]):
            for t in (w[d], r[d], *b[d].chunk(2)):
                parts = t.chunk(gates)
                result.append(torch.cat([parts[i] for i in order]))
        return result

    def padded(run, x, lengths):
        """As torch.nn.utils.rnn.pack_padded_sequence gives it to the module."""
        data = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
        y, h = run(data)
        y = torch.nn.utils.rnn.pad_packed_sequence(y, total_length=x.shape[0])[0]
        return y, h

    def add(name, op, gates, order, directions=1, lengths=None, module=None, **attributes):
        t, n, i, h = 4, 3, 2, 3
        states = ("h", "c") if op == "LSTM" else ("h",)

        def inputs():
            shapes = {"x": (t, n, i), "w": (directions, gates * h, i), "r": (directions, gates * h, h),
                      "b": (directions, 2 * gates * h), **{s: (directions, n, h) for s in states}}
            return {k: normal(*v) for k, v in shapes.items()}

        def function(x, w, r, b, *state):
            net = getattr(torch.nn, op)(i, h, bidirectional=directions == 2, dtype=torch.float64, **(module or {}))
            names = [p for p, _ in net.named_parameters()]
            values = dict(zip(names, weights(w, r, b, order)))

            def run(data):
                first = state if len(state) > 1 else state[0]
                return torch.func.functional_call(net, values, (data, first))

            y, last = padded(run, x, lengths) if lengths else run(x)
            y = y.reshape(t, n, directions, h).transpose(1, 2)
            return (y, *last) if isinstance(last, tuple) else (y, last)

        if directions == 2:
            attributes["direction"] = "bidirectional"
        const = {"lengths": np.array(lengths, np.int32)} if lengths else {"": None}
        ORDER[name] = ["x", "w", "r", "b", *const, *states]
        case(name, op, inputs, function, {k: v for k, v in const.items() if k}, outputs=1 + len(states),
             hidden_size=h, **attributes)

    lstm, gru = (0, 2, 3, 1), (1, 0, 2)
    add("lstm", "LSTM", 4, lstm)
    add("lstm_both_directions", "LSTM", 4, lstm, 2)
    add("lstm_ended_sequences", "LSTM", 4, lstm, 2, (2, 4, 1))
    add("gru", "GRU", 3, gru, linear_before_reset=1)
    add("gru_both_directions", "GRU", 3, gru, 2, (4, 1, 3), linear_before_reset=1)
    add("rnn", "RNN", 1, (0,))
    add("rnn_relu_both_directions", "RNN", 1, (0,), 2, (3, 2, 4), {"nonlinearity": "relu"},
        activations=["Relu", "Relu"])


# The inputs in the operator's order, where a constant one does not come last.
ORDER = {"where": ["condition", "a", "b"]}


def model_of(name, op, inputs, const, opset, outputs, attributes, results):
    types = {np.float64: TensorProto.DOUBLE, np.float32: TensorProto.FLOAT}
    order = ORDER.get(name, [*inputs, *const])
    if name == "mul_same_input":
        order = ["a", "a"]
    out = ["y"] + [f"y{k}" for k in range(1, outputs)]
    node = helper.make_node(op, order, out, name=name, **attributes)
    graph_outputs = [helper.make_tensor_value_info(o, types[r.dtype.type], r.shape) for o, r in zip(out, results)]
    graph = helper.make_graph(
        [node], name,
        [helper.make_tensor_value_info(k, TensorProto.DOUBLE, v.shape) for k, v in inputs.items()],
        graph_outputs, [numpy_helper.from_array(v, k) for k, v in const.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def single(model):
    """The model in float32."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    for v in (*model.graph.input, *model.graph.output):
        v.type.tensor_type.elem_type = TensorProto.FLOAT
    return model


def compare(model, inputs, results, name):
    """onnxruntime, or onnx's own code where that lacks the type, computes the same outputs."""
    if model.graph.node[0].op_type in ("LSTM", "GRU", "RNN"):
        model, inputs = single(model), {k: v.astype(np.float32) for k, v in inputs.items()}
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
        session = onnx.reference.ReferenceEvaluator(model)
    for a, b in zip(session.run(None, inputs), results):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6, err_msg=name)


def write(name, op, inputs, function, const, opset, outputs, attributes):
    inputs = inputs() if callable(inputs) else inputs
    x = {k: torch.tensor(v, requires_grad=True) for k, v in inputs.items()}
    y = function(*x.values())
    y = list(y) if isinstance(y, tuple) else [y]
    dy = [torch.tensor(normal(*v.shape)).to(v.dtype) for v in y]
    grads = torch.autograd.grad(y, list(x.values()), dy)
    results = [v.detach().numpy() for v in y]
    model = model_of(name, op, inputs, const, opset, outputs, attributes, results)
    compare(model, inputs, results, name)
    folder = OUT / name
    folder.mkdir(parents=True)
    names = ["y"] + [f"y{k}" for k in range(1, len(y))]
    (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    np.savez(folder / "inputs.npz", **inputs, **{f"cotangent:{n}": g.numpy() for n, g in zip(names, dy)})
    np.savez(folder / "expected.npz", **dict(zip(names, results)),
             **{f"grad:{n}": g.numpy() for n, g in zip(x, grads)})


def main():
    torch.set_num_threads(1)
    shutil.rmtree(OUT, ignore_errors=True)
    for add in (pointwise, binary, products, convolutions, pools, normalizations, reductions, shapes, recurrent):
        add()
    assert len({c[0] for c in CASES}) == len(CASES)
    for c in CASES:
        write(*c)
    files = [f for f in OUT.rglob("*") if f.is_file()]
    print(f"{len(CASES)} cases, {sum(f.stat().st_size for f in files) // 1024} KiB, "
          f"largest file {max(f.stat().st_size for f in files)} bytes")


if __name__ == "__main__":
    main()
