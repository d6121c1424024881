"""Golden values of the Frechet and kernel distances, from numpy, scipy and, where rounding decides, mpmath.

    python test/golden/make_frechet.py > test/golden/frechet.json

Frechet distance: scipy.linalg.sqrtm for covariances of full rank. For covariances of low rank sqrtm is not defined, so the
trace of the root is the nuclear norm of X1c @ X2c.T (numpy.linalg.svd of the centred data themselves, never of a covariance).
Ill-conditioned covariances: mean, covariance and the eigenvalues of the product in 60 digits (mpmath).
Kernel distance: the unbiased estimator written out with numpy's matrix products, on as many vectors of each set as the
smaller one has.
"""

import json

import mpmath
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


def frechet_exact(x1, x2):
    mpmath.mp.dps = 60

    def moments(x):
        rows = mpmath.matrix(x.tolist())
        n, d = x.shape
        mean = [mpmath.fsum(rows[i, j] for i in range(n)) / n for j in range(d)]
        centred = mpmath.matrix(n, d)
        for i in range(n):
            for j in range(d):
                centred[i, j] = rows[i, j] - mean[j]
        return mean, centred.T * centred / (n - 1)

    (mean1, cov1), (mean2, cov2) = moments(x1), moments(x2)
    # The root of the first covariance from its own eigenvalues keeps the second problem symmetric.
    values, vectors = mpmath.eigsy(cov1)
    root = vectors * mpmath.diag([mpmath.sqrt(max(value, 0)) for value in values])
    roots = mpmath.eigsy(root.T * cov2 * root, eigvals_only=True)
    d = x1.shape[1]
    return float(
        mpmath.fsum((a - b) ** 2 for a, b in zip(mean1, mean2))
        + mpmath.fsum(cov1[i, i] + cov2[i, i] for i in range(d))
        - 2 * mpmath.fsum(mpmath.sqrt(max(value, 0)) for value in roots)
    )


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


def ill_conditioned(rng, name, d, n, spread, drift):
    """Deviations of the directions fall over `spread` decades; those of the second set are turned by `drift`."""
    turn1 = np.linalg.qr(rng.normal(size=(d, d)))[0]
    turn2 = np.linalg.qr(turn1 + drift * rng.normal(size=(d, d)))[0]
    scale = np.logspace(0, -spread, d)
    x1 = rng.normal(size=(n, d)) * scale @ turn1
    x2 = rng.normal(size=(n, d)) * scale @ turn2 + 0.01
    return {
        "name": name,
        "dimensions": d,
        "first": x1.ravel().tolist(),
        "second": x2.ravel().tolist(),
        "frechet": frechet_exact(x1, x2),
        "kid": kid(x1, x2),
    }


rng = np.random.default_rng(20231220)
cases = [
    case(rng, "full rank, 6 dimensions", 6, 60, 50),
    case(rng, "full rank, 16 dimensions", 16, 80, 90),
    case(rng, "fewer images than dimensions", 24, 9, 12),
    case(rng, "one side of low rank", 12, 40, 7),
    ill_conditioned(rng, "variances over 6 decades", 12, 40, 3, 0.1),
    ill_conditioned(rng, "variances over 12 decades", 12, 40, 6, 0.1),
    ill_conditioned(rng, "variances over 20 decades", 12, 40, 10, 0.1),
    ill_conditioned(rng, "variances over 12 decades, nearly alike", 12, 40, 6, 1e-4),
]
versions = {"numpy": np.__version__, "scipy": scipy.__version__, "mpmath": mpmath.__version__}
print(json.dumps({**versions, "cases": cases}))
