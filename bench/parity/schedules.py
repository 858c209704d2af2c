"""Computes the learning rate of every step by the schedulers of timm and of torchvision's training script.

Adds them to test/fixtures/schedules.json, which schedules.ts wrote. timm's scheduler
is the one that its own create_scheduler_v2 makes, stepped as its train.py steps it; torchvision's is composed of
PyTorch's as references/classification/train.py of vision 0.2x does.
"""

import argparse
import json
import warnings
from pathlib import Path

import torch
from timm.scheduler import create_scheduler_v2
from timm.scheduler.scheduler_factory import scheduler_kwargs
from torch.optim import lr_scheduler

FILE = Path(__file__).parents[2] / "test/fixtures/schedules.json"
warnings.filterwarnings("ignore")


def optimizer_of(lr):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)


def timm_parser():
    """The options of train.py that its scheduler reads, with its defaults."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float)
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--sched", default="cosine")
    parser.add_argument("--sched-on-updates", action="store_true")
    parser.add_argument("--lr-noise", type=float, nargs="+", default=None)
    parser.add_argument("--lr-noise-pct", type=float, default=0.67)
    parser.add_argument("--lr-noise-std", type=float, default=1.0)
    parser.add_argument("--lr-cycle-mul", type=float, default=1.0)
    parser.add_argument("--lr-cycle-decay", type=float, default=0.5)
    parser.add_argument("--lr-cycle-limit", type=int, default=1)
    parser.add_argument("--lr-k-decay", type=float, default=1.0)
    parser.add_argument("--warmup-lr", type=float, default=1e-5)
    parser.add_argument("--min-lr", type=float, default=0)
    parser.add_argument("--decay-milestones", type=int, nargs="+", default=[90, 180, 270])
    parser.add_argument("--decay-epochs", type=float, default=90)
    parser.add_argument("--warmup-epochs", type=int, default=5)
    parser.add_argument("--warmup-prefix", action="store_true")
    parser.add_argument("--cooldown-epochs", type=int, default=0)
    parser.add_argument("--patience-epochs", type=int, default=10)
    parser.add_argument("--decay-rate", "--dr", type=float, default=0.1)
    return parser


def timm_rates(words, steps_per_epoch):
    args = timm_parser().parse_args(words)
    optimizer = optimizer_of(args.lr)
    scheduler, epochs = create_scheduler_v2(
        optimizer, **scheduler_kwargs(args), updates_per_epoch=steps_per_epoch
    )
    rates, updates = [], 0
    for epoch in range(epochs):
        for _ in range(steps_per_epoch):
            rates.append(optimizer.param_groups[0]["lr"])
            updates += 1
            scheduler.step_update(num_updates=updates)
        scheduler.step(epoch + 1)
    return rates


def torchvision_parser():
    """The options of train.py that its scheduler reads, with its defaults."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--epochs", type=int, default=90)
    parser.add_argument("--lr-scheduler", default="steplr")
    parser.add_argument("--lr-warmup-epochs", type=int, default=0)
    parser.add_argument("--lr-warmup-method", default="constant")
    parser.add_argument("--lr-warmup-decay", type=float, default=0.01)
    parser.add_argument("--lr-step-size", type=int, default=30)
    parser.add_argument("--lr-gamma", type=float, default=0.1)
    parser.add_argument("--lr-min", type=float, default=0.0)
    return parser


def torchvision_rates(words, steps_per_epoch):
    args = torchvision_parser().parse_args(words)
    optimizer = optimizer_of(args.lr)
    if args.lr_scheduler == "steplr":
        main = lr_scheduler.StepLR(optimizer, step_size=args.lr_step_size, gamma=args.lr_gamma)
    elif args.lr_scheduler == "cosineannealinglr":
        main = lr_scheduler.CosineAnnealingLR(
            optimizer, T_max=args.epochs - args.lr_warmup_epochs, eta_min=args.lr_min
        )
    else:
        main = lr_scheduler.ExponentialLR(optimizer, gamma=args.lr_gamma)
    scheduler = main
    if args.lr_warmup_epochs > 0:
        make = {
            "linear": lambda: lr_scheduler.LinearLR(
                optimizer, start_factor=args.lr_warmup_decay, total_iters=args.lr_warmup_epochs
            ),
            "constant": lambda: lr_scheduler.ConstantLR(
                optimizer, factor=args.lr_warmup_decay, total_iters=args.lr_warmup_epochs
            ),
        }
        scheduler = lr_scheduler.SequentialLR(
            optimizer,
            schedulers=[make[args.lr_warmup_method](), main],
            milestones=[args.lr_warmup_epochs],
        )
    rates = []
    for _ in range(args.epochs):
        rates += [optimizer.param_groups[0]["lr"]] * steps_per_epoch
        scheduler.step()
    return rates


RATES = {"timm": timm_rates, "torchvision": torchvision_rates}
commands = json.loads(FILE.read_text())
lines = []
for command in commands:
    words = [word for option in command["options"] for word in option]
    rates = RATES[command["system"]](words, command["stepsPerEpoch"])
    lines.append(json.dumps({**command, "rates": [float(f"{rate:.9g}") for rate in rates]}))
FILE.write_text("[\n" + ",\n".join(lines) + "\n]\n")
print(f"{len(lines)} schedules")
