"""Means with their standard errors. The unit is the prompt: pictures of different prompts are independent, what is measured on one
picture is not."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A mean and its standard error, which is NaN where it is not known."""

    mean: float
    error: float = math.nan

    def __sub__(self, other):
        """The difference of two independent estimates."""
        return Estimate(self.mean - other.mean, math.hypot(self.error, other.error))

    def text(self, decimals, factor=1.0, error=True):
        out = fixed(self.mean * factor, decimals)
        return f"{out} ± {fixed(self.error * factor, decimals)}" if error and math.isfinite(self.error) else out

    def sign(self):
        """1 or -1 where the mean is more than two standard errors from 0, else 0."""
        if not math.isfinite(self.error) or abs(self.mean) <= 2 * self.error:
            return 0
        return 1 if self.mean > 0 else -1


def fixed(v, decimals):
    """v with so many decimals, without a minus before zeros; "-" where there is no number."""
    if not math.isfinite(v):
        return "inf" if v > 0 else "-"
    text = f"{v:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def mean(values):
    """The estimate for values [n], one a prompt."""
    values = np.asarray(values, float)
    n = len(values)
    return Estimate(values.mean(), values.std(ddof=1) / math.sqrt(n) if n > 1 else math.nan)


def ratio(above, below):
    """The estimate of sum(above) / sum(below), [n] each, one a prompt, by linearisation."""
    above, below = np.asarray(above, float), np.asarray(below, float)
    n, total = len(above), below.sum()
    if total == 0:
        return Estimate(math.nan)
    r = above.sum() / total
    if n < 2:
        return Estimate(r)
    return Estimate(r, math.sqrt(n / (n - 1) * np.square(above - r * below).sum()) / total)


def psnr(mse):
    """PSNR in dB of the mean of squared errors [n] of 8-bit pictures, one a prompt."""
    m = mean(mse)
    if m.mean == 0:
        return Estimate(math.inf)
    return Estimate(10 * math.log10(255**2 / m.mean), 10 / math.log(10) * m.error / m.mean)


def at_equal_passes(passes, score, fixed_passes, fixed_scores):
    """How much adaptive windows differ from fixed ones at the same mean number of passes.

      passes, score   [prompts], of adaptive windows
      fixed_passes    [windows], ascending, the passes that fixed windows take
      fixed_scores    [windows, prompts]

    Returns the window in between that takes as many passes as the adaptive ones on average, as a position on fixed_passes (1.5 is the
    middle of the second and the third), the estimate of the fixed windows' score there, and values [prompts] whose mean is the
    difference. In between the score is interpolated: drawing a part of the pictures with one window and the rest with the next does
    just that. The values have in them what a prompt's passes are off the mean, so their spread tells the error of the difference
    with that of the mean number of passes.
    """
    passes, score, fixed_scores = np.asarray(passes, float), np.asarray(score, float), np.asarray(fixed_scores, float)
    fixed_passes = np.asarray(fixed_passes, float)
    m = passes.mean()
    i = int(np.clip(np.searchsorted(fixed_passes, m, side="right") - 1, 0, len(fixed_passes) - 2))
    width = fixed_passes[i + 1] - fixed_passes[i]
    share = (m - fixed_passes[i]) / width
    between = (1 - share) * fixed_scores[i] + share * fixed_scores[i + 1]
    slope = (fixed_scores[i + 1] - fixed_scores[i]).mean() / width
    return i + share, mean(between), score - between - slope * (passes - m)


def bins(x, y, groups, edges):
    """Shares of y by x: a list of (mean of x, estimate of the mean of y, count) of the bins between edges that hold something.
    groups [n] are the numbers of the prompts that the values belong to."""
    x, y, groups = np.asarray(x, float), np.asarray(y, float), np.asarray(groups, int)
    out = []
    for i, (lo, hi) in enumerate(zip(edges, edges[1:], strict=False)):
        inside = (x >= lo) & ((x < hi) | (i == len(edges) - 2) & (x == hi))
        if inside.any():
            n = groups.max() + 1
            above = np.bincount(groups[inside], y[inside], n)
            below = np.bincount(groups[inside], minlength=n)
            there = below > 0
            out.append((x[inside].mean(), ratio(above[there], below[there]), int(inside.sum())))
    return out
