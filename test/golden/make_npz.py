"""Writes the npz files that test/formats/npz.test.ts reads.

    pip install numpy && python test/golden/make_npz.py

Recorded with numpy 2. `savez` stores, `savez_compressed` deflates; both write zip64 local headers.
"""

from pathlib import Path

import numpy as np

here = Path(__file__).parent / "npz"
here.mkdir(exist_ok=True)

arrays = {
    "mu": np.array([0.5, -1.25, 3e300]),
    "sigma": np.arange(6, dtype=np.float32).reshape(2, 3) / 4,
    "fortran": np.asfortranarray(np.arange(24, dtype=np.int32).reshape(2, 3, 4)),
    "labels": np.array([0, 128, 255], dtype=np.uint8),
    "count": np.array(-(2**62), dtype=np.int64),
    "nothing": np.zeros((0, 4), dtype=np.float32),
    "plain": np.zeros((40, 50), dtype=np.uint8),
}
np.savez(here / "stored.npz", **arrays)
np.savez_compressed(here / "deflated.npz", **arrays)
np.savez(here / "half.npz", mu=np.zeros(2, dtype=np.float16))
np.savez(here / "pickled.npz", mu=np.array([{}], dtype=object))
