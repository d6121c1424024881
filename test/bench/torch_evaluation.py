"""The other side of evaluationBench.mjs: pytorch-fid's network and torch-fidelity's kernel distance, one turn for each line.

    torch_evaluation.py weights --file X.pth      seeded random weights under pytorch-fid's names
    torch_evaluation.py features --file X.pth     one batch of images through pytorch-fid's InceptionV3
    torch_evaluation.py kid                       subsets of 1000 from two sets of 5000 features
"""

import argparse
import json
import resource
import sys
import time

import numpy as np
import torch

parser = argparse.ArgumentParser()
parser.add_argument("what", choices=["weights", "features", "kid"])
parser.add_argument("--file")
parser.add_argument("--batch", type=int, default=16)
parser.add_argument("--subsets", type=int, default=100)
parser.add_argument("--threads", type=int, default=0)
options = parser.parse_args()
if options.threads > 0:
    torch.set_num_threads(options.threads)
SIZE, KID_IMAGES, DIMENSIONS = 32, 5000, 2048


def random(count, seed):
    """The numbers of evaluationBench.mjs: a linear congruential generator's, in [0, 1), advanced by powers of its step."""
    with np.errstate(over="ignore"):
        factors = np.cumprod(np.full(count, 1_664_525, np.uint32), dtype=np.uint32)
        steps = np.cumsum(np.concatenate([np.ones(1, np.uint32), factors[:-1]]), dtype=np.uint32)
        states = factors * np.uint32(seed) + steps * np.uint32(1_013_904_223)
    return (states / 2.0**32).astype(np.float32)


def load_torchvision():
    """Loads torchvision, whose compiled operations nothing here needs, also beside a build of torch that they do not fit."""
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for name in [name for name in sys.modules if name.startswith("torchvision")]:
            del sys.modules[name]
        operations = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            operations.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return operations


def build(state):
    """pytorch-fid's network with these weights in place of the download; None = as torch initialises the seeded layers."""
    import pytorch_fid.inception as module

    if state is None:
        torch.manual_seed(0)
        module.load_state_dict_from_url = lambda *_args, **_kwargs: {}
        original = torch.nn.Module.load_state_dict
        torch.nn.Module.load_state_dict = lambda self, given, *args: original(self, given or self.state_dict(), *args)
        try:
            return module.fid_inception_v3()
        finally:
            torch.nn.Module.load_state_dict = original
    module.load_state_dict_from_url = lambda *_args, **_kwargs: state
    return module.InceptionV3([module.InceptionV3.BLOCK_INDEX_BY_DIM[DIMENSIONS]]).eval()


def serve(work):
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        value = work()
        result = {
            "value": value,
            "wallMs": 1000 * (time.perf_counter() - wall),
            "cpuMs": 1000 * (time.process_time() - cpu),
            "peakMb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        print(json.dumps(result), flush=True)


kept = load_torchvision()
if options.what == "weights":
    state = build(None).state_dict()
    # Torch's default layers of this depth end in values near zero; He's initialisation keeps their size.
    for name, value in state.items():
        if name.endswith("conv.weight"):
            state[name] = torch.randn_like(value) * (2 / value[0].numel()) ** 0.5
    torch.save(state, options.file)
elif options.what == "features":
    network = build(torch.load(options.file, weights_only=True))
    pixels = random(options.batch * SIZE * SIZE * 3, 1).reshape(options.batch, SIZE, SIZE, 3)
    images = torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())

    def features():
        with torch.no_grad():
            return float(network(images)[0].double().sum())

    serve(features)
else:
    from torch_fidelity.metric_kid import kid_features_to_metric

    first = torch.from_numpy(random(KID_IMAGES * DIMENSIONS, 1).reshape(KID_IMAGES, DIMENSIONS))
    second = torch.from_numpy(random(KID_IMAGES * DIMENSIONS, 2).reshape(KID_IMAGES, DIMENSIONS) * np.float32(1.1))
    settings = {"kid_subsets": options.subsets, "verbose": False}
    serve(lambda: kid_features_to_metric(first, second, **settings)["kernel_inception_distance_mean"])
