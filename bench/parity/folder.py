"""Trains on an image folder with PyTorch and torchvision; writes the initial weights and the losses.

    python bench/parity/folder.py              the cases of test/fixtures/parity, to there, after drawing the images
    python bench/parity/folder.py CASES OUT    those of CASES' image_folder, of torchvision's resnet18, to OUT

A formula draws the images. Random crops and flips take the numbers that a run takes: its generator is written out here.
The files in the repository are of torch 2.15, torchvision 0.29 and Pillow 13.
"""

import hashlib
import json
import math
import shutil
import sys
from pathlib import Path

import numpy
import torch
import torchvision
from PIL import Image
from torch.nn import functional as F
from torchvision.datasets import ImageFolder
from torchvision.transforms import functional as T

import models

CLASSES = ["arcs", "bars", "checks", "diagonals", "discs", "gradients", "rings", "waves"]
TRAIN_IMAGES, VALIDATION_IMAGES = 8, 1
MASK = 2**64 - 1


def drawn(label, number):
    """[height, width, 3]: the class's pattern, whose scale, place and colors depend on the number."""
    height, width = 80 + number * 37 % 121, 80 + number * 53 % 121
    y, x = numpy.mgrid[0:height, 0:width].astype(float)
    y, x = y - height * (0.3 + number % 5 / 10), x - width * (0.3 + number % 7 / 15)
    scale = 9 + number % 11
    r, angle = numpy.hypot(x, y), numpy.arctan2(y, x)
    pattern = {
        "arcs": numpy.sin(3 * angle + r / scale),
        "bars": numpy.sign(numpy.sin(x / scale)),
        "checks": numpy.sign(numpy.sin(x / scale) * numpy.sin(y / scale)),
        "diagonals": numpy.sin((x + y) / scale),
        "discs": numpy.where(r < 3 * scale, 1.0, -1.0),
        "gradients": numpy.tanh((2 * x - y) / (4 * scale)),
        "rings": numpy.sin(r / scale * 2),
        "waves": numpy.sin(x / scale + 2 * numpy.sin(y / scale)),
    }[CLASSES[label]]
    phases = number * 0.7 + numpy.arange(3) * 2
    colors = numpy.sin(phases + 0.8 * pattern[..., None])
    shade = 0.25 * numpy.sin(x / 31 + y / 23)[..., None]
    return numpy.clip(numpy.round(127.5 + 100 * (colors + shade)), 0, 255).astype(numpy.uint8)


def write_images(root):
    """As files of all kinds: chroma in half or whole, progressive, gray, and PNG of palettes and without."""
    for label, name in enumerate(CLASSES):
        for index in range(TRAIN_IMAGES + VALIDATION_IMAGES):
            number = label * (TRAIN_IMAGES + VALIDATION_IMAGES) + index
            image = Image.fromarray(drawn(label, number))
            folder = root / ("train" if index < TRAIN_IMAGES else "val") / name
            folder.mkdir(parents=True, exist_ok=True)
            match number % 12:
                case 3:
                    image.convert("L").save(folder / f"{number:02}.jpg", quality=80)
                case 5:
                    image.save(folder / f"{number:02}.jpg", quality=75, subsampling="4:4:4")
                case 7:
                    image.save(folder / f"{number:02}.jpeg", quality=80, progressive=True)
                case 11:
                    image.resize((90, 80)).quantize(16).save(folder / f"{number:02}.png", optimize=True)
                case _:
                    image.save(folder / f"{number:02}.jpg", quality=70 + number % 10)


class Uniform:
    """xoroshiro128+ from the first half of SHA-256 of the stream's name and the seed; 53 bits to a number in [0, 1)."""

    def __init__(self, seed, stream):
        words = numpy.frombuffer(hashlib.sha256(f"{stream} {seed}".encode()).digest()[:16], "<u4")
        high0, low0, high1, low1 = (int(word) for word in words)
        self.s0, self.s1 = high0 << 32 | low0, high1 << 32 | low1

    def word(self):
        """The low half of the generator's 64 bits; its rotations are by 24, 16 and 37."""
        s0, s1 = self.s0, self.s1
        word = (s0 + s1) & 0xFFFFFFFF
        s1 ^= s0
        self.s0 = (s0 << 24 | s0 >> 40) & MASK ^ s1 ^ s1 << 16 & MASK
        self.s1 = (s1 << 37 | s1 >> 27) & MASK
        return word

    def __call__(self):
        high, low = self.word() & 2**26 - 1, self.word() & 2**27 - 1
        return high * 2.0**-26 + low * 2.0**-53


