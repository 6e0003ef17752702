"""Section 4 of the page: the tests of rows' first tokens."""

import numpy as np

from . import chart
from .chart import Curve, Panel
from .report import curve, marks
from .statistics import bins, ratio
from .text import items, table


class Tests:
    """Some tests of a study's pictures, and shares of them as estimates."""

    def __init__(self, pictures, trials):
        self.pictures, self.trials = pictures, trials

    def __len__(self):
        return len(self.trials)

    def only(self, condition):
        return Tests(self.pictures, [t for t in self.trials if condition(t)])

    def mean(self, value):
        """The mean of a value, which may be a truth."""
        return ratio(self.pictures.total(self.trials, value), self.pictures.count(self.trials))

    def rejected(self):
        return self.mean(lambda t: not t.accepted)

    def change(self):
        return self.mean(lambda t: t.change)

    def to_ntp(self):
        return self.mean(lambda t: t.change_to_ntp)

    def values(self, value):
        return np.array([value(t) for t in self.trials], float)

    def binned(self):
        """The curve of rejections over the distance of p_k and p_k+1; bins of few tests are left out."""
        if not self.trials:
            return []
        changes, fails = self.values(lambda t: t.change), self.values(lambda t: not t.accepted)
        b = bins(changes, fails, self.values(lambda t: t.prompt), np.linspace(0, 1, 11))
        return [(x, e) for x, e, n in b if n >= 10]


def percent(estimate):
    return estimate.text(1, 100)


def trials(p, images):
    """Tables, figure and findings."""
    by_minimum = {m: Tests(p, p.trials(m)) for m in p.minimums}
    rows = []
    for m, every in by_minimum.items():
        first, later = every.only(lambda t: t.first), every.only(lambda t: not t.first)
        rows.append([m, len(every), percent(first.rejected()), percent(first.change()), percent(first.to_ntp()), percent(later.rejected()),
                     percent(later.change()), percent(every.only(lambda t: not t.accepted).mean(lambda t: t.needless)),
                     percent(every.only(lambda t: t.accepted).mean(lambda t: t.missed))])
    head = ["smallest window", "tests", "first tests: rejected, %", "p_k to p_k+1, %", "p_k to NTP, %", "later tests: rejected, %",
            "p_k to p_k+1, %", "too much, % of rejections", "too little, % of acceptances"]

    every = Tests(p, [t for of in by_minimum.values() for t in of.trials])
    first, later = every.only(lambda t: t.first), every.only(lambda t: not t.first)
    draw(by_minimum, first, later, marks(p)[:-1], images)
    return table(head, rows) + "\n\n" + items(findings(every, first, later))


def findings(every, first, later):
    said = [f"A first proposal is drawn from p_k, so it should fail as often as p_k and p_k+1 are apart: of all {len(first)} first tests "
            f"{percent(first.rejected())} % failed, and the distance is {percent(first.change())} % on average (the one less the other: "
            f"{percent(first.mean(lambda t: (not t.accepted) - t.change))})."]
    if len(later):
        said.append("A token that took the place of a rejected one comes from what p_k+1 has more than p_k, and is not bound to that: of "
                    f"{len(later)} later tests {percent(later.rejected())} % failed, at a distance of {percent(later.change())} %.")
    said.append(f"From p_k to NTP's own distribution the distance is {percent(first.to_ntp())} % on average: so often would a first "
                "proposal fail if it were tested against that.")
    x, y = first.values(lambda t: t.change), first.values(lambda t: t.change_to_ntp)
    if len(first) > 2 and x.std() > 0 and y.std() > 0:
        r = np.corrcoef(x, y)[0, 1]
        said.append(f"Over first tests, the distance that the test sees and that to NTP have a correlation of {r:.2f}.")
    rejected, accepted = every.only(lambda t: not t.accepted), every.only(lambda t: t.accepted)
    if len(rejected):
        needless = percent(rejected.mean(lambda t: t.needless))
        said.append(f"Too much: to {needless} % of {len(rejected)} rejected tokens NTP gives at least the probability with which they were "
                    "drawn. A test against NTP itself would have rejected none of these.")
    if len(accepted):
        # A test against NTP accepts a token with the probability min(1, p_ntp / p).
        would = ratio(every.pictures.total(every.trials, lambda t: t.p_ntp / t.p if t.p_ntp < t.p / 2 else 0),
                      every.pictures.total(every.trials, lambda t: min(1, t.p_ntp / t.p)))
        missed = percent(accepted.mean(lambda t: t.missed))
        said.append(f"Too little: to {missed} % of {len(accepted)} accepted ones it gives less than half of that. A test against NTP "
                    f"itself would have {percent(would)} % of such tokens among those that it accepts.")
    return said


def draw(by_minimum, first, later, ticks, images):
    curves = [Curve("as often as they are apart", [0, 1], [0, 1], dashed=True, dots=False)]
    for name, tests in (("first tests", first), ("later tests", later)):
        if b := tests.binned():
            curves.append(curve(name, [x for x, _ in b], [e for _, e in b]))
    firsts = {m: tests.only(lambda t: t.first) for m, tests in by_minimum.items()}
    chart.draw(images / "trials.png", "How often the first token of a row is rejected",
               Panel("Share rejected", "distance of p_k and p_k+1", "share", curves, y_from=0),
               Panel("Share of first proposals", "smallest window k", "share",
                     [curve("first tests", firsts, [t.rejected() for t in firsts.values()]),
                      curve("would fail against NTP", firsts, [t.to_ntp() for t in firsts.values()])], x_ticks=ticks, y_from=0))
