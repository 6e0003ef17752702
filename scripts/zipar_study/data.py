"""What was measured, by prompt and by way of decoding."""

from dataclasses import dataclass

import numpy as np

from .measure import read_details


@dataclass(frozen=True)
class Trial:
    """A test of a row's first token, as zipar bench --details has it."""

    prompt: int  # number of the prompt
    first: bool  # of its row
    window: int  # tokens of the row above that were known when the token was drawn
    accepted: bool
    p: float  # the token's probability then, with one token more, and in next-token decoding
    p_next: float
    p_ntp: float
    change: float  # total variation distances: of the distributions of p and p_next,
    change_to_ntp: float  # of those of p and p_ntp

    @property
    def needless(self):
        """Rejected, though next-token decoding gives the token at least as much."""
        return not self.accepted and self.p_ntp >= self.p

    @property
    def missed(self):
        """Accepted, though next-token decoding gives the token less than half as much."""
        return self.accepted and self.p_ntp < self.p / 2


class Pictures:
    """The pictures of some prompts, each drawn in every way from the same seeds."""

    def __init__(self, groups, files):
        """groups [prompts] are names, files [prompts] what --details wrote."""
        self.groups = list(groups)
        self.lines = [read_details(f) for f in files]
        self.ways = {}  # (window, adaptive) -> [prompts] lists of lines, one a seed
        for i, lines in enumerate(self.lines):
            for line in lines:
                way = self.ways.setdefault((line["window"], line["adaptive"]), [[] for _ in files])
                way[i].append(line)
        self.columns = max(w for w, adaptive in self.ways if not adaptive)
        self.rows = len(self.lines[0][0]["windows"])
        self.windows = sorted(w for w, adaptive in self.ways if not adaptive)  # the last is next-token decoding
        self.minimums = sorted(w for w, adaptive in self.ways if adaptive)

    @property
    def seeds(self):
        return len(self.ways[self.columns, False][0])

    @property
    def pictures(self):
        """How many were drawn in each way."""
        return len(self.groups) * self.seeds

    def figure(self, key, window, adaptive=False):
        """A figure [prompts], the mean over seeds."""
        return np.array([np.mean([line["figures"][key] for line in lines]) for lines in self.ways[window, adaptive]])

    def fits(self, window, adaptive=False):
        """How much likelier each token is than what next-token decoding would have drawn in its place, [prompts, rows, columns], the mean
        over seeds."""
        means = [np.mean([np.subtract(line["log_likelihoods"], line["expected_log_likelihoods"]) for line in lines], axis=0)
                 for lines in self.ways[window, adaptive]]
        return np.array(means).reshape(-1, self.rows, self.columns)

    def fit(self, window, adaptive=False):
        """The mean of a picture's fits [prompts]."""
        return self.fits(window, adaptive).mean(axis=(1, 2))

    def agreement(self, window, other, other_window):
        """The share of equal tokens [prompts] with the pictures of other models, or of other windows."""
        pairs = zip(self.ways[window, False], other.ways[other_window, False], strict=True)
        return np.array([np.mean([np.equal(a["codes"], b["codes"]).mean() for a, b in zip(x, y, strict=True)]) for x, y in pairs])

    def trials(self, minimum):
        """The tests of adaptive windows with this smallest one."""
        out = []
        for i, lines in enumerate(self.ways[minimum, True]):
            for line in lines:
                for t in line.get("trials", []):
                    out.append(Trial(i, t["window"] == minimum, t["window"], t["accepted"], t["p"], t["p_next"], t["p_ntp"],
                                     t["change"], t["change_to_ntp"]))
        return out

    def of_group(self, group):
        """The numbers of a group's prompts."""
        return [i for i, g in enumerate(self.groups) if g == group]

    def group_names(self):
        return list(dict.fromkeys(self.groups))

    def count(self, trials, test=lambda t: True):
        """How many of the trials pass a test, by prompt."""
        n = np.zeros(len(self.groups))
        for t in trials:
            n[t.prompt] += test(t)
        return n

    def total(self, trials, value):
        """The sum of a value of the trials, by prompt."""
        n = np.zeros(len(self.groups))
        for t in trials:
            n[t.prompt] += value(t)
        return n
