"""What PyTorch makes of exported weights: python logits.py CASES OUT

Reads OUT/export-<index>.safetensors, strictly, and writes the logits of the validation images to OUT/logits.json.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

import data
import models

# One thread: sums in one order on every machine.
torch.set_num_threads(1)
cases, out = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
request = cases["export_data"]
[(images, _)] = data.batches(request, "validation", request["validation_images"], 1)
found = []
for index, case in enumerate(cases["exports"]):
    net = models.of_library(case["torch"], request["classes"])
    net.load_state_dict(load_file(out / f"export-{index}.safetensors"), strict=True)
    with torch.inference_mode():
        found.append(net.eval()(images).tolist())
(out / "logits.json").write_text(json.dumps(found))
