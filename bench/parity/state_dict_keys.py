"""Writes test/fixtures/state-dicts.json: what torchvision's and timm's own models want of a state dict.

    python3 bench/parity/state_dict_keys.py        # needs torch, torchvision and timm

By system and the Python that builds the model: how many tensors it has, and the SHA-256 of their names and shapes, a
line each, sorted. The constructors are those that an export names.
"""

import hashlib
import json
from pathlib import Path

import timm
import torchvision

BUILT = [
    *(f"torchvision.models.{name}(num_classes=7)" for name in ["resnet18", "resnet50", "vgg16_bn", "densenet121"]),
    "torchvision.models.inception_v3(num_classes=7, aux_logits=False, init_weights=False)",
    "torchvision.models.DenseNet(8, (6, 12, 24, 16), 16, num_classes=7)",
    'timm.create_model("resnet18d", num_classes=7, in_chans=1)',
    'timm.create_model("resnet50", num_classes=7, in_chans=1)',
    'timm.create_model("resnet50c", num_classes=7, in_chans=3)',
    'timm.create_model("resnet50d", num_classes=7, in_chans=3, stem_width=8, channels=[16,32,64,128])',
    'timm.create_model("mobilenetv1_100", num_classes=7, in_chans=3)',
    'timm.create_model("mobilenetv1_100", num_classes=7, in_chans=3, act_layer="relu")',
    'timm.create_model("inception_v3", num_classes=7, in_chans=3)',
    'timm.create_model("vgg16_bn", num_classes=7, in_chans=3)',
    'timm.create_model("densenet121", num_classes=7, in_chans=3, growth_rate=32)',
]


def wanted(build):
    state = eval(build).state_dict()
    lines = sorted(f"{name} {','.join(map(str, tensor.shape))}" for name, tensor in state.items())
    return {"tensors": len(lines), "sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest()}


found = {build: wanted(build) for build in BUILT}
target = Path(__file__).parents[2] / "test/fixtures/state-dicts.json"
target.write_text(json.dumps(found, indent=2) + "\n")
print(f"{len(found)} models, torchvision {torchvision.__version__}, timm {timm.__version__}")
