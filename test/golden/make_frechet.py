"""Golden values of the Frechet and kernel distances, from numpy and scipy.

    python test/golden/make_frechet.py > test/golden/frechet.json

Frechet distance: scipy.linalg.sqrtm for covariances of full rank. For covariances of low rank sqrtm is not defined, so the
trace of the root is the nuclear norm of X1c @ X2c.T (numpy.linalg.svd of the centred data themselves, never of a covariance).
Kernel distance: the unbiased estimator written out with numpy's matrix products, on as many vectors of each set as the
smaller one has.
"""

import json

import numpy as np
import scipy
import scipy.linalg


def frechet_sqrtm(x1, x2):
    mean1, mean2 = x1.mean(0), x2.mean(0)
    cov1, cov2 = np.cov(x1, rowvar=False), np.cov(x2, rowvar=False)
    root = scipy.linalg.sqrtm(cov1 @ cov2)
    return float(((mean1 - mean2) ** 2).sum() + np.trace(cov1) + np.trace(cov2) - 2 * np.trace(root).real)


def frechet_nuclear(x1, x2):
    c1 = (x1 - x1.mean(0)) / np.sqrt(len(x1) - 1)
    c2 = (x2 - x2.mean(0)) / np.sqrt(len(x2) - 1)
    nuclear = np.linalg.svd(c1 @ c2.T, compute_uv=False).sum()
    return float(((x1.mean(0) - x2.mean(0)) ** 2).sum() + (c1**2).sum() + (c2**2).sum() - 2 * nuclear)


def kid(x, y):
    m, n, d = len(x), len(y), x.shape[1]
    xx, yy, xy = ((a @ b.T / d + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    return float(
        (xx.sum() - np.trace(xx)) / (m * (m - 1)) + (yy.sum() - np.trace(yy)) / (n * (n - 1)) - 2 * xy.mean()
    )


def case(rng, name, d, n1, n2, rank=None):
    mixing1 = rng.normal(size=(rank or d, d))
    mixing2 = mixing1 + 0.3 * rng.normal(size=(rank or d, d))
    x1 = np.round(rng.normal(size=(n1, rank or d)) @ mixing1 + 0.5, 6)
    x2 = np.round(rng.normal(size=(n2, rank or d)) @ mixing2 * 1.2, 6)
    full = min(n1, n2) > d and rank is None
    value = frechet_sqrtm(x1, x2) if full else frechet_nuclear(x1, x2)
    if full:
        assert abs(value - frechet_nuclear(x1, x2)) < 1e-9 * abs(value)
    return {
        "name": name,
        "dimensions": d,
        "first": x1.ravel().tolist(),
        "second": x2.ravel().tolist(),
        "frechet": value,
        "kid": kid(x1[: min(n1, n2)], x2[: min(n1, n2)]),
    }


rng = np.random.default_rng(20231220)
cases = [
    case(rng, "full rank, 6 dimensions", 6, 60, 50),
    case(rng, "full rank, 16 dimensions", 16, 80, 90),
    case(rng, "fewer images than dimensions", 24, 9, 12),
    case(rng, "one side of low rank", 12, 40, 7),
]
print(json.dumps({"numpy": np.__version__, "scipy": scipy.__version__, "cases": cases}))
