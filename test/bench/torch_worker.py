"""Optimizer updates or forward passes of diffusers' UNet2DModel under PyTorch, the yardstick of the compiled step.

The network, Adam, the clipping of the global norm and the moving average are those of `stepadapt bench`; images are random.
One update or forward pass is made for each line on standard input, and its times are printed, so that several programs can
take turns (workers.mjs).

Install: pip install -r test/bench/requirements.txt
"""

import argparse
import contextlib
import json
import resource
import sys
import time

import torch
from diffusers import UNet2DModel

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--mode", choices=["train", "forward"], default="train")
parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32", help="bfloat16: under autocast")
parser.add_argument("--channels-last", action="store_true", help="memory format of weights and images")
parser.add_argument("--channels", type=int, required=True)
parser.add_argument("--multipliers", type=int, nargs="+", required=True)
parser.add_argument("--blocks", type=int, required=True)
parser.add_argument("--attention", type=int, nargs="*", default=[], help="sides of the levels with attention")
parser.add_argument("--norm-groups", type=int, required=True)
parser.add_argument("--dropout", type=float, default=0.0)
parser.add_argument("--size", type=int, required=True)
parser.add_argument("--batch", type=int, required=True)
parser.add_argument("--threads", type=int, required=True)
options = parser.parse_args()

IMAGE_CHANNELS = 3
RATE, CLIP, EMA_DECAY = 2e-4, 1.0, 0.9999

torch.manual_seed(0)
torch.set_num_threads(options.threads)
attended = [options.size >> level in options.attention for level in range(len(options.multipliers))]
model = UNet2DModel(
    sample_size=options.size,
    in_channels=IMAGE_CHANNELS,
    out_channels=IMAGE_CHANNELS,
    layers_per_block=options.blocks,
    block_out_channels=tuple(options.channels * multiplier for multiplier in options.multipliers),
    down_block_types=tuple("AttnDownBlock2D" if here else "DownBlock2D" for here in attended),
    up_block_types=tuple("AttnUpBlock2D" if here else "UpBlock2D" for here in reversed(attended)),
    downsample_padding=0,
    act_fn="silu",
    norm_num_groups=options.norm_groups,
    norm_eps=1e-6,
    freq_shift=1,
    flip_sin_to_cos=False,
    attention_head_dim=None,
    dropout=options.dropout,
)
shape = (options.batch, IMAGE_CHANNELS, options.size, options.size)
images, noise = torch.randn(shape), torch.randn(shape)
timesteps = torch.arange(options.batch) * 1000 // options.batch
if options.channels_last:
    model = model.to(memory_format=torch.channels_last)
    images, noise = (tensor.contiguous(memory_format=torch.channels_last) for tensor in (images, noise))
arithmetic = (
    torch.autocast("cpu", dtype=torch.bfloat16) if options.precision == "bfloat16" else contextlib.nullcontext()
)


def training():
    model.train()
    weights = list(model.parameters())
    average = [weight.detach().clone() for weight in weights]
    optimizer = torch.optim.Adam(weights, lr=RATE, fused=True)

    def update():
        optimizer.zero_grad(set_to_none=True)
        with arithmetic:
            output = model(images, timesteps).sample
        torch.nn.functional.mse_loss(output.float(), noise).backward()
        torch.nn.utils.clip_grad_norm_(weights, CLIP)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, weights, 1 - EMA_DECAY)

    return update


def sampling():
    model.eval()

    def forward():
        with torch.inference_mode(), arithmetic:
            return model(images, timesteps).sample.float().numpy()

    return forward


step = training() if options.mode == "train" else sampling()
for _ in sys.stdin:
    wall, cpu = time.perf_counter(), time.process_time()
    step()
    print(
        json.dumps(
            {
                "wallMs": 1000 * (time.perf_counter() - wall),
                "cpuMs": 1000 * (time.process_time() - cpu),
                "peakMb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        ),
        flush=True,
    )
