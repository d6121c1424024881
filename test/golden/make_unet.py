"""Records small networks of diffusers' UNet2DModel, and what they compute.

    python test/golden/make_unet.py

writes, beside this file, the folders `unet-small` and `unet-scale-shift` as `save_pretrained` does, and for each one
`NAME-io.safetensors` with the inputs `x` (N, C, H, W) and `t` (N) and the output `noise`. The second network has scale-shift
norms, several attention heads, and output channels for a learned variance. Weights are random at a scale where every tensor
matters. Needs torch, diffusers and safetensors.
"""

import math
import pathlib

import torch
from diffusers import UNet2DModel
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent


def record(name, **choices):
    torch.manual_seed(0)
    network = UNet2DModel(
        sample_size=16,
        in_channels=3,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        downsample_padding=0,
        flip_sin_to_cos=False,
        freq_shift=1,
        norm_eps=1e-6,
        norm_num_groups=4,
        **choices,
    ).eval()

    with torch.no_grad():
        for parameter_name, tensor in network.named_parameters():
            if tensor.ndim > 1:
                tensor.normal_(0, 1 / math.sqrt(tensor[0].numel()))
            elif "norm" in parameter_name and parameter_name.endswith("weight"):
                tensor.normal_(1, 0.3)
            else:
                tensor.normal_(0, 0.3)
        x = torch.randn(3, 3, 16, 16)
        t = torch.tensor([0, 487, 999])
        noise = network(x, t).sample

    network.save_pretrained(here / name)
    save_file({"x": x, "t": t.to(torch.int32), "noise": noise}, here / f"{name}-io.safetensors")


record("unet-small", out_channels=3, layers_per_block=2, attention_head_dim=None)
record(
    "unet-scale-shift",
    out_channels=6,
    layers_per_block=1,
    attention_head_dim=4,
    resnet_time_scale_shift="scale_shift",
    attn_norm_num_groups=4,
)
