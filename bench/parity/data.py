"""The data sets of the comparison, read and drawn here and not by the project's own code."""

import gzip
from pathlib import Path

import numpy
import torch

SAMPLE = Path(__file__).parents[2] / "data" / "fashion-mnist-sample"
# Of Fashion-MNIST's 60,000 training images.
FASHION_MEAN, FASHION_STD = 0.286041, 0.353024


def idx(name):
    with gzip.open(SAMPLE / f"{name}.gz") as file:
        content = file.read()
    dimensions = content[3]
    shape = numpy.frombuffer(content, ">u4", dimensions, offset=4)
    return numpy.frombuffer(content, numpy.uint8, offset=4 + 4 * dimensions).reshape(shape)


def mixed(key, counter):
    """MurmurHash3's finalizer over a Weyl sequence of the golden ratio, in 32 bits."""
    h = (numpy.asarray(key, numpy.uint64) + (numpy.asarray(counter, numpy.uint64) + 1) * 0x9E3779B9) % 2**32
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = (h ^ (h >> numpy.uint64(shift))) * factor % 2**32
    return h ^ (h >> numpy.uint64(16))


def synthetic(request, split, count):
    """A pixel is a quarter of its class's pattern, 4 x 4 cells, and three quarters of noise."""
    height, width, channels = request["height"], request["width"], request["channels"]
    key = mixed(mixed(0, request["seed"] % 2**32), request["seed"] // 2**32)
    pattern_key, noise_key = mixed(key, 0), mixed(key, 1 if split == "train" else 2)
    labels = numpy.arange(count) % request["classes"]
    rows = numpy.arange(height) * 4 // height
    columns = numpy.arange(width) * 4 // width
    positions = numpy.arange(height * width * channels)
    images = numpy.empty((count, height, width, channels), numpy.uint8)
    for index, label in enumerate(labels):
        cells = mixed(mixed(pattern_key, label), numpy.arange(16 * channels)) % 256
        pattern = cells.reshape(4, 4, channels)[rows[:, None], columns[None, :]].reshape(-1)
        words = mixed(mixed(noise_key, index), positions // 4 * 4)
        noise = (words >> (8 * (positions % 4)).astype(numpy.uint64)) % 256
        images[index] = ((pattern + 3 * noise) // 4).reshape(height, width, channels)
    return images, labels


def batches(request, split, size, count):
    """The first batches in the order of the data set: normalized images [size, channels, height, width], labels."""
    if request["dataset"] == "synthetic":
        images, labels = synthetic(request, split, size * count)
        mean, std = 0.5, numpy.hypot(1, 3) / 4 / numpy.sqrt(12)
    else:
        name = "train" if split == "train" else "t10k"
        images = idx(f"{name}-images-idx3-ubyte")[: size * count, :, :, None]
        labels = idx(f"{name}-labels-idx1-ubyte")[: size * count]
        mean, std = FASHION_MEAN, FASHION_STD
    normalized = torch.from_numpy((images / 255 - mean) / std).float().permute(0, 3, 1, 2).contiguous()
    return list(zip(normalized.split(size), torch.from_numpy(labels.astype(numpy.int64)).split(size)))
