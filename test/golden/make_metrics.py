"""Golden values of the Inception Score, precision and recall, and SSIM, written out with numpy and scipy.

    python test/golden/make_metrics.py > test/golden/metrics.json

Precision and recall: all distances in float64, brute force. SSIM: scipy.ndimage.gaussian_filter with sigma 1.5 cut off after 5
pixels, borders of 5 left out, the formula of Wang et al. 2004 on values in 0..1.
"""

import json

import numpy as np
from scipy.ndimage import gaussian_filter

rng = np.random.default_rng(1904)


def score(p, splits):
    parts = [p[k * len(p) // splits : (k + 1) * len(p) // splits] for k in range(splits)]
    values = [np.exp((q * (np.log(q) - np.log(q.mean(0)))).sum(1).mean()) for q in parts]
    return {"mean": float(np.mean(values)), "std": float(np.std(values))}


def prdc(generated, real, k=3):
    d = lambda a, b: np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1))
    radius = lambda a: np.sort(d(a, a), 1)[:, k]
    return {
        "precision": float((d(generated, real) <= radius(real)[None]).any(1).mean()),
        "recall": float((d(real, generated) <= radius(generated)[None]).any(1).mean()),
    }


def ssim(a, b):
    blur = lambda x: gaussian_filter(x, sigma=1.5, truncate=10 / 3, mode="reflect")[5:-5, 5:-5]
    values = []
    for c in range(a.shape[-1]):
        x, y = a[..., c], b[..., c]
        mx, my = blur(x), blur(y)
        vx, vy, vxy = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
        c1, c2 = 0.01**2, 0.03**2
        values.append((((2 * mx * my + c1) * (2 * vxy + c2)) / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean())
    return float(np.mean(values))


logits = np.round(rng.normal(size=(23, 6)) * 2, 4)
p = np.exp(logits)
p /= p.sum(1, keepdims=True)
generated = np.round(rng.normal(size=(40, 5)) * 0.7 + 0.4, 4)
real = np.round(rng.normal(size=(30, 5)), 4)
a = np.round(rng.uniform(size=(2, 14, 14, 3)), 3)
b = np.round(np.clip(a + 0.2 * rng.normal(size=a.shape), 0, 1), 3)
print(
    json.dumps(
        {
            "numpy": np.__version__,
            "score": {"logits": logits.tolist(), **score(p, 10)},
            "prdc": {"generated": generated.ravel().tolist(), "real": real.ravel().tolist(), **prdc(generated, real)},
            "ssim": {
                "first": a.ravel().tolist(),
                "second": b.ravel().tolist(),
                "ssim": float(np.mean([ssim(x, y) for x, y in zip(a, b)])),
                "absoluteError": float(np.abs(a - b).mean()),
                "rootMeanSquare": float(np.sqrt(((a - b) ** 2).mean())),
            },
        }
    )
)
