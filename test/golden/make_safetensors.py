"""Records a small file of the reference safetensors library, with every element type that it shares with numpy.

    python test/golden/make_safetensors.py

writes `reference.safetensors` beside this file. Values count up from 0 in each tensor. Needs numpy and safetensors.
"""

import pathlib

import numpy as np
from safetensors.numpy import save_file

types = ["float64", "float32", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8"]
tensors = {f"{name}-{kind}": np.arange(6, dtype=kind).reshape(2, 3) for kind in types for name in ("b", "a", "Z")}
tensors["scalar"] = np.array(7, dtype="float32")
tensors["empty"] = np.zeros((0, 3), dtype="float32")
tensors["ünïcode \U0001d11e \"quoted\""] = np.arange(3, dtype="float32")
tensors["ünïcode \uffff"] = np.arange(3, dtype="float32")
tensors["10"] = np.arange(2, dtype="uint8")
save_file(tensors, pathlib.Path(__file__).parent / "reference.safetensors", {"format": "pt"})
