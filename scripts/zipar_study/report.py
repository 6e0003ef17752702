"""The tables, the figures and the findings of the page, but for those of trials. A function makes a block of text; the findings follow
from the numbers."""

import numpy as np

from . import chart
from .chart import Curve, Panel
from .statistics import at_equal_passes, fixed, mean, psnr, ratio
from .text import items, runs, table, unless_sure

CHANGE, LIKELIHOOD = "log_likelihood_change", "log_likelihood"


def powers(p):
    """The powers of two among the windows, largest first, without next-token decoding."""
    return [w for w in reversed(p.windows[:-1]) if w & (w - 1) == 0]


def marks(p):
    """The windows that axes name."""
    return sorted({1, *powers(p), p.columns})


def window_name(p, w):
    return f"{w} (NTP)" if w == p.columns else str(w)


def passes_of(p, w):
    """The passes of a fixed window, which are those of every picture."""
    return p.figure("passes", w)[0]


def curve(name, x, estimates):
    return Curve(name, list(x), [e.mean for e in estimates], [e.error for e in estimates])


# ---- 1: the trade-off -----------------------------------------------------------------------------------------------------------


def tradeoff(p, timing, again, images):
    """timing are the pictures that were timed, again is how far two NTP pictures of a prompt are apart."""
    seconds = {w: mean(timing.figure("total_seconds", w)).mean for w in timing.windows}
    fit = {w: mean(p.fit(w)) for w in p.windows}
    rows = []
    for w in reversed(p.windows):
        row = [window_name(p, w), f"{passes_of(p, w):.0f}", fit[w].text(4), mean(p.figure(LIKELIHOOD, w)).text(3)]
        if w == p.columns:
            row += [""] * 4
        else:
            row += [mean(p.figure(CHANGE, w)).text(3), mean(p.figure("token_agreement", w)).text(1, 100), psnr(p.figure("mse", w)).text(1),
                    mean(p.figure("ssim", w)).text(3)]
        rows.append(row + [fixed(seconds[w], 3), fixed(seconds[p.columns] / seconds[w], 2)])
    head = ["window", "passes", "fit", "log p", "change against NTP", "tokens of NTP, %", "PSNR, dB", "SSIM", "s a picture", "speed-up"]

    said = []
    for w in powers(p):
        saved = 1 - passes_of(p, w) / passes_of(p, p.columns)
        said.append(f"Window {w} takes {passes_of(p, w):.0f} passes, {100 * saved:.0f} % fewer than NTP. Its fit is {fit[w].text(4)} nats "
                    f"a token{unless_sure(fit[w])}.")
    said.append(f"NTP's own fit, which is 0 but for chance, is {fit[p.columns].text(4)}.")
    for name, of in (("fit", fit), ("change of log p", {w: mean(p.figure(CHANGE, w)) for w in p.windows[:-1]})):
        unlike = [w for w in p.windows[:-1] if of[w].sign() != 0]
        if not unlike:
            said.append(f"No window's {name} is more than two standard errors from 0.")
        elif max(unlike) == p.windows[-2]:
            said.append(f"Even the {name} of the largest window is more than two standard errors from 0.")
        else:
            said.append(f"From window {max(unlike) + 1} up no {name} is more than two standard errors from 0.")
    same, far = again["agreement"].text(1, 100), again["psnr"].text(1)
    said.append(f"Two pictures of one prompt that NTP draws from different seeds share {same} % of their tokens and differ by {far} dB "
                f"({again['prompts']} prompts): that far from NTP's picture is another picture, not a worse one.")
    pixels = mean(timing.figure("vq_seconds", timing.columns)).mean
    said.append(f"Of a picture's time, {fixed(pixels, 3)} s are the pixels', whatever the window.")
    chart.draw(images / "windows.png", "What a fixed window costs and saves",
               Panel("Fit", "window", "nats a token", [curve("fixed windows", p.windows, fit.values())],
                     x_ticks=marks(p), y_from=0, zero=True),
               Panel("Time of a picture", "window", "seconds", [Curve("fixed windows", timing.windows, list(seconds.values()))],
                     x_ticks=marks(p), y_from=0))
    return table(head, rows) + "\n\n" + items(said)


