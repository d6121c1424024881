"""Features of the FID InceptionV3 with made-up weights.

    python test/golden/make_inception.py > test/golden/inception.json

The network is written here from the published description, in the manner of torchvision's class: pools of the average
branches leave the padding out, the last block pools with a maximum, batch normalisation has eps 1e-3, images in [0, 1] are
resized to 299 (bilinear, half-pixel centres) and stretched to [-1, 1]. Needs torch and numpy.

The weights follow a rule that the test repeats, so that none are stored. Value i of a tensor is 2 h / 2^32 - 1 in [-1, 1), where h
is MurmurHash3's 32-bit finaliser of (FNV-1a(name) + i * 0x9E3779B9) mod 2^32, and then
    conv.weight   times sqrt(6 / fan_in)        fc.weight   times sqrt(3 / fan_in)
    bn.weight     1 + value / 2                 bn.running_var   1 + value / 2
    bn.bias, bn.running_mean, fc.bias           times 0.1
Pixel i of the images (2, 40, 48, 3), bytes, is h >> 24 for the name "images".
"""

import json
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class BasicConv2d(nn.Module):
    def __init__(self, i, o, **kwargs):
        super().__init__()
        self.conv = nn.Conv2d(i, o, bias=False, **kwargs)
        self.bn = nn.BatchNorm2d(o, eps=0.001)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


C = BasicConv2d


def average(x):
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


class A(nn.Module):
    def __init__(self, i, pool):
        super().__init__()
        self.branch1x1 = C(i, 64, kernel_size=1)
        self.branch5x5_1 = C(i, 48, kernel_size=1)
        self.branch5x5_2 = C(48, 64, kernel_size=5, padding=2)
        self.branch3x3dbl_1 = C(i, 64, kernel_size=1)
        self.branch3x3dbl_2 = C(64, 96, kernel_size=3, padding=1)
        self.branch3x3dbl_3 = C(96, 96, kernel_size=3, padding=1)
        self.branch_pool = C(i, pool, kernel_size=1)

    def forward(self, x):
        return torch.cat(
            [
                self.branch1x1(x),
                self.branch5x5_2(self.branch5x5_1(x)),
                self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x))),
                self.branch_pool(average(x)),
            ],
            1,
        )


class B(nn.Module):
    def __init__(self, i):
        super().__init__()
        self.branch3x3 = C(i, 384, kernel_size=3, stride=2)
        self.branch3x3dbl_1 = C(i, 64, kernel_size=1)
        self.branch3x3dbl_2 = C(64, 96, kernel_size=3, padding=1)
        self.branch3x3dbl_3 = C(96, 96, kernel_size=3, stride=2)

    def forward(self, x):
        dbl = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), dbl, F.max_pool2d(x, 3, 2)], 1)


class CBlock(nn.Module):
    def __init__(self, i, c):
        super().__init__()
        self.branch1x1 = C(i, 192, kernel_size=1)
        self.branch7x7_1 = C(i, c, kernel_size=1)
        self.branch7x7_2 = C(c, c, kernel_size=(1, 7), padding=(0, 3))
        self.branch7x7_3 = C(c, 192, kernel_size=(7, 1), padding=(3, 0))
        self.branch7x7dbl_1 = C(i, c, kernel_size=1)
        self.branch7x7dbl_2 = C(c, c, kernel_size=(7, 1), padding=(3, 0))
        self.branch7x7dbl_3 = C(c, c, kernel_size=(1, 7), padding=(0, 3))
        self.branch7x7dbl_4 = C(c, c, kernel_size=(7, 1), padding=(3, 0))
        self.branch7x7dbl_5 = C(c, 192, kernel_size=(1, 7), padding=(0, 3))
        self.branch_pool = C(i, 192, kernel_size=1)

    def forward(self, x):
        y = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        z = self.branch7x7dbl_2(self.branch7x7dbl_1(x))
        z = self.branch7x7dbl_5(self.branch7x7dbl_4(self.branch7x7dbl_3(z)))
        return torch.cat([self.branch1x1(x), y, z, self.branch_pool(average(x))], 1)


class D(nn.Module):
    def __init__(self, i):
        super().__init__()
        self.branch3x3_1 = C(i, 192, kernel_size=1)
        self.branch3x3_2 = C(192, 320, kernel_size=3, stride=2)
        self.branch7x7x3_1 = C(i, 192, kernel_size=1)
        self.branch7x7x3_2 = C(192, 192, kernel_size=(1, 7), padding=(0, 3))
        self.branch7x7x3_3 = C(192, 192, kernel_size=(7, 1), padding=(3, 0))
        self.branch7x7x3_4 = C(192, 192, kernel_size=3, stride=2)

    def forward(self, x):
        y = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), y, F.max_pool2d(x, 3, 2)], 1)


