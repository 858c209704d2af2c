"""PyTorch's DataLoader on an image folder, for bench/pipeline.ts: an epoch for each line read, answered by its images,
seconds, and seconds of processor time on all processes.

    python3 bench/pipeline.py make FOLDER IMAGES   writes the pictures
    python3 bench/pipeline.py load FOLDER WORKERS BATCH

ImageFolder, RandomResizedCrop(224), RandomHorizontalFlip, ToTensor, Normalize, as torchvision's reference training.
"""

import json
import multiprocessing
import os
import sys
import time


def make(folder, images):
    """Pictures like photos, 500x375 JPEGs of quality 90: smooth colors, and noise as fine as a lens leaves it."""
    import numpy as np
    from PIL import Image, ImageFilter

    rng = np.random.default_rng(0)
    for index in range(images):
        path = os.path.join(folder, "train", f"class{index % 10}", f"{index:05d}.jpg")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        colors = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(colors).resize((500, 375), Image.BICUBIC), dtype=np.float32)
        noise = np.clip(rng.normal(128, 25, (375, 500)), 0, 255).astype(np.uint8)
        grain = np.asarray(Image.fromarray(noise).filter(ImageFilter.GaussianBlur(1)), dtype=np.float32) - 128
        pixels = np.clip(smooth + 1.5 * grain[..., None], 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(path, quality=90)


def load(folder, workers, batch):
    import torch
    import torchvision
    from torchvision import transforms

    torch.set_num_threads(1)
    dataset = torchvision.datasets.ImageFolder(
        os.path.join(folder, "train"),
        transforms.Compose(
            [
                transforms.RandomResizedCrop(224),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
            ]
        ),
    )
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=batch, shuffle=True, drop_last=True, num_workers=workers, persistent_workers=True
    )
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}", flush=True)
    for _ in sys.stdin:
        start, before = time.perf_counter(), processor_seconds()
        images = sum(len(labels) for _, labels in loader)
        seconds = time.perf_counter() - start
        print(json.dumps([images, seconds, processor_seconds() - before]), flush=True)


def processor_seconds():
    """Of this process and the loader's workers; NaN where the system does not tell (outside Linux)."""
    pids = [os.getpid(), *(child.pid for child in multiprocessing.active_children())]
    try:
        stats = [open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split() for pid in pids]
    except OSError:
        return float("nan")
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], int(sys.argv[3]))
    else:
        load(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
