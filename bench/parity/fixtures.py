"""Writes test/fixtures/pytorch.json: what PyTorch makes of small trainings, schedules and losses, in double precision.

    python bench/parity/fixtures.py

LARS and LAMB, which PyTorch lacks, are written out here by their papers' algorithms. The file in the repository is
of torch 2.15.
"""

import json
from pathlib import Path

import torch
from torch.nn import functional as F
from torch.optim import lr_scheduler

OUT = Path(__file__).parents[2] / "test" / "fixtures" / "pytorch.json"
RATES = [0.1, 0.1, 0.05, 0.0, 0.2, 0.01]
STEPS = 40

torch.manual_seed(7)
torch.set_default_dtype(torch.float64)
# Values that single precision has as they are.
KERNEL, BIAS = torch.randn(3, 4).float().double(), torch.randn(4).float().double()
GRADIENTS = [[torch.randn(3, 4).float().double(), torch.randn(4).float().double()] for _ in RATES]


def lars(w, g, state, rate, o):
    trust = 1.0
    if w.dim() > 1:
        trust = o["trustCoefficient"] * w.norm() / (g.norm() + o["weightDecay"] * w.norm())
    state["v"] = o["momentum"] * state.get("v", 0) + trust * (g + o["weightDecay"] * w)
    return w - rate * state["v"]


def lamb(w, g, state, rate, o):
    state["t"] = state.get("t", 0) + 1
    state["m"] = o["beta1"] * state.get("m", 0) + (1 - o["beta1"]) * g
    state["v"] = o["beta2"] * state.get("v", 0) + (1 - o["beta2"]) * g**2
    mean = state["m"] / (1 - o["beta1"] ** state["t"])
    square = state["v"] / (1 - o["beta2"] ** state["t"])
    update = mean / (square.sqrt() + o["epsilon"]) + o["weightDecay"] * w
    trust = w.norm() / update.norm() if w.dim() > 1 else 1.0
    return w - rate * trust * update


def optimizer(parameters, o):
    decay = o["weightDecay"]
    if o["name"] == "sgd":
        return torch.optim.SGD(parameters, 1, o["momentum"], nesterov=o["nesterov"], weight_decay=decay)
    of = torch.optim.Adam if o["name"] == "adam" else torch.optim.AdamW
    return of(parameters, 1, (o["beta1"], o["beta2"]), o["epsilon"], decay)


def trajectory(o):
    own = {"lars": lars, "lamb": lamb}.get(o["name"])
    parameters = [KERNEL.clone().requires_grad_(), BIAS.clone().requires_grad_()]
    opt = None if own else optimizer(parameters, o)
    states, weights = [{}, {}], []
    for rate, gradients in zip(RATES, GRADIENTS):
        with torch.no_grad():
            if own:
                moved = [own(w, g, s, rate, o) for w, g, s in zip(parameters, gradients, states)]
                for w, to in zip(parameters, moved):
                    w.copy_(to)
            else:
                for w, g in zip(parameters, gradients):
                    w.grad = g.clone()
                opt.param_groups[0]["lr"] = rate
                opt.step()
        weights.append([w.flatten().tolist() for w in parameters])
    return {"optimizer": o, "weights": weights}


ADAM = {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-6, "weightDecay": 0.1}
OPTIMIZERS = [
    {"name": "sgd", "momentum": 0, "nesterov": False, "weightDecay": 0.1},
    {"name": "sgd", "momentum": 0.9, "nesterov": False, "weightDecay": 0.1},
    {"name": "sgd", "momentum": 0.9, "nesterov": True, "weightDecay": 0.1},
    {"name": "adam", **ADAM},
    {"name": "adamw", **ADAM},
    {"name": "lars", "momentum": 0.9, "trustCoefficient": 0.5, "weightDecay": 0.1},
    {"name": "lamb", **ADAM},
]


def rates(make):
    opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.4)
    scheduler = make(opt)
    found = []
    for step in range(STEPS):
        found.append(opt.param_groups[0]["lr"])
        opt.step()
        if step < STEPS - 1:
            scheduler.step()
    return found


SCHEDULES = {
    "CosineAnnealingLR": ("cosine", lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS)),
    "PolynomialLR": ({"name": "polynomial", "power": 2}, lambda o: lr_scheduler.PolynomialLR(o, STEPS, 2)),
    "LinearLR": ("linear", lambda o: lr_scheduler.LinearLR(o, 1, 0, STEPS)),
    "StepLR": ({"name": "step", "every": 1.25}, lambda o: lr_scheduler.StepLR(o, 10)),
    "MultiStepLR": (
        {"name": "multi_step", "milestones": [1, 3.125], "factor": 0.5},
        lambda o: lr_scheduler.MultiStepLR(o, [8, 25], 0.5),
    ),
    "OneCycleLR": ("one_cycle", lambda o: lr_scheduler.OneCycleLR(o, 0.4, STEPS, cycle_momentum=False)),
}


def loss(make, logits):
    logits = logits.clone().requires_grad_()
    value = make(logits)
    value.backward()
    return {"loss": value.item(), "gradient": logits.grad.flatten().tolist()}


LOGITS, TEACHER = (5 * torch.randn(4, 5)).float().double(), (5 * torch.randn(4, 5)).float().double()
LABELS = torch.tensor([0, 3, 4, 3])
T = 20


def clipped(norm):
    parameters = [torch.zeros_like(g, requires_grad=True) for g in GRADIENTS[0]]
    for p, g in zip(parameters, GRADIENTS[0]):
        p.grad = g.clone()
    torch.nn.utils.clip_grad_norm_(parameters, norm)
    return {"maxNorm": norm, "gradients": [p.grad.flatten().tolist() for p in parameters]}


def distilled(logits):
    teaching = F.kl_div(F.log_softmax(logits / T, 1), F.softmax(TEACHER / T, 1), reduction="batchmean")
    return F.cross_entropy(logits, LABELS) + T**2 * teaching


OUT.write_text(
    json.dumps(
        {
            "made": f"by bench/parity/fixtures.py with torch {torch.__version__.split('+')[0]}",
            "rates": RATES,
            "kernel": KERNEL.flatten().tolist(),
            "bias": BIAS.flatten().tolist(),
            "gradients": [[g.flatten().tolist() for g in pair] for pair in GRADIENTS],
            "trajectories": [trajectory(o) for o in OPTIMIZERS],
            "schedules": [
                {"scheduler": name, "decay": decay, "rates": rates(make)}
                for name, (decay, make) in SCHEDULES.items()
            ],
            "logits": LOGITS.flatten().tolist(),
            "teacherLogits": TEACHER.flatten().tolist(),
            "labels": LABELS.tolist(),
            "labelSmoothing": {
                "epsilon": 0.1,
                **loss(lambda x: F.cross_entropy(x, LABELS, label_smoothing=0.1), LOGITS),
            },
            # The Kullback-Leibler divergence, whose gradient is that of the cross entropy.
            "distillation": {
                "temperature": T,
                "teacherEntropy": -(F.softmax(TEACHER / T, 1) * F.log_softmax(TEACHER / T, 1)).sum(1).mean().item(),
                **loss(distilled, LOGITS),
            },
            "clipping": [clipped(1.0), clipped(100.0)],
        },
        indent=1,
    )
    + "\n"
)
