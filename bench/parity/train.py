"""Trains the cases with PyTorch: python train.py CASES OUT

Writes each case's initial weights to OUT/<index>.safetensors and the losses of its steps to OUT/losses.json.

Rates are small, and batches large enough, that rounding does not decide a training: at the usual rates losses of
the first steps in single and in double precision part by percents within PyTorch itself.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn import functional as F

import data
import models


class Lars(torch.optim.Optimizer):
    """You et al. 2017, algorithm 1, on kernels: v = m v + trust (g + d w), w = w - r v."""

    def __init__(self, groups, lr, momentum, trust_coefficient):
        super().__init__(groups, {"lr": lr, "momentum": momentum, "trust_coefficient": trust_coefficient})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for w in group["params"]:
                g, decay = w.grad, group["weight_decay"]
                trust = 1.0
                if w.dim() > 1 and w.norm() > 0 and g.norm() > 0:
                    trust = group["trust_coefficient"] * w.norm() / (g.norm() + decay * w.norm())
                v = self.state[w].setdefault("v", torch.zeros_like(w))
                v.mul_(group["momentum"]).add_(trust * (g + decay * w))
                w.sub_(group["lr"] * v)


def groups(net, decay, frees_biases):
    """Kernels have two axes or more; biases and norms have one."""
    kernels = [p for p in net.parameters() if p.dim() > 1]
    others = [p for p in net.parameters() if p.dim() <= 1]
    return [
        {"params": kernels, "weight_decay": decay},
        {"params": others, "weight_decay": 0.0 if frees_biases else decay},
    ]


def optimizer(net, recipe, tricks):
    parameters = groups(net, recipe["weight_decay"], "no_bias_decay" in tricks)
    rate = recipe["base_lr"]
    match recipe["name"]:
        case "sgd":
            return torch.optim.SGD(parameters, rate, recipe["momentum"], nesterov=recipe["nesterov"])
        case "adamw":
            return torch.optim.AdamW(parameters, rate, (recipe["beta1"], recipe["beta2"]))
        case "lars":
            return Lars(parameters, rate, recipe["momentum"], recipe["trust_coefficient"])
    raise ValueError(recipe["name"])


def losses(net, experiment, steps):
    tricks = experiment.get("tricks", {})
    accumulation = tricks.get("gradient_accumulation", {}).get("batches", 1)
    smoothing = tricks.get("label_smoothing", {}).get("epsilon", 0.0)
    batches = data.batches(experiment["data"], "train", experiment["data"]["batch_size"], steps * accumulation)
    opt = optimizer(net, experiment["optimizer"], tricks)
    net.train()
    result = []
    for step in range(steps):
        opt.zero_grad()
        total = 0.0
        for images, labels in batches[step * accumulation : (step + 1) * accumulation]:
            loss = F.cross_entropy(net(images), labels, label_smoothing=smoothing)
            (loss / accumulation).backward()
            total += loss.item() / accumulation
        if "gradient_clipping" in tricks:
            torch.nn.utils.clip_grad_norm_(net.parameters(), tricks["gradient_clipping"]["max_norm"])
        opt.step()
        result.append(total)
    return result


# One thread: sums in one order on every machine.
torch.set_num_threads(1)
cases, out = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
torch.manual_seed(1)
found = []
for index, case in enumerate(cases["trainings"]):
    net = models.of_experiment(case["experiment"])
    save_file(net.state_dict(), out / f"{index}.safetensors")
    found.append(losses(net, case["experiment"], cases["steps"]))
(out / "losses.json").write_text(json.dumps(found))
