"""The networks of the benchmark in plain PyTorch: the published architectures, with random weights.

NETS is name: constructor. Images are float [N,C,H,W]; Bert takes token ids, the mask of the tokens that
are there and the segment ids, int64 [N,T] each. All return logits [N,classes].
"""
import functools

import torch
import torch.nn.functional as F
from torch import nn


class Mlp(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))


class LeNet(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


def conv_norm(n, m, kernel, stride=1, groups=1):
    """A convolution that keeps the size (but for the stride), and BatchNormalization."""
    return [nn.Conv2d(n, m, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(m)]


class Residual(nn.Module):
    def __init__(self, n, m, stride, *body):
        super().__init__()
        self.body = nn.Sequential(*body)
        self.down = nn.Identity()
        if stride > 1 or n != m:
            self.down = nn.Sequential(*conv_norm(n, m, 1, stride))

    def forward(self, x):
        y = self.body(x)
        y += self.down(x)
        return F.relu(y, inplace=True)


class Basic(Residual):
    def __init__(self, n, m, stride):
        super().__init__(n, m, stride, *conv_norm(n, m, 3, stride), nn.ReLU(inplace=True), *conv_norm(m, m, 3))


class Bottleneck(Residual):
    def __init__(self, n, m, stride):
        k = m // 4
        super().__init__(n, m, stride, *conv_norm(n, k, 1), nn.ReLU(inplace=True), *conv_norm(k, k, 3, stride),
                         nn.ReLU(inplace=True), *conv_norm(k, m, 1))


class ResNet(nn.Sequential):
    def __init__(self, block, expansion, depths):
        layers = [*conv_norm(3, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
        n = 64
        for stage, depth in enumerate(depths):
            for i in range(depth):
                m = (64 << stage) * expansion
                layers.append(block(n, m, 2 if stage and not i else 1))
                n = m
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(n, 10))


class Inverted(nn.Module):
    """MobileNetV2's block: widen, depthwise convolution, narrow."""

    def __init__(self, n, m, stride, expansion):
        super().__init__()
        k = n * expansion
        layers = [*conv_norm(n, k, 1), nn.ReLU6(inplace=True)] if expansion > 1 else []
        layers += [*conv_norm(k, k, 3, stride, groups=k), nn.ReLU6(inplace=True), *conv_norm(k, m, 1)]
        self.body = nn.Sequential(*layers)
        self.skip = stride == 1 and n == m

    def forward(self, x):
        return x + self.body(x) if self.skip else self.body(x)


class MobileNetV2(nn.Sequential):
    def __init__(self):
        layers = [*conv_norm(3, 32, 3, 2), nn.ReLU6(inplace=True)]
        n = 32
        for expansion, m, depth, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                                            (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
            for i in range(depth):
                layers.append(Inverted(n, m, stride if not i else 1, expansion))
                n = m
        layers += [*conv_norm(n, 1280, 1), nn.ReLU6(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        super().__init__(*layers, nn.Linear(1280, 10))


class Bert(nn.Module):
    class Layer(nn.Module):
        def __init__(self, d, heads, inner):
            super().__init__()
            self.heads = heads
            self.query, self.key, self.value, self.output = (nn.Linear(d, d) for _ in range(4))
            self.norm1, self.norm2 = nn.LayerNorm(d, eps=1e-12), nn.LayerNorm(d, eps=1e-12)
            self.wide, self.narrow = nn.Linear(d, inner), nn.Linear(inner, d)

        def split(self, x):
            return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)

        def forward(self, x, mask):
            q, k, v = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
            x = self.norm1(x + self.output(y.transpose(1, 2).reshape(x.shape)))
            return self.norm2(x + self.narrow(F.gelu(self.wide(x))))

    def __init__(self, layers, d, heads, inner, words=30522, positions=512):
        super().__init__()
        self.word, self.position, self.segment = (nn.Embedding(n, d) for n in (words, positions, 2))
        self.register_buffer("positions", torch.arange(positions).unsqueeze(0))
        self.norm = nn.LayerNorm(d, eps=1e-12)
        self.layers = nn.ModuleList(Bert.Layer(d, heads, inner) for _ in range(layers))
        self.pooler, self.classifier = nn.Linear(d, d), nn.Linear(d, 2)
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.normal_(p, std=0.02)

    def forward(self, input_ids, attention_mask, token_type_ids):
        x = self.word(input_ids) + self.segment(token_type_ids)
        x = self.norm(x + self.position(self.positions[:, :input_ids.shape[1]]))
        mask = (1 - attention_mask[:, None, None, :].to(x.dtype)) * torch.finfo(x.dtype).min
        for layer in self.layers:
            x = layer(x, mask)
        return self.classifier(torch.tanh(self.pooler(x[:, 0])))


class Vit(nn.Module):
    class Block(nn.Module):
        def __init__(self, d, heads):
            super().__init__()
            self.heads = heads
            self.norm1, self.norm2 = nn.LayerNorm(d, eps=1e-6), nn.LayerNorm(d, eps=1e-6)
            self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)
            self.wide, self.narrow = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

        def forward(self, x):
            n, t, d = x.shape
            qkv = self.qkv(self.norm1(x)).reshape(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
            y = F.scaled_dot_product_attention(*qkv.unbind(0))
            x = x + self.proj(y.transpose(1, 2).reshape(n, t, d))
            return x + self.narrow(F.gelu(self.wide(self.norm2(x))))

    def __init__(self, layers, d, heads, patch, size):
        super().__init__()
        self.patch = nn.Conv2d(3, d, patch, patch)
        self.token = nn.Parameter(torch.randn(1, 1, d) * 0.02)
        self.position = nn.Parameter(torch.randn(1, (size // patch) ** 2 + 1, d) * 0.02)
        self.blocks = nn.Sequential(*(Vit.Block(d, heads) for _ in range(layers)))
        self.norm, self.head = nn.LayerNorm(d, eps=1e-6), nn.Linear(d, 10)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.token.expand(x.shape[0], -1, -1), x), 1) + self.position
        return self.head(self.norm(self.blocks(x))[:, 0])


class Lstm(nn.Module):
    """LSTM over a sequence, the last step's state, a linear layer."""

    def __init__(self, inputs, hidden, classes):
        super().__init__()
        self.lstm = nn.LSTM(inputs, hidden, batch_first=True)
        self.head = nn.Linear(hidden, classes)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


NETS = {
    "mlp": Mlp,
    "lenet": LeNet,
    "resnet18": functools.partial(ResNet, Basic, 1, (2, 2, 2, 2)),
    "mobilenetv2": MobileNetV2,
    "resnet50": functools.partial(ResNet, Bottleneck, 4, (3, 4, 6, 3)),
    "lstm": functools.partial(Lstm, 128, 256, 10),
    "bert4": functools.partial(Bert, 4, 312, 12, 1200),
    "bert12": functools.partial(Bert, 12, 768, 12, 3072),
    "vit": functools.partial(Vit, 12, 384, 6, 16, 224),
    "vit_b": functools.partial(Vit, 12, 768, 12, 16, 224),
}
