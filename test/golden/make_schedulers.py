"""Records single steps of diffusers' DDIM and DDPM schedulers.

Run: python test/golden/make_schedulers.py   (needs diffusers, torch, numpy; the version is recorded)

Writes schedulers.json beside this file. Inputs are exact in float32, so both sides start from the same numbers.
"""

import json
from pathlib import Path

import diffusers
import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from diffusers.schedulers import scheduling_ddpm

STEPS = 10  # of 1000: timesteps 900, 800, ..., 0
x = np.round(np.linspace(-2.5, 2.5, 12) * 64) / 64
noise = np.round(np.cos(np.arange(12) * 1.7) * 128) / 64
fresh = np.round(np.sin(np.arange(12) * 2.3) * 64) / 64

as_tensor = lambda values: torch.tensor(values, dtype=torch.float64).reshape(1, 3, 2, 2)
cases = []


def in_double(scheduler):
    scheduler.betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    scheduler.alphas = 1 - scheduler.betas
    scheduler.alphas_cumprod = torch.cumprod(scheduler.alphas, 0)
    scheduler.one = torch.tensor(1.0, dtype=torch.float64)
    scheduler.final_alpha_cumprod = torch.tensor(1.0, dtype=torch.float64)
    scheduler.set_timesteps(STEPS)
    return scheduler


def record(method, t, options, result):
    values = [float(f"{v:.9g}") for v in result.reshape(-1).tolist()]
    cases.append({"method": method, "timestep": t, "next": t - 100 if t > 0 else None, **options, "result": values})


for clip in (False, True):
    for t in (900, 500, 100, 0):
        for eta in (0.0, 0.5, 1.0):
            scheduler = in_double(DDIMScheduler(clip_sample=clip, timestep_spacing="leading"))
            step = scheduler.step(
                as_tensor(noise), t, as_tensor(x), eta=eta, use_clipped_model_output=True,
                variance_noise=as_tensor(fresh) if eta > 0 else None,
            )
            record("ddim", t, {"clip": clip, "eta": eta}, step.prev_sample)
        for variance in ("small", "large"):
            scheduler = in_double(
                DDPMScheduler(clip_sample=clip, timestep_spacing="leading", variance_type=f"fixed_{variance}")
            )
            scheduling_ddpm.randn_tensor = lambda *_, **__: as_tensor(fresh)
            step = scheduler.step(as_tensor(noise), t, as_tensor(x))
            record("ddpm", t, {"clip": clip, "variance": variance}, step.prev_sample)

document = {
    "diffusers": diffusers.__version__,
    "x": x.tolist(),
    "noise": noise.tolist(),
    "fresh": fresh.tolist(),
    "cases": cases,
}
Path(__file__).with_name("schedulers.json").write_text(json.dumps(document) + "\n")
