"""Writes what Pillow and torchvision make of small images, for test/unit/augmentation.

    python bench/parity/augmentation.py
    python bench/parity/augmentation.py --times

test/fixtures/augmentation/resize.json: resized images as base64 bytes; boxes are [top, left, height, width].
test/fixtures/augmentation/goldens.json: evaluation views and operations, of which only the first 64 bits of the
bytes' SHA-256 are kept, and the magnitudes of RandAugment and TrivialAugment. The files here are of Pillow 13.0, torchvision 0.29.2 and
torch 2.15.

With --times it prints how long Pillow and torchvision take instead, beside bench/augmentation.ts.
"""

import base64
import hashlib
import json
import statistics
import sys
import time
from pathlib import Path

import numpy
import torch
from PIL import Image
from torchvision import transforms
from torchvision.transforms import InterpolationMode, autoaugment
from torchvision.transforms import functional as F

FOLDER = Path(__file__).parents[2] / "test/fixtures/augmentation"
FILTERS = {
    "nearest": InterpolationMode.NEAREST,
    "bilinear": InterpolationMode.BILINEAR,
    "bicubic": InterpolationMode.BICUBIC,
    "lanczos": InterpolationMode.LANCZOS,
}
RESAMPLING = {name: Image.Resampling[name.upper()] for name in FILTERS}
OPERATIONS = {
    "identity": "Identity",
    "shear_x": "ShearX",
    "shear_y": "ShearY",
    "translate_x": "TranslateX",
    "translate_y": "TranslateY",
    "rotate": "Rotate",
    "brightness": "Brightness",
    "color": "Color",
    "contrast": "Contrast",
    "sharpness": "Sharpness",
    "posterize": "Posterize",
    "solarize": "Solarize",
    "autocontrast": "AutoContrast",
    "equalize": "Equalize",
}