def crop_box(width, height, area, aspect, uniform):
    """torchvision's RandomResizedCrop.get_params, but for where its random numbers come from."""
    for _ in range(10):
        target = height * width * (area[0] + (area[1] - area[0]) * uniform())
        low, high = math.log(aspect[0]), math.log(aspect[1])
        ratio = math.exp(low + (high - low) * uniform())
        w, h = round(math.sqrt(target * ratio)), round(math.sqrt(target / ratio))
        if 0 < w <= width and 0 < h <= height:
            top = math.floor(uniform() * (height - h + 1))
            return top, math.floor(uniform() * (width - w + 1)), h, w
    ratio = width / height
    h = height if ratio >= aspect[0] else round(width / aspect[0])
    w = width if ratio <= aspect[1] else round(height * aspect[1])
    return (height - h) // 2, (width - w) // 2, h, w


def training_view(image, data, seed, epoch, index):
    """Resized and cropped to [size, size]: at random by the steps of `augment`, or the center."""
    size = data["image_size"]
    if data["presize"] and min(image.size) > data["presize"]:
        image = T.resize(image, data["presize"])
    if data["augment"] == "none":
        return T.center_crop(T.resize(image, size), size)
    uniform = Uniform(seed, f"augmentation {epoch} {index} 0")
    for step in data["augment"]:
        match step["step"]:
            case "random_resized_crop":
                box = crop_box(*image.size, step["area"], step["aspect"], uniform)
                image = T.resized_crop(image, *box, [size, size])
            case "flip":
                image = T.hflip(image) if uniform() < step["probability"] else image
    return image


def evaluation_view(image, data):
    if data["presize"] and min(image.size) > data["presize"]:
        image = T.resize(image, data["presize"])
    short_edge = math.floor(data["image_size"] / data["crop_pct"])
    return T.center_crop(T.resize(image, short_edge), data["image_size"])


def tensor(image, data):
    return T.normalize(T.to_tensor(image), data["mean"], data["std"])


def trained(net, experiment, images):
    """The losses of all steps, and the validation loss of each epoch."""
    data, recipe = experiment["data"], experiment["optimizer"]
    train, validation = ImageFolder(images / "train"), ImageFolder(images / "val")
    optimizer = torch.optim.SGD(
        net.parameters(),
        recipe["base_lr"],
        recipe["momentum"],
        weight_decay=recipe["weight_decay"],
        nesterov=recipe["nesterov"],
    )
    seen = [(tensor(evaluation_view(image, data), data), label) for image, label in validation]
    losses, validation_losses = [], []
    for epoch in range(experiment["schedule"]["epochs"]):
        net.train()
        for first in range(0, len(train) - data["batch_size"] + 1, data["batch_size"]):
            batch = [(index, *train[index]) for index in range(first, first + data["batch_size"])]
            views = [training_view(image, data, experiment["seed"], epoch, index) for index, image, _ in batch]
            optimizer.zero_grad()
            logits = net(torch.stack([tensor(view, data) for view in views]))
            loss = F.cross_entropy(logits, torch.tensor([label for _, _, label in batch]))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        net.eval()
        with torch.no_grad():
            logits = net(torch.stack([image for image, _ in seen]))
            validation_losses.append(F.cross_entropy(logits, torch.tensor([label for _, label in seen])).item())
    return {"losses": losses, "validationLosses": validation_losses}


def experiments(cases):
    """Those of the cases: all share what is under `experiment`."""
    for case in cases["cases"]:
        yield {**cases["experiment"], "data": {**cases["experiment"]["data"], **case["data"]}}


def write(cases, images, out, of):
    """Writes the weights and the losses, from the same weights for each case."""
    torch.manual_seed(5)
    torch.save(of().state_dict(), out / cases["experiment"]["init"])
    results = []
    for case, experiment in zip(cases["cases"], experiments(cases)):
        net = of()
        net.load_state_dict(torch.load(out / experiment["init"]))
        results.append({"name": case["name"], **trained(net, experiment, images)})
    versions = f"torch {torch.__version__.split('+')[0]}, torchvision {torchvision.__version__.split('+')[0]}"
    made = f"by bench/parity/folder.py with {versions} and Pillow {Image.__version__}"
    (out / "losses.json").write_text(json.dumps({"made": made, "results": results}, indent=1) + "\n")


# One thread: sums in one order on every machine.
torch.set_num_threads(1)
fixture = Path(__file__).parents[2] / "test" / "fixtures" / "parity"
images = fixture / "images"
if len(sys.argv) == 1:
    cases = json.loads((fixture / "cases.json").read_text())
    width = cases["experiment"]["model"]["width"]
    shutil.rmtree(images, ignore_errors=True)
    write_images(images)
    write(cases, images, fixture, lambda: models.CifarResNet(1, width, 3, len(CLASSES)))
else:
    cases, out = json.loads(Path(sys.argv[1]).read_text())["image_folder"], Path(sys.argv[2])
    write(cases, images, out, lambda: torchvision.models.resnet18(num_classes=len(CLASSES)))
