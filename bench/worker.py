"""PyTorch's contestants of bench/run.mjs, as bench/worker.ts is ours: the same models, steps and answers.

    python bench/worker.py <contiguous | channels_last | bfloat16> <model>
"""

import json
import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


def conv(channels, filters, size, stride=1):
    return nn.Conv2d(channels, filters, size, stride, size // 2, bias=False)


class Block(nn.Module):
    """A residual block of two 3x3 convolutions (ResNet-20) or of three, the middle one strided (ResNet-50, B to D)."""

    def __init__(self, channels, filters, stride, bottleneck):
        super().__init__()
        if bottleneck:
            width = filters // 4
            layers = [(channels, width, 1, 1), (width, width, 3, stride), (width, filters, 1, 1)]
        else:
            layers = [(channels, filters, 3, stride), (filters, filters, 3, 1)]
        parts = []
        for index, layer in enumerate(layers):
            parts += [conv(*layer), nn.BatchNorm2d(layer[1])]
            if index < len(layers) - 1:
                parts.append(nn.ReLU(inplace=True))
        self.branch = nn.Sequential(*parts)
        if stride == 1 and channels == filters:
            self.shortcut = nn.Identity()
        elif bottleneck:
            pool = [nn.AvgPool2d(2, 2)] if stride == 2 else []
            self.shortcut = nn.Sequential(*pool, conv(channels, filters, 1), nn.BatchNorm2d(filters))
        else:
            self.shortcut = nn.Sequential(conv(channels, filters, 1, stride), nn.BatchNorm2d(filters))

    def forward(self, x):
        return F.relu(self.branch(x) + self.shortcut(x), inplace=True)


def stages(channels, plan, bottleneck):
    for filters, blocks, stride in plan:
        for index in range(blocks):
            yield Block(channels, filters, stride if index == 0 else 1, bottleneck)
            channels = filters


def resnet20():
    stem = [conv(1, 16, 3), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    body = stages(16, [(16, 3, 1), (32, 3, 2), (64, 3, 2)], False)
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
    return nn.Sequential(*stem, *body, *head), (128, 1, 28, 28)


def resnet50_d():
    stem = []
    for channels, filters, stride in [(3, 32, 2), (32, 32, 1), (32, 64, 1)]:
        stem += [conv(channels, filters, 3, stride), nn.BatchNorm2d(filters), nn.ReLU(inplace=True)]
    stem.append(nn.MaxPool2d(3, 2, 1))
    body = stages(64, [(256, 3, 1), (512, 4, 2), (1024, 6, 2), (2048, 3, 2)], True)
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, 10)]
    return nn.Sequential(*stem, *body, *head), (32, 3, 64, 64)


def now():
    """Milliseconds by the clock, and of processor time on all threads."""
    return 1000 * time.perf_counter(), 1000 * time.process_time()


def between(start, end):
    return {"wallMs": end[0] - start[0], "cpuMs": end[1] - start[1]}


def main(layout, name):
    torch.manual_seed(1)
    model, shape = {"resnet20": resnet20, "resnet50-d": resnet50_d}[name]()
    images = torch.randn(shape)
    labels = torch.randint(0, 10, shape[:1])
    if layout != "contiguous":
        model = model.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=1e-4)

    def step():
        marks = [now()]
        with torch.autocast("cpu", torch.bfloat16, enabled=layout == "bfloat16"):
            loss = F.cross_entropy(model(images), labels)
        marks.append(now())
        optimizer.zero_grad()
        loss.backward()
        marks.append(now())
        optimizer.step()
        marks.append(now())
        loss.item()
        marks.append(now())
        phases = ["forward", "backward", "update", "rest"]
        none = {"wallMs": 0, "cpuMs": 0}
        return {"input": none, **{phase: between(*marks[index : index + 2]) for index, phase in enumerate(phases)}}

    def say(value):
        print(json.dumps(value), flush=True)

    parameters = sum(parameter.numel() for parameter in model.parameters())
    say(
        {
            "description": f"PyTorch {torch.__version__}, {layout}",
            "threads": torch.get_num_threads(),
            "versions": {"torch": torch.__version__, "python": sys.version.split()[0]},
            "batchSize": shape[0],
            "parameters": parameters,
        }
    )
    for line in sys.stdin:
        times = [step() for _ in range(int(line))]
        say({"times": times, "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024})


main(*sys.argv[1:3])