def where(p, images):
    """In which columns the loss lies."""
    curves, said = [], [f"First tokens are 1 in {p.columns}."]
    for w in powers(p)[-4:]:
        fits = p.fits(w)[:, 1:]  # the first row is that of NTP, whatever the window
        curves.append(curve(f"window {w}", range(p.columns), [mean(fits[:, :, j].mean(axis=1)) for j in range(p.columns)]))
        first, rest = mean(fits[:, :, 0].mean(axis=1)), mean(fits[:, :, 1:].mean(axis=(1, 2)))
        known = mean(fits.sum(axis=(1, 2))).sign() < 0
        share = f", {100 * fits[:, :, 0].sum() / fits.sum():.0f} % of the whole" if known else ""
        said.append(f"Window {w}: the fit of first tokens of rows is {first.text(3)}{share}, that of the others {rest.text(4)}.")
    chart.draw(images / "columns.png", "Where in a row the fit is lost",
               Panel("Fit, rows from the second on", "column of the token", "nats a token", curves,
                     x_ticks=list(range(p.columns)), y_from=0, zero=True))
    return items(said)


# ---- 2: adaptive windows --------------------------------------------------------------------------------------------------------


def log_p(p):
    """The log-likelihood as a score of compared."""
    return lambda window, adaptive=False: p.figure(LIKELIHOOD, window, adaptive)


def compared(p, score, prompts=None):
    """What adaptive windows make of some prompts, or of all, against fixed ones of as many passes: {smallest window: (mean passes, score,
    that of the fixed windows, the difference [prompts], the fixed window)}. score(window, adaptive) is [prompts]."""
    prompts = range(len(p.groups)) if prompts is None else prompts
    passes = [passes_of(p, w) for w in p.windows]
    scores = [score(w)[prompts] for w in p.windows]
    out = {}
    for m in p.minimums:
        a, s = p.figure("passes", m, True)[prompts], score(m, True)[prompts]
        at, between, values = at_equal_passes(a, s, passes, scores)
        i = min(int(at), len(p.windows) - 2)
        out[m] = mean(a), mean(s), between, values, p.windows[i] + (at - i) * (p.windows[i + 1] - p.windows[i])
    return out


def equal_passes(p, images):
    by_fit, by_log_p = compared(p, p.fit), compared(p, log_p(p))
    difference = {m: mean(values) for m, (_, _, _, values, _) in by_fit.items()}
    rows = []
    for m, (passes, fit, between, _, window) in by_fit.items():
        _, likelihood, other, values, _ = by_log_p[m]
        rows.append([m, passes.text(1), fixed(window, 1), fit.text(4), between.text(4), difference[m].text(4), likelihood.text(3),
                     other.text(3), mean(values).text(3)])
    head = ["smallest window", "passes", "fixed window of as many", "fit", "fixed", "difference", "log p", "fixed", "difference"]

    said = []
    half = p.columns // 2
    for name, c in (("fit", by_fit), ("log p", by_log_p)):
        for sign, what in ((1, f"adaptive windows have the better {name}"), (-1, f"fixed windows have the better {name}"),
                           (0, f"the {name} of the two cannot be told apart")):
            if of := [m for m in c if mean(c[m][3]).sign() == sign]:
                said.append(f"With the smallest window{'s' if len(of) > 1 else ''} {runs(of)} {what}.")
        for part in ([m for m in c if m <= half], [m for m in c if m > half]):
            if part:
                e = mean(np.mean([c[m][3] for m in part], axis=0))
                said.append(f"The mean difference of {name} of the smallest windows {runs(part)} is {e.text(4)} nats a "
                            f"token{unless_sure(e)}.")

    every = [passes_of(p, w) for w in p.windows]
    ticks = [i * max(every) / 8 for i in range(9)]
    at = [passes.mean for passes, *_ in by_fit.values()]
    chart.draw(images / "equal-passes.png", "Fixed and adaptive windows at equal passes",
               Panel("Fit", "passes", "nats a token",
                     [curve("fixed windows", every, [mean(p.fit(w)) for w in p.windows]),
                      curve("adaptive windows", at, [fit for _, fit, *_ in by_fit.values()])],
                     x_ticks=ticks, y_from=0, zero=True),
               Panel("Adaptive less fixed", "passes", "nats a token", [curve("difference at equal passes", at, difference.values())],
                     x_ticks=ticks, y_from=0, zero=True))
    return table(head, rows) + "\n\n" + items(said)