def picture(height, width, channels):
    """Gradients, a disc and noise, by whole numbers alone: MurmurHash3's finalizer of each value's index."""
    y, x, c = numpy.ogrid[:height, :width, :channels]
    gradient = numpy.where(c == 1, 150 * y // height, 150 * x // width) + 12 * c
    disc = 50 * ((2 * x - width) ** 2 + (2 * y - height) ** 2 < min(height, width) ** 2 // 3)
    h = (((y * width + x) * channels + c).astype(numpy.uint64) + 0x9E3779B9) % 2**32
    h ^= h >> 16
    h = h * 0x85EBCA6B % 2**32
    h ^= h >> 13
    h = h * 0xC2B2AE35 % 2**32
    h ^= h >> 16
    values = 10 + gradient + disc + (h % 16).astype(int)
    pixels = values.astype(numpy.uint8)
    return Image.fromarray(pixels if channels == 3 else pixels[:, :, 0])


def bytes_of(image):
    return numpy.asarray(image).tobytes()


def digest(image):
    return digest_of_bytes(bytes_of(image))


def digest_of_bytes(values):
    return hashlib.sha256(values).hexdigest()[:16]


def resized():
    for name, resampling in RESAMPLING.items():
        for (height, width, channels), box, size in [
            ((37, 53, 3), (0, 0, 37, 53), (11, 16)),
            ((37, 53, 3), (3, 5, 20, 31), (13, 13)),
            ((37, 53, 3), (1.25, 2.5, 30.1, 45.75), (12, 17)),
            ((37, 53, 3), (20, 40, 5, 7), (16, 18)),
            ((37, 53, 3), (10.5, 10.5, 16, 16), (16, 16)),
            ((37, 53, 3), (0, 30, 37, 23), (9, 23)),
            ((48, 64, 1), (0, 0, 48, 64), (13, 17)),
            ((48, 64, 1), (5.5, 7.75, 12.5, 9), (25, 30)),
            ((48, 64, 3), (2, 3, 12, 14), (12, 14)),
            ((1, 1, 3), (0, 0, 1, 1), (4, 5)),
            ((1, 64, 1), (0, 0, 1, 64), (6, 6)),
            ((300, 400, 3), (0, 0, 300, 400), (7, 9)),
            ((600, 500, 1), (3, 2, 590.5, 490), (9, 7)),
            # Lower by more than twice what it becomes narrower: Pillow 13 begins with the vertical pass.
            ((60, 21, 3), (0, 0, 60, 21), (17, 13)),
            ((60, 21, 1), (10, 3.5, 40.25, 15), (20, 23)),
            ((900, 150, 3), (0, 0, 900, 150), (5, 11)),
        ]:
            top, left, h, w = box
            image = picture(height, width, channels).resize(size[::-1], resampling, (left, top, left + w, top + h))
            yield {
                "image": [height, width, channels],
                "box": box,
                "size": size,
                "interpolation": name,
                "pixels": base64.b64encode(bytes_of(image)).decode(),
            }


def resized_crops():
    for name, mode in FILTERS.items():
        for shape, box, size in [
            ((37, 53, 3), (3, 5, 20, 31), 16),
            ((37, 53, 3), (0, 40, 37, 13), 24),
            ((48, 64, 1), (11, 0, 30, 40), 32),
            ((48, 64, 3), (5, 7, 32, 32), 32),
            ((400, 300, 3), (40, 30, 350, 230), 96),
        ]:
            image = F.resized_crop(picture(*shape), *box, [size, size], mode)
            yield {"image": shape, "box": box, "size": size, "interpolation": name, "digest": digest(image)}


def evaluation_views():
    for name, mode in FILTERS.items():
        for shape, size, crop_pct in [
            ((37, 53, 3), 16, 0.875),
            ((53, 37, 3), 16, 0.875),
            ((37, 53, 3), 24, 0.95),
            ((37, 53, 3), 37, 1),
            ((48, 64, 1), 48, 1),
            ((48, 64, 3), 48, 0.9),
            ((32, 32, 3), 32, 1),
            ((32, 32, 3), 28, 0.875),
            ((7, 90, 3), 20, 0.875),
            ((5, 5, 1), 33, 0.66),
            ((20, 31, 3), 15, 1.25),
            ((20, 31, 1), 14, 1.5),
            ((400, 300, 3), 224, 0.875),
        ]:
            short = int(size / crop_pct // 1)
            steps = transforms.Compose([transforms.Resize(short, mode), transforms.CenterCrop(size)])
            yield {
                "image": shape,
                "size": size,
                "cropPct": crop_pct,
                "interpolation": name,
                "digest": digest(steps(picture(*shape))),
            }


def spaces():
    """Magnitudes of each operation by bin, [] where it has none."""
    values = lambda space: {
        ours: ([] if space[theirs][0].ndim == 0 else [float(value) for value in space[theirs][0]])
        for ours, theirs in OPERATIONS.items()
    }
    randaugment = autoaugment.RandAugment()
    for height, width in [(224, 224), (32, 32), (37, 53)]:
        yield {
            "space": "randaugment",
            "size": [height, width],
            "magnitudes": values(randaugment._augmentation_space(31, (height, width))),
        }
    yield {
        "space": "trivialaugment",
        "size": [32, 32],
        "magnitudes": values(autoaugment.TrivialAugmentWide()._augmentation_space(31)),
    }


def operations():
    wide = autoaugment.TrivialAugmentWide()._augmentation_space(31)
    narrow = autoaugment.RandAugment()._augmentation_space(31, (37, 53))
    for shape in [(37, 53, 3), (48, 48, 3), (37, 53, 1), (2, 9, 3), (1, 1, 3)]:
        image = picture(*shape)
        for ours, theirs in OPERATIONS.items():
            magnitudes, signed = wide[theirs]
            chosen = [0.0] if magnitudes.ndim == 0 else sorted({float(m) for m in magnitudes})
            if shape == (37, 53, 3) and magnitudes.ndim:
                chosen += [float(m) for m in narrow[theirs][0]]
            elif len(chosen) > 4:
                chosen = chosen[:: len(chosen) // 3]
            for magnitude in chosen:
                for sign in (1, -1) if signed and magnitude else (1,):
                    changed = autoaugment._apply_op(image, theirs, sign * magnitude, InterpolationMode.NEAREST, None)
                    yield [list(shape), ours, sign * magnitude, digest(changed)]


def adjustments():
    """The steps of color_jitter at factors of its own."""
    for shape in [(37, 53, 3), (37, 53, 1), (300, 256, 3), (500, 400, 1)]:
        image = picture(*shape)
        for name, change, factors in [
            ("brightness", F.adjust_brightness, [0, 0.6, 0.87654321, 1, 1.4, 3]),
            ("contrast", F.adjust_contrast, [0, 0.6, 0.87654321, 1, 1.4, 3]),
            ("saturation", F.adjust_saturation, [0, 0.6, 0.87654321, 1, 1.4, 3]),
            ("hue", F.adjust_hue, [-0.5, -0.3, -0.1, -0.001, 0, 0.05, 0.25, 0.5]),
        ]:
            for factor in factors if shape[0] < 100 else [0.87654321, 1.4] if name != "hue" else []:
                yield [list(shape), name, factor, digest(change(image, factor))]


def hue_of_all_colors():
    """The hue of every 5th level of each channel, 140,608 colors, shifted by a tenth of a turn."""
    levels = numpy.arange(0, 256, 5, dtype=numpy.uint8)
    colors = numpy.stack(numpy.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(52 * 52, 52, 3)
    return digest(F.adjust_hue(Image.fromarray(colors), 0.1))


def lighting():
    """AlexNet's noise: the eigenvectors times the coefficients and eigenvalues, added to each pixel."""
    vectors = numpy.array([[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]])
    values = numpy.array([55.46, 4.794, 1.148])
    pixels = numpy.asarray(picture(37, 53, 3)).astype(float)
    for alpha in [[0.1, -0.05, 0.2], [-0.31, 0.02, 0], [1.5, 1, -1], [0, 0, 0]]:
        noisy = numpy.clip(numpy.floor(pixels + vectors @ (numpy.array(alpha) * values) + 0.5), 0, 255)
        yield {"coefficients": alpha, "digest": digest_of_bytes(noisy.astype(numpy.uint8).tobytes())}


def padded_crops():
    for shape, padding, top, left in [((32, 32, 3), 4, 0, 8), ((32, 32, 3), 4, 5, 3), ((28, 28, 1), 3, 6, 0)]:
        height, width, _ = shape
        image = F.crop(F.pad(picture(*shape), padding), top, left, height, width)
        yield {"image": shape, "padding": padding, "top": top, "left": left, "digest": digest(image)}


def flips():
    for shape in [(37, 53, 3), (48, 64, 1)]:
        image = picture(*shape)
        yield {"image": shape, "flip": digest(F.hflip(image)), "vertical_flip": digest(F.vflip(image))}


def central_crops():
    """The boxes that RandomResizedCrop falls back to, where no random box fits: [top, left, height, width]."""
    for height, width in [(1, 100), (100, 1), (10, 300), (301, 11), (7, 23), (9, 40)]:
        image = Image.new("L", (width, height))
        # An area of 4 times the image's never fits.
        box = transforms.RandomResizedCrop.get_params(image, [4.0, 4.0], [3 / 4, 4 / 3])
        yield {"image": [height, width], "box": list(box)}


def print_times():
    photo, square = picture(375, 500, 3), picture(224, 224, 3)
    cases = {
        f"random crop of 500x375, {name}": lambda mode=mode: transforms.RandomResizedCrop(224, interpolation=mode)(photo)
        for name, mode in FILTERS.items()
    }
    cases["color_jitter"] = lambda: transforms.ColorJitter(0.4, 0.4, 0.4)(square)
    cases["randaugment"] = lambda: autoaugment.RandAugment()(square)
    cases["trivialaugment"] = lambda: autoaugment.TrivialAugmentWide()(square)
    for ours, theirs in OPERATIONS.items():
        magnitude = 5 if ours == "posterize" else 0.3
        cases[f"operation {ours}"] = lambda theirs=theirs, magnitude=magnitude: autoaugment._apply_op(
            square, theirs, magnitude, InterpolationMode.NEAREST, None
        )
    print(f"{'to 224x224, milliseconds':44}median    mean")
    for name, run in cases.items():
        times = []
        for _ in range(400):
            start = time.perf_counter()
            run()
            times.append(1000 * (time.perf_counter() - start))
        print(f"{name:44}{statistics.median(times):.3f}  {statistics.mean(times):.3f}")


def lines(items):
    return "[\n" + ",\n".join(json.dumps(item) for item in items) + "\n]"


if __name__ == "__main__":
    if "--times" in sys.argv:
        print_times()
        sys.exit()
    torch.manual_seed(0)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "resize.json").write_text(lines(resized()) + "\n")
    parts = {
        "resizedCrops": resized_crops(),
        "evaluationViews": evaluation_views(),
        "magnitudes": spaces(),
        "operations": operations(),
        "adjustments": adjustments(),
        "lighting": lighting(),
        "paddedCrops": padded_crops(),
        "flips": flips(),
        "centralCrops": central_crops(),
    }
    texts = [f'"{name}": {lines(items)}' for name, items in parts.items()]
    texts += [
        f'"hueOfAllColors": "{hue_of_all_colors()}"',
        f'"picture": "{digest(picture(37, 53, 3))}"',
    ]
    (FOLDER / "goldens.json").write_text("{\n" + ",\n".join(texts) + "\n}\n")
