"""Records three training updates of diffusers' UNet2DModel under PyTorch: losses, gradient norms, weights, EMA.

Weights, images, noises and timesteps follow formulas, so that a test can build the same ones without large files.
Run: python test/golden/make_training.py   (needs torch, diffusers, numpy)
"""

import json
import pathlib

import numpy as np
import torch
from diffusers import UNet2DModel, __version__ as diffusers_version

SIZE, CHANNELS, BATCH, UPDATES = 8, 3, 4, 3
RATE, WARMUP, CLIP, EMA_DECAY = 1e-2, 2, 1.0, 0.9999

torch.set_num_threads(1)

model = UNet2DModel(
    sample_size=SIZE,
    in_channels=CHANNELS,
    out_channels=CHANNELS,
    layers_per_block=1,
    block_out_channels=(8, 16),
    down_block_types=("DownBlock2D", "AttnDownBlock2D"),
    up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    downsample_padding=0,
    act_fn="silu",
    norm_num_groups=4,
    norm_eps=1e-6,
    freq_shift=1,
    flip_sin_to_cos=False,
    attention_head_dim=None,
    dropout=0.0,
)


def wave(count, frequency, phase):
    return np.sin(frequency * np.arange(count, dtype=np.float64) + phase).astype(np.float32)


names = sorted(name for name, _ in model.named_parameters())
parameters = dict(model.named_parameters())
with torch.no_grad():
    for number, name in enumerate(names):
        parameter = parameters[name]
        values = wave(parameter.numel(), 1.7 + 0.01 * number, number)
        if parameter.ndim == 1:
            values = 0.1 * values + (1 if "norm" in name and name.endswith("weight") else 0)
        else:
            values = values * np.float32(1 / np.sqrt(parameter[0].numel()))
        parameter.copy_(torch.from_numpy(np.asarray(values, dtype=np.float32)).reshape(parameter.shape))

start = {name: parameters[name].detach().clone() for name in names}
ema = {name: parameters[name].detach().clone() for name in names}
optimizer = torch.optim.Adam(model.parameters(), lr=RATE, betas=(0.9, 0.999), eps=1e-8)
pixels = SIZE * SIZE * CHANNELS
updates = []

for update in range(1, UPDATES + 1):
    # Rows are images in (H, W, C) order; PyTorch wants (C, H, W).
    def images(frequency, phase):
        values = wave(BATCH * pixels, frequency, phase).reshape(BATCH, SIZE, SIZE, CHANNELS)
        return torch.from_numpy(values.transpose(0, 3, 1, 2).copy())

    xt, target = images(0.37 * update, update), 1.3 * images(2.3 + 0.1 * update, 5 * update)
    timesteps = torch.tensor([(137 * update + 211 * image) % 1000 for image in range(BATCH)])
    rate = RATE * min(1, update / WARMUP)
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad()
    per_image = ((model(xt, timesteps).sample - target) ** 2).mean(dim=(1, 2, 3))
    loss = per_image.mean()
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    optimizer.step()
    decay = min(EMA_DECAY, (1 + update) / (10 + update))
    with torch.no_grad():
        for name in names:
            ema[name].mul_(decay).add_(parameters[name], alpha=1 - decay)
    updates.append({"loss": loss.item(), "perImageLoss": per_image.tolist(), "gradientNorm": norm.item()})


def norms(tensors):
    return {name: tensors[name].double().norm().item() for name in names}


result = {
    "made": f"python test/golden/make_training.py (torch {torch.__version__}, diffusers {diffusers_version})",
    "shapes": {name: list(parameters[name].shape) for name in names},
    "updates": updates,
    "weightChangeNorms": norms({name: parameters[name].detach() - start[name] for name in names}),
    "emaChangeNorms": norms({name: ema[name] - start[name] for name in names}),
    "firstMomentNorms": norms({name: optimizer.state[parameters[name]]["exp_avg"] for name in names}),
    "secondMomentNorms": norms({name: optimizer.state[parameters[name]]["exp_avg_sq"] for name in names}),
    "finalWeights": {
        name: parameters[name].detach().flatten()[:8].tolist()
        for name in ("conv_in.weight", "conv_out.bias", "mid_block.attentions.0.to_v.weight", "time_embedding.linear_1.weight")
    },
}
path = pathlib.Path(__file__).with_name("training.json")
path.write_text(json.dumps(result, indent=1) + "\n")
print(path, updates)
