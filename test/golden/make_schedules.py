"""Records the betas of diffusers' noise schedules, and single steps with other predictions and with a learned variance.

    python test/golden/make_schedules.py

writes `schedules.json` beside this file. The betas are computed by diffusers in float32; steps run in float64. Needs diffusers,
torch and numpy.
"""

import json
from pathlib import Path

import diffusers
import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from diffusers.schedulers import scheduling_ddim, scheduling_ddpm

SHOWN = [0, 1, 10, 100, 250, 500, 750, 900, 990, 998, 999]

options = {
    "linear": {"beta_schedule": "linear", "beta_start": 1e-4, "beta_end": 0.02},
    "scaled-linear": {"beta_schedule": "scaled_linear", "beta_start": 0.0015, "beta_end": 0.0195},
    "cosine": {"beta_schedule": "squaredcos_cap_v2"},
    "sigmoid": {"beta_schedule": "sigmoid", "beta_start": 1e-4, "beta_end": 0.02},
}
betas = {
    name: [DDPMScheduler(num_train_timesteps=1000, **its).betas[t].item() for t in SHOWN] for name, its in options.items()
}


def double_betas(name):
    """The published definitions in float64, from which diffusers' own function derives the rescaled schedule."""
    if name == "linear":
        return torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    return torch.linspace(0.0015**0.5, 0.0195**0.5, 1000, dtype=torch.float64) ** 2


rescaled = {}
for name in ("linear", "scaled-linear"):
    zero = scheduling_ddim.rescale_zero_terminal_snr(double_betas(name))
    alpha_bar = torch.cumprod(1 - zero, 0)
    rescaled[name] = {"betas": [zero[t].item() for t in SHOWN], "alphaBar": [alpha_bar[t].item() for t in SHOWN]}

x = np.round(np.linspace(-2.5, 2.5, 12) * 64) / 64
output = np.round(np.cos(np.arange(12) * 1.7) * 128) / 64
position = np.round(np.sin(np.arange(12) * 0.9) * 64) / 64
fresh = np.round(np.sin(np.arange(12) * 2.3) * 64) / 64
as_tensor = lambda values: torch.tensor(values, dtype=torch.float64).reshape(1, 3, 2, 2)
scheduling_ddpm.randn_tensor = lambda *_, **__: as_tensor(fresh)


def in_double(scheduler, zero_terminal):
    plain = double_betas("linear")
    scheduler.betas = scheduling_ddim.rescale_zero_terminal_snr(plain) if zero_terminal else plain
    scheduler.alphas = 1 - scheduler.betas
    scheduler.alphas_cumprod = torch.cumprod(scheduler.alphas, 0)
    scheduler.one = torch.tensor(1.0, dtype=torch.float64)
    scheduler.final_alpha_cumprod = torch.tensor(1.0, dtype=torch.float64)
    scheduler.set_timesteps(10)
    return scheduler


cases = []


def record(case, step):
    case["result"] = [float(f"{v:.9g}") for v in step.prev_sample.reshape(-1).tolist()]
    cases.append(case)


names = {"epsilon": "epsilon", "x0": "sample", "v": "v_prediction"}
for prediction, theirs in names.items():
    for clip in (False, True):
        for t in (900, 500, 0):
            for eta in (0.0, 0.7):
                scheduler = in_double(
                    DDIMScheduler(clip_sample=clip, prediction_type=theirs, timestep_spacing="leading"), False
                )
                step = scheduler.step(
                    as_tensor(output), t, as_tensor(x), eta=eta, use_clipped_model_output=True,
                    variance_noise=as_tensor(fresh) if eta > 0 else None,
                )
                record({"method": "ddim", "prediction": prediction, "timestep": t, "clip": clip, "eta": eta}, step)
            scheduler = in_double(
                DDPMScheduler(
                    clip_sample=clip, prediction_type=theirs, timestep_spacing="leading", variance_type="learned_range"
                ),
                False,
            )
            both = torch.cat([as_tensor(output), as_tensor(position)], dim=1)
            step = scheduler.step(both, t, as_tensor(x))
            record({"method": "ddpm", "prediction": prediction, "timestep": t, "clip": clip}, step)

# The first step from a timestep without signal: trailing spacing visits 999.
for prediction in ("x0", "v"):
    for method, scheduler_class in (("ddim", DDIMScheduler), ("ddpm", DDPMScheduler)):
        choices = {"variance_type": "fixed_large"} if method == "ddpm" else {}
        scheduler = in_double(
            scheduler_class(
                clip_sample=False, prediction_type=names[prediction], timestep_spacing="trailing", **choices
            ),
            True,
        )
        step = scheduler.step(as_tensor(output), 999, as_tensor(x))
        case = {"method": method, "prediction": prediction, "timestep": 999, "clip": False, "zeroTerminalSnr": True}
        record({**case, **({"eta": 0.0} if method == "ddim" else {})}, step)

document = {
    "diffusers": diffusers.__version__,
    "timesteps": SHOWN,
    "betas": betas,
    "zeroTerminalSnr": rescaled,
    "x": x.tolist(),
    "output": output.tolist(),
    "position": position.tolist(),
    "fresh": fresh.tolist(),
    "cases": cases,
}
Path(__file__).with_name("schedules.json").write_text(json.dumps(document) + "\n")