class E(nn.Module):
    def __init__(self, i, pool):
        super().__init__()
        self.pool = pool
        self.branch1x1 = C(i, 320, kernel_size=1)
        self.branch3x3_1 = C(i, 384, kernel_size=1)
        self.branch3x3_2a = C(384, 384, kernel_size=(1, 3), padding=(0, 1))
        self.branch3x3_2b = C(384, 384, kernel_size=(3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = C(i, 448, kernel_size=1)
        self.branch3x3dbl_2 = C(448, 384, kernel_size=3, padding=1)
        self.branch3x3dbl_3a = C(384, 384, kernel_size=(1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = C(384, 384, kernel_size=(3, 1), padding=(1, 0))
        self.branch_pool = C(i, 192, kernel_size=1)

    def forward(self, x):
        y = self.branch3x3_1(x)
        z = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        return torch.cat(
            [
                self.branch1x1(x),
                self.branch3x3_2a(y),
                self.branch3x3_2b(y),
                self.branch3x3dbl_3a(z),
                self.branch3x3dbl_3b(z),
                self.branch_pool(self.pool(x)),
            ],
            1,
        )


class Inception(nn.Module):
    def __init__(self):
        super().__init__()
        self.Conv2d_1a_3x3 = C(3, 32, kernel_size=3, stride=2)
        self.Conv2d_2a_3x3 = C(32, 32, kernel_size=3)
        self.Conv2d_2b_3x3 = C(32, 64, kernel_size=3, padding=1)
        self.Conv2d_3b_1x1 = C(64, 80, kernel_size=1)
        self.Conv2d_4a_3x3 = C(80, 192, kernel_size=3)
        self.Mixed_5b = A(192, 32)
        self.Mixed_5c = A(256, 64)
        self.Mixed_5d = A(288, 64)
        self.Mixed_6a = B(288)
        self.Mixed_6b = CBlock(768, 128)
        self.Mixed_6c = CBlock(768, 160)
        self.Mixed_6d = CBlock(768, 160)
        self.Mixed_6e = CBlock(768, 192)
        self.Mixed_7a = D(768)
        self.Mixed_7b = E(1280, average)
        self.Mixed_7c = E(2048, lambda x: F.max_pool2d(x, 3, 1, 1))
        self.fc = nn.Linear(2048, 1008)

    def forward(self, x):
        x = 2 * F.interpolate(x, size=(299, 299), mode="bilinear", align_corners=False) - 1
        features = {}
        x = F.max_pool2d(self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x))), 3, 2)
        features[64] = x.mean((2, 3))
        x = F.max_pool2d(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)), 3, 2)
        features[192] = x.mean((2, 3))
        for name in ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e"):
            x = getattr(self, f"Mixed_{name}")(x)
        features[768] = x.mean((2, 3))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        features[2048] = x.mean((2, 3))
        return features, F.softmax(self.fc(features[2048]), 1)


def hashes(name, count):
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = (seed ^ byte) * 0x01000193 & 0xFFFFFFFF
    h = (seed + np.arange(count, dtype=np.uint64) * 0x9E3779B9) & 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = (h ^ (h >> np.uint64(shift))) * np.uint64(factor) & np.uint64(0xFFFFFFFF)
    return h ^ (h >> np.uint64(16))


def value(name, tensor):
    u = hashes(name, tensor.numel()) / 2**31 - 1
    fan_in = tensor[0].numel()
    if name.endswith("conv.weight"):
        u = u * math.sqrt(6 / fan_in)
    elif name == "fc.weight":
        u = u * math.sqrt(3 / fan_in)
    elif name.endswith(("bn.weight", "running_var")):
        u = 1 + u / 2
    else:
        u = u * 0.1
    return torch.tensor(u.reshape(tuple(tensor.shape)), dtype=tensor.dtype)


torch.set_grad_enabled(False)
network = Inception().eval().double()
network.load_state_dict(
    {
        name: tensor if name.endswith("num_batches_tracked") else value(name, tensor).float().double()
        for name, tensor in network.state_dict().items()
    }
)
images = torch.tensor((hashes("images", 2 * 40 * 48 * 3) >> np.uint64(24)).astype(np.float64)).reshape(2, 40, 48, 3)
features, probabilities = network(images.permute(0, 3, 1, 2) / 255)
names = [name for name in network.state_dict() if not name.endswith("num_batches_tracked")]
shapes = {name: list(network.state_dict()[name].shape) for name in names}
rounded = lambda tensor: [[float(f"{v:.9g}") for v in row] for row in tensor.tolist()]
print(
    json.dumps(
        {
            "torch": torch.__version__,
            "shapes": shapes,
            "features": {str(size): rounded(f) for size, f in features.items()},
            "probabilities": rounded(probabilities),
        }
    )
)
