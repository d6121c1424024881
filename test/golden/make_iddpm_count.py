"""Counts the CIFAR-10 network of improved DDPM with diffusers and PyTorch hooks, as a check of the analytic counts.

    python test/golden/make_iddpm_count.py

writes `iddpm-count.json` beside this file: parameters, tensors, and the multiply-accumulates of convolutions and linear layers
seen by hooks in a forward pass of one image; attention products from the query and value shapes. Needs torch and diffusers.
"""

import json
import pathlib

import diffusers
import torch
from diffusers import UNet2DModel
from diffusers.models.attention_processor import Attention

network = UNet2DModel(
    sample_size=32,
    in_channels=3,
    out_channels=6,
    layers_per_block=3,
    block_out_channels=(128, 256, 256, 256),
    down_block_types=("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "DownBlock2D"),
    up_block_types=("UpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
    downsample_padding=0,
    norm_num_groups=32,
    attention_head_dim=64,
    resnet_time_scale_shift="scale_shift",
    attn_norm_num_groups=32,
).eval()

macs = attention_macs = 0
heads = set()


def count(module, inputs, output):
    global macs, attention_macs
    if isinstance(module, torch.nn.Conv2d):
        macs += module.weight[0].numel() * output[0].numel()
    elif isinstance(module, torch.nn.Linear):
        macs += module.in_features * output[0].numel()
    elif isinstance(module, Attention):
        heads.add(module.heads)
        tokens = output.shape[2] * output.shape[3]
        attention_macs += tokens * tokens * (module.to_q.out_features + module.to_v.out_features)


for module in network.modules():
    module.register_forward_hook(count)
with torch.no_grad():
    network(torch.zeros(1, 3, 32, 32), torch.tensor([0]))

result = {
    "diffusers": diffusers.__version__,
    "parameters": sum(parameter.numel() for parameter in network.parameters()),
    "tensors": len(list(network.parameters())),
    "macs": macs,
    "attentionMacs": attention_macs,
    "heads": sorted(heads),
}
pathlib.Path(__file__).with_name("iddpm-count.json").write_text(json.dumps(result) + "\n")
print(result)
