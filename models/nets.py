"""The small networks of generate.py. What forward() returns is what the exported graph ends in;
logits() is what the loss is computed from."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def forward(self, x):
        return self.end(self.logits(x))

    def end(self, logits):
        return logits

    def stored(self, arrays):
        """Arrays by the names of parameters as the graph has them where it joins several; by other names then."""
        return arrays


class Mlp(Net):
    """16-32-32-4; `end` is the activation that the graph ends in."""

    def __init__(self, end="softmax"):
        super().__init__()
        self.fc1 = nn.Linear(16, 32)
        self.fc2 = nn.Linear(32, 32)
        self.fc3 = nn.Linear(32, 4)
        self.ending = {"softmax": nn.Softmax(dim=1), "sigmoid": nn.Sigmoid(), "none": nn.Identity()}[end]

    def logits(self, x):
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))

    def end(self, logits):
        return self.ending(logits)


class HalfStored(Mlp):
    """The same with weights that are stored in float16 and computed with in a wider type. The
    gradient goes past the rounding to the masters."""

    def logits(self, x):
        for i, layer in enumerate((self.fc1, self.fc2, self.fc3)):
            w, b = (p + (p.half().to(p.dtype) - p).detach() for p in (layer.weight, layer.bias))
            x = F.linear(F.relu(x) if i else x, w, b)
        return x

    def exported(self):
        """With plain weights, which the masters are at first."""
        net = Mlp()
        net.load_state_dict(self.state_dict())
        return net


class LeNet(Net):
    """1x16x16, two convolutions with max pooling, two linear layers, 10 classes."""

    def __init__(self, log_softmax):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 12, 3)
        self.fc1 = nn.Linear(12 * 3 * 3, 40)
        self.fc2 = nn.Linear(40, 10)
        self.log_softmax = log_softmax

    def logits(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(torch.flatten(x, 1))))

    def end(self, logits):
        return F.log_softmax(logits, dim=1) if self.log_softmax else logits


class BatchNorm(nn.BatchNorm2d):
    """Updates running_var as ONNX does, with the population variance; nn.BatchNorm2d takes the
    unbiased one. What it computes is the same."""

    def forward(self, x):
        if not self.training:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias,
                                False, self.momentum, self.eps)
        with torch.no_grad():
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(var, self.momentum)
        return F.batch_norm(x, None, None, self.weight, self.bias, True, self.momentum, self.eps)


class Residual(nn.Module):
    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = BatchNorm(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = BatchNorm(channels)
        self.down = None
        if stride > 1:
            self.down = nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride, bias=False), BatchNorm(channels))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.down is None else self.down(x)))


class ResNet(Net):
    """3x16x16, two stages of one residual block, 5 classes."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 1, 1, bias=False)
        self.bn = BatchNorm(8)
        self.stage1 = Residual(8, 8, 1)
        self.stage2 = Residual(8, 16, 2)
        self.head = nn.Linear(16, 5)

    def logits(self, x):
        x = self.stage2(self.stage1(F.relu(self.bn(self.stem(x)))))
        return self.head(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class Block(nn.Module):
    """A pre-norm transformer block with its attention spelled out."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.norm2 = nn.LayerNorm(dim)
        self.fc1 = nn.Linear(dim, 2 * dim)
        self.fc2 = nn.Linear(2 * dim, dim)

    def attention(self, x):
        n, t, dim = x.shape
        size = dim // self.heads
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, size).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / math.sqrt(size)
        y = torch.softmax(scores, dim=-1) @ v
        return self.proj(y.transpose(1, 2).reshape(n, t, dim))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class ViT(Net):
    """3x16x16 in 16 patches of 4x4, a class token, position embeddings, two blocks, 5 classes."""

    def __init__(self, dim=24):
        super().__init__()
        self.patch = nn.Conv2d(3, dim, 4, 4)
        self.token = nn.Parameter(torch.zeros(1, 1, dim))
        self.position = nn.Parameter(torch.zeros(1, 17, dim))
        self.blocks = nn.ModuleList(Block(dim, 3) for _ in range(2))
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, 5)

    def logits(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1) + self.position
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


def initialize(net, seed):
    """Random values for every parameter and buffer: no two tensors are equal, none is special."""
    g = torch.Generator().manual_seed(seed)
    for name, p in list(net.named_parameters()) + list(net.named_buffers()):
        if name.endswith("num_batches_tracked"):
            continue
        with torch.no_grad():
            p.normal_(generator=g)
            if name.endswith("running_var"):
                p.copy_(1 + 0.4 * p.clamp(-2, 2))
            elif p.dim() == 1 and name.endswith("weight"):
                p.copy_(1 + 0.2 * p)
            elif name.endswith(".weight"):
                p.mul_(math.sqrt(1.5 / p[0].numel()))
            else:
                p.mul_(0.1)
    return net


class Lstm(Net):
    """5 of 24 tokens, embedding, bidirectional LSTM, mean over the steps, 4 classes."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(24, 8)
        self.lstm = nn.LSTM(8, 6, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(12, 4)

    def logits(self, x):
        return self.fc(self.lstm(self.embedding(x))[0].mean(1))

    def stored(self, arrays):
        """PyTorch's order of gates is i f g o, ONNX's is i o f g; both biases of both directions are one array."""
        result = {k: v for k, v in arrays.items() if not k.startswith("lstm.")}

        def gates(name):
            i, f, g, o = np.split(arrays["lstm." + name], 4)
            return np.concatenate([i, o, f, g])

        def both(*names):
            return np.stack([np.concatenate([gates(n + end) for n in names]) for end in ("", "_reverse")])

        if any(k.startswith("lstm.") for k in arrays):
            result["lstm.W"] = both("weight_ih_l0")
            result["lstm.R"] = both("weight_hh_l0")
            result["lstm.B"] = both("bias_ih_l0", "bias_hh_l0")
        return result
