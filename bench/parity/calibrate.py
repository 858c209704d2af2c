"""Draws weights for the exports to start from: python calibrate.py CASES OUT

Writes OUT/init-<index>.safetensors, with running statistics that are the training images' own: those of a new
network, which a few steps hardly change, let activations grow from block to block until nothing can be compared.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

import data
import models

# One thread: sums in one order on every machine.
torch.set_num_threads(1)
cases, out = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
request = cases["export_data"]
[(images, _)] = data.batches(request, "train", request["train_images"], 1)
torch.manual_seed(2)
for index, case in enumerate(cases["exports"]):
    net = models.of_library(case["torch"], request["classes"])
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        net.train()(images)
    save_file(net.state_dict(), out / f"init-{index}.safetensors")