# ---- 3: kinds of content --------------------------------------------------------------------------------------------------------


def groups(p, images):
    names = p.group_names()
    small = [w for w in p.windows[:-1] if w <= p.columns // 2]
    fit = {(w, g): mean(p.fit(w)[p.of_group(g)]) for w in small for g in names}
    tables = [table(["window: fit"] + names, [[w] + [fit[w, g].text(4) for g in names] for w in small])]
    rows = [[w] + [mean(p.figure(CHANGE, w)[p.of_group(g)]).text(3) for g in names] for w in small]
    rows.append(["log p of NTP"] + [mean(p.figure(LIKELIHOOD, p.columns)[p.of_group(g)]).text(2) for g in names])
    tables.append(table(["window: change of log p"] + names, rows))
    said = []
    for w in [w for w in powers(p) if w <= p.columns // 4]:
        order = sorted(names, key=lambda g: fit[w, g].mean)
        most, least = order[0], order[-1]
        more = "more" if (fit[w, least] - fit[w, most]).sign() > 0 else "not more"
        said.append(f'Window {w} costs most with "{most}" (fit {fit[w, most].text(3)}) and least with "{least}" ({fit[w, least].text(3)}): '
                    f"the difference is {more} than two standard errors.")
    chart.draw(images / "groups.png", "What a fixed window costs, by kind of picture",
               Panel("Fit", "window", "nats a token",
                     [curve(g, small, [fit[w, g] for w in small]) for g in names], x_ticks=small, y_from=0, zero=True))
    return "\n\n".join([*tables, items(said)])


def groups_adaptive(p):
    at_passes = {g: compared(p, p.fit, p.of_group(g)) for g in p.group_names()}
    rows = []
    for m in [m for m in reversed(powers(p)) if m in p.minimums]:
        trials = p.trials(m)
        rejected, tests = p.count(trials, lambda t: not t.accepted), p.count(trials)
        for g in p.group_names():
            own = p.of_group(g)
            passes, fit, _, difference, _ = at_passes[g][m]
            rows.append([m, g, mean(p.figure("window_mean", m, True)[own]).text(2), passes.text(0),
                         ratio(rejected[own], tests[own]).text(0, 100), fit.text(3), mean(difference).text(3)])
    head = ["smallest window", "kind", "mean window", "passes", "trials rejected, %", "fit", "fit less that of fixed windows, same passes"]
    return table(head, rows)


# ---- 5: types of weights --------------------------------------------------------------------------------------------------------


def weights(types):
    """types are the pictures of models by their weights' type, f32 first, all judged by f32."""
    base = types["f32"]
    ntp = base.figure(LIKELIHOOD, base.columns)
    rows, said = [], []
    for w in reversed(base.windows):
        for name, p in types.items():
            score = p.figure(LIKELIHOOD, w)
            row = [window_name(base, w), name, mean(p.fit(w)).text(4), mean(score).text(3)]
            for other, likelihood in ((w, base.figure(LIKELIHOOD, w)), (base.columns, ntp)):
                itself = name == "f32" and other == w
                row += ["", ""] if itself else [mean(score - likelihood).text(3), mean(p.agreement(w, base, other)).text(1, 100)]
            rows.append(row)
    for name, p in list(types.items())[1:]:
        e = mean(p.fit(base.columns))
        said.append(f"By themselves, with NTP, {name} weights have the fit {e.text(4)}{unless_sure(e)}.")
    for w in reversed(base.windows[:-1]):
        e = mean(base.fit(w))
        said.append(f"Window {w} by itself, with f32 weights, has {e.text(4)}{unless_sure(e)}.")
    head = ["window", "weights", "fit", "log p", "against f32, same window", "its tokens, %", "against f32, NTP", "its tokens, %"]
    return table(head, rows) + "\n\n" + items(said)
