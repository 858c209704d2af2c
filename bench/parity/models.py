"""The models of the comparison: torchvision's, timm's, and the CIFAR form of ResNet, which neither has."""

import timm
import torchvision
from torch import nn
from torch.nn import functional as F

CIFAR_BLOCKS = {"resnet8": 1, "resnet14": 2, "resnet20": 3}


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class CifarResNet(nn.Module):
    """He et al. 2016, section 4.2, with a 1x1 convolution as the shortcut where shapes change."""

    def __init__(self, blocks, width, channels, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        for stage in range(3):
            outputs = width * 2**stage
            inputs = max(outputs // 2, width)
            first = Block(width if stage == 0 else inputs, outputs, 1 if stage == 0 else 2)
            others = [Block(outputs, outputs, 1) for _ in range(blocks - 1)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(first, *others))
        self.fc = nn.Linear(4 * width, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))


def of_experiment(experiment):
    data, model = experiment["data"], experiment["model"]
    channels, classes = data.get("channels", 1), data.get("classes", 10)
    if model["name"] in CIFAR_BLOCKS:
        return CifarResNet(CIFAR_BLOCKS[model["name"]], model["width"], channels, classes)
    if not experiment.get("tricks", {}).get("resnet_d"):
        raise ValueError(f"no model for {experiment}")
    width = model.get("width", 64)
    return timm.create_model(
        model["name"] + "d",
        num_classes=classes,
        in_chans=channels,
        zero_init_last=False,
        stem_width=width // 2,
        channels=tuple(width * 2**stage for stage in range(4)),
    )


def of_library(name, classes):
    """Such as torchvision.resnet50, which may have its strides moved to where the paper's baseline has them."""
    library, model = name.split(",")[0].split(".")
    if library == "timm":
        return timm.create_model(model, num_classes=classes)
    net = getattr(torchvision.models, model)(num_classes=classes)
    if name.endswith("stride in the first 1x1"):
        for stage in (net.layer2, net.layer3, net.layer4):
            stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)
    return net
