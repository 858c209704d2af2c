"""What ONNX Runtime and timm make of exported models: python exported_logits.py FOLDER

Reads FOLDER/cases.json and what it names; writes the logits of each case's images to FOLDER/logits.json.
"""

import json
import sys
from pathlib import Path

import numpy
import onnx
import onnxruntime
import timm
import torch
import torchvision  # a constructor may name it
from safetensors.torch import load_file
from timm.data import resolve_data_config

# One thread: sums in one order on every machine.
torch.set_num_threads(1)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
folder = Path(sys.argv[1])


def of_onnx(case, images):
    onnx.checker.check_model(case["path"] + ".onnx", full_check=True)
    session = onnxruntime.InferenceSession(case["path"] + ".onnx", options, providers=["CPUExecutionProvider"])
    height, width, channels = case["image"]
    [given], [made] = session.get_inputs(), session.get_outputs()
    assert (given.name, given.shape) == ("images", ["batch", channels, height, width]), given
    assert made.name == "logits" and made.shape[0] == "batch", made
    metadata = session.get_modelmeta().custom_metadata_map
    assert len(json.loads(metadata["class_names"])) == made.shape[1]
    [logits] = session.run(None, {"images": images})
    # Any number of images, one at a time too.
    assert session.run(None, {"images": images[:1]})[0].shape == (1, made.shape[1])
    return logits.tolist()


def of_timm(case, images):
    net = timm.create_model("local-dir:" + case["path"], pretrained=True).eval()
    height, width, channels = case["image"]
    config = resolve_data_config({}, model=net)
    assert [*config["input_size"]] == [channels, height, width], config
    assert (config["interpolation"], config["crop_pct"]) == ("bicubic", 0.875), config
    assert [*config["mean"]] == [0.5] * channels and [*config["std"]] == [0.25] * channels, config
    assert net.pretrained_cfg["label_names"][1] == "class 1"
    with torch.inference_mode():
        return net(torch.from_numpy(images)).tolist()


def of_state_dict(case, system, images):
    net = eval(case["constructors"][system])
    net.load_state_dict(load_file(f"{case['path']}.{system}.safetensors"), strict=True)
    with torch.inference_mode():
        return net.eval()(torch.from_numpy(images)).tolist()


print(f"onnxruntime {onnxruntime.__version__}, timm {timm.__version__}, torch {torch.__version__}", flush=True)
found = []
for case in json.loads((folder / "cases.json").read_text()):
    images = numpy.fromfile(case["path"] + ".images", dtype="<f4").reshape(-1, *case["image"])
    images = numpy.ascontiguousarray(images.transpose(0, 3, 1, 2))
    found.append(
        {
            "ours": case["ours"],
            "onnx": of_onnx(case, images),
            "timm": of_timm(case, images) if case["hasTimm"] else None,
            "stateDicts": {system: of_state_dict(case, system, images) for system in case["constructors"]},
        }
    )
(folder / "logits.json").write_text(json.dumps(found))
