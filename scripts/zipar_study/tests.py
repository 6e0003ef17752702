"""python3 -m unittest zipar_study.tests, in the folder scripts."""

import math
import unittest
from pathlib import Path

import numpy as np

from zipar_study import prompts, statistics
from zipar_study.statistics import Estimate


class Statistics(unittest.TestCase):
    def test_mean(self):
        e = statistics.mean([2, 4, 4, 4, 5, 5, 7, 9])
        self.assertAlmostEqual(e.mean, 5)
        self.assertAlmostEqual(e.error, math.sqrt(32 / 7 / 8))
        self.assertTrue(math.isnan(statistics.mean([3]).error))

    def test_text(self):
        for e, decimals, want in ((Estimate(-0.0004, 0.001), 3, "0.000 ± 0.001"), (Estimate(-1.25, 0.5), 1, "-1.2 ± 0.5"),
                                  (Estimate(2.0), 2, "2.00"), (Estimate(math.inf), 2, "inf"), (Estimate(math.nan), 2, "-")):
            self.assertEqual(e.text(decimals), want)
        self.assertEqual(Estimate(0.5, 0.1).text(0, 100), "50 ± 10")

    def test_sign(self):
        self.assertEqual([Estimate(m, 1).sign() for m in (-2.1, -1.9, 0, 1.9, 2.1)], [-1, 0, 0, 0, 1])
        self.assertEqual(Estimate(5).sign(), 0)

    def test_ratio_of_equal_parts_is_a_mean(self):
        values = np.array([0.1, 0.4, 0.2, 0.7])
        r, m = statistics.ratio(8 * values, [8] * 4), statistics.mean(values)
        self.assertAlmostEqual(r.mean, m.mean)
        self.assertAlmostEqual(r.error, m.error)
        self.assertTrue(math.isnan(statistics.ratio([0, 0], [0, 0]).mean))

    def test_the_error_of_a_ratio_is_that_of_many_samples(self):
        rng = np.random.default_rng(1)
        estimates = []
        for _ in range(2000):
            below = rng.integers(5, 15, 40)
            estimates.append(statistics.ratio(rng.binomial(below, rng.beta(3, 5, 40)), below))
        spread, told = np.std([e.mean for e in estimates]), np.mean([e.error for e in estimates])
        self.assertLess(abs(told / spread - 1), 0.05)

    def test_psnr(self):
        self.assertAlmostEqual(statistics.psnr([650.25, 650.25]).mean, 20)
        self.assertEqual(statistics.psnr([0, 0]).mean, math.inf)

    def test_equal_passes(self):
        # Fixed windows score their passes over 100, plus the prompt's own constant; adaptive ones 0.05 more.
        rng = np.random.default_rng(2)
        own = rng.normal(0, 1, 500)
        passes = rng.normal(60, 8, 500)
        fixed_passes = np.array([31, 46, 61, 76])
        fixed_scores = fixed_passes[:, None] / 100 + own
        score = passes.mean() / 100 + own + 0.05 + rng.normal(0, 0.1, 500)
        window, between, values = statistics.at_equal_passes(passes, score, fixed_passes, fixed_scores)
        difference = statistics.mean(values)
        self.assertAlmostEqual(window, (passes.mean() - 31) / 15)
        self.assertAlmostEqual(between.mean, passes.mean() / 100 + own.mean())
        self.assertLess(abs(difference.mean - 0.05), 4 * difference.error)
        # The passes' deviation counts as what it is worth on the line.
        self.assertAlmostEqual(difference.error, math.hypot(0.1, 0.08) / math.sqrt(500), delta=5e-4)

    def test_equal_passes_at_the_ends(self):
        for at, want in ((31, 0), (46, 1), (256, 2)):
            window, between, values = statistics.at_equal_passes([at] * 3, [1, 2, 3], [31, 46, 256], [[0, 1, 2]] * 3)
            self.assertAlmostEqual(window, want)
            self.assertAlmostEqual(between.mean, 1)
            self.assertEqual(list(values), [1, 1, 1])

    def test_bins(self):
        got = statistics.bins([0, 0.1, 0.4, 0.6, 1], [0, 1, 1, 1, 0], [0, 1, 1, 2, 2], [0, 0.5, 0.9, 1])
        self.assertEqual([n for _, _, n in got], [3, 1, 1])
        self.assertAlmostEqual(got[0][0], 0.5 / 3)
        self.assertAlmostEqual(got[0][1].mean, 2 / 3)
        self.assertEqual(got[2][1].mean, 0)


class Prompts(unittest.TestCase):
    def test_all_show_concepts(self):
        known = prompts.concepts(Path(__file__).parents[1] / "train" / "concepts.txt")
        self.assertGreater(len(known), 50)
        self.assertEqual([p for _, p in prompts.interleaved() if prompts.thing(p) not in known], [])

    def test_kinds_take_turns(self):
        kinds, every = list(prompts.GROUPS), prompts.interleaved()
        self.assertEqual([g for g, _ in every[:8]], kinds * 2)
        self.assertEqual(len({p for _, p in every}), len(every))
        self.assertEqual(every[:12], prompts.interleaved(3))


if __name__ == "__main__":
    unittest.main()
