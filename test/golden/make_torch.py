"""Small files of torch.save in both of its formats, well-formed and hostile.

    python test/golden/make_torch.py

Writes test/golden/torch/*.pth and expected.json with the values. Needs torch.
"""

import collections
import json
import os
import pathlib

import torch

folder = pathlib.Path(__file__).parent / "torch"
folder.mkdir(exist_ok=True)

whole = torch.arange(12, dtype=torch.float32).reshape(3, 4) / 4
state = collections.OrderedDict(
    [
        ("layer.weight", whole),
        ("transposed", whole.t()),
        ("slice", whole[1:, 2]),
        ("count", torch.tensor(7)),
        ("double", torch.tensor([1 / 3, -2.0], dtype=torch.float64)),
        ("half", torch.tensor([1.0, -0.5], dtype=torch.float16)),
        ("flags", torch.tensor([True, False])),
        ("empty", torch.zeros(0, 3)),
        ("parameter", torch.nn.Parameter(torch.tensor([2.5]))),
        ("note", "not a tensor"),
    ]
)
state._metadata = {"": {"version": 1}}
torch.save(state, folder / "zip.pth")
torch.save(state, folder / "stream.pth", _use_new_zipfile_serialization=False)
bits = state["half"].view(torch.int16)
expected = {
    name: {"shape": list(value.shape), "data": (bits if name == "half" else value.to(torch.float64)).flatten().tolist()}
    for name, value in state.items()
    if isinstance(value, torch.Tensor)
}
(folder / "expected.json").write_text(json.dumps(expected))


class Command:
    def __reduce__(self):
        return os.system, ("touch stepadapt-was-here",)


torch.save({"weight": whole, "extra": Command()}, folder / "command.pth")
torch.save({"weight": whole, "extra": Command()}, folder / "command-stream.pth", _use_new_zipfile_serialization=False)
torch.save(torch.nn.Linear(2, 2), folder / "module.pth")
