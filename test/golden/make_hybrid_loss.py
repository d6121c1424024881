"""Records the hybrid loss of improved DDPM and its gradient, from distributions of PyTorch in float64.

    python test/golden/make_hybrid_loss.py

writes `hybrid-loss.json` beside this file. The posterior and the model's step are torch.distributions.Normal, whose divergence
and distribution function (exact, not the approximation of the reference code) PyTorch supplies. Needs torch and numpy.
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
from torch.distributions import Normal, kl_divergence

T, PIXELS = 1000, 12
TIMESTEPS = [0, 1, 250, 999]
betas = torch.linspace(1e-4, 0.02, T, dtype=torch.float64)
alpha_bar = torch.cumprod(1 - betas, 0)
alpha_bar_next = torch.cat([torch.ones(1, dtype=torch.float64), alpha_bar[:-1]])
posterior_variance = betas * (1 - alpha_bar_next) / (1 - alpha_bar)
bounded_variance = torch.cat([posterior_variance[1:2], posterior_variance[1:]])


def exact(values):
    """Rounded so that float32 holds it exactly, as (image, channel-last pixels)."""
    return torch.tensor(np.round(np.asarray(values) * 64) / 64).reshape(len(TIMESTEPS), PIXELS)


count = len(TIMESTEPS) * PIXELS
i = np.arange(count)
x0 = torch.tensor(np.round((np.cos(0.7 * i) * 0.5 + 0.5) * 255) / 127.5 - 1).reshape(len(TIMESTEPS), PIXELS)
x0[0, 0], x0[0, 1] = -1.0, 1.0  # ends of the range: open bins
noise = exact(np.sin(2.1 * i) * 1.5)
error = exact(np.sin(1.3 * i) * 0.25)
position = exact(np.cos(0.9 * i) * 0.9).requires_grad_()

t = torch.tensor(TIMESTEPS)
column = lambda values: values[t].reshape(-1, 1)
signal, rest = column(alpha_bar).sqrt(), (1 - column(alpha_bar)).sqrt()
xt = signal * x0 + rest * noise

cases = {}
for kind in ("epsilon", "x0", "v"):
    target = {"epsilon": noise, "x0": x0, "v": signal * noise - rest * x0}[kind]
    # Near t = 0 the image is known to a hundredth: a larger error would leave no probability to any level.
    prediction = (target + (error / 64 if kind == "x0" else error)).clone().requires_grad_()

    def image_of(p):
        return {"epsilon": (xt - rest * p) / signal, "x0": p, "v": signal * xt - rest * p}[kind]

    def mean_of(image):
        of_image = column(alpha_bar_next).sqrt() * column(betas) / (1 - column(alpha_bar))
        of_xt = (1 - column(betas)).sqrt() * (1 - column(alpha_bar_next)) / (1 - column(alpha_bar))
        return of_image * image + of_xt * xt

    fraction = (position + 1) / 2
    log_variance = fraction * column(betas).log() + (1 - fraction) * column(bounded_variance).log()
    model = Normal(mean_of(image_of(prediction.detach())), (0.5 * log_variance).exp())
    true = Normal(mean_of(x0), column(bounded_variance).sqrt())
    divergence = kl_divergence(true, model)
    upper = torch.where(x0 > 0.999, torch.ones_like(x0), model.cdf(x0 + 1 / 255))
    lower = torch.where(x0 < -0.999, torch.zeros_like(x0), model.cdf(x0 - 1 / 255))
    likelihood = (upper - lower).clamp(min=1e-12).log()
    bound = torch.where(t.reshape(-1, 1) == 0, -likelihood, divergence).mean(dim=1) / math.log(2)
    squared = ((prediction - target) ** 2).mean(dim=1)
    total = squared + 0.001 * T * bound
    of_prediction, of_position = torch.autograd.grad(total.sum(), [prediction, position])
    cases[kind] = {
        "xt": xt.reshape(-1).tolist(),
        "target": target.reshape(-1).tolist(),
        "prediction": prediction.detach().reshape(-1).tolist(),
        "squaredError": squared.tolist(),
        "boundBits": bound.tolist(),
        "total": total.tolist(),
        "gradientOfPrediction": of_prediction.reshape(-1).tolist(),
        "gradientOfPosition": of_position.reshape(-1).tolist(),
    }

document = {
    "torch": torch.__version__,
    "timesteps": TIMESTEPS,
    "position": position.detach().reshape(-1).tolist(),
    "cases": cases,
}
Path(__file__).with_name("hybrid-loss.json").write_text(json.dumps(document) + "\n")
for kind, case in cases.items():
    print(kind, case["boundBits"], case["total"])
