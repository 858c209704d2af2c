"""How far PyTorch's float32 is from its float64 on one pass of a new ResNet-50-D: python rounding.py

Prints the relative differences (Euclidean norms) of the logits, and of all gradients together, for contiguous tensors
and for channels last, on random images [32, 3, 64, 64]. Needs torch and timm.
"""

import copy

import timm
import torch
from torch import nn

torch.manual_seed(1)
net = timm.create_model("resnet50d", num_classes=10, zero_init_last=False).train()
for module in net.modules():
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
images = torch.rand(32, 3, 64, 64) * 3 - 1.5
labels = torch.arange(32) % 10


def passed(net, images):
    logits = net(images)
    nn.functional.cross_entropy(logits, labels).backward()
    gradients = torch.cat([parameter.grad.flatten() for parameter in net.parameters()])
    return logits.detach().double(), gradients.double()


def relative(actual, expected):
    return f"{((actual - expected).norm() / expected.norm()).item():.1e}"


expected = passed(copy.deepcopy(net).double(), images.double())
for name, layout in [("contiguous", torch.contiguous_format), ("channels last", torch.channels_last)]:
    logits, gradients = passed(copy.deepcopy(net).to(memory_format=layout), images.to(memory_format=layout))
    print(f"{name}: logits {relative(logits, expected[0])}, gradients {relative(gradients, expected[1])}")
