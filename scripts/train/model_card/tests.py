"""Tests of what the card measures with: python -m unittest model_card.tests, in scripts/train."""

import pathlib
import tempfile
import unittest

import numpy as np

import pictures

from . import binary, checks, figures, nearest, scenes, store, text


def square(background, colour, corners, side):
    """A picture with a square of a colour at each corner (x, y)."""
    picture = np.full((128, 128, 3), background, np.uint8)
    for x, y in corners:
        picture[y:y + side, x:x + side] = colour
    return picture


class Checks(unittest.TestCase):
    def test_background(self):
        for name, colour in pictures.BACKGROUNDS.items():
            picture = square(colour, (0, 200, 0), [(0, 40)], 60)
            self.assertTrue(checks.has_background(picture, name))
            self.assertEqual([n for n in pictures.BACKGROUNDS if checks.has_background(picture, n)], [name])

    def test_hue(self):
        for name, hue in pictures.HUES.items():
            sprite = np.full((128, 128, 4), 255, np.uint8)
            sprite[..., :3] = (40, 90, 200)
            picture = square((255, 255, 255), pictures.recolour(sprite, hue)[0, 0, :3], [(30, 30)], 60)
            self.assertGreater(checks.hue_share(picture, hue), 0.99)
            self.assertEqual(checks.hue_share(picture, (hue + 90) % 360), 0)
            self.assertTrue(checks.has_hue(picture, name))

    def test_hue_is_the_things_alone(self):
        self.assertEqual(checks.hue_share(square(pictures.BACKGROUNDS["red"], (255, 255, 255), [(30, 30)], 60), 0), 0)
        self.assertEqual(checks.hue_share(square((255, 255, 255), (90, 90, 90), [(30, 30)], 60), 0), 0)

    def test_half_a_hue(self):
        picture = square((255, 255, 255), (255, 0, 0), [(30, 30)], 40)
        picture[30:70, 70:110] = (0, 0, 255)
        self.assertAlmostEqual(checks.hue_share(picture, 0), 0.5)

    def test_pieces(self):
        for n, places in pictures.PLACES.items():
            self.assertEqual(checks.pieces(square((255, 255, 255), (200, 0, 0), [(x + 2, y + 2) for x, y in places], 60)), n)
        speck = square((255, 255, 255), (200, 0, 0), [(10, 10)], 60)
        speck[100:105, 100:105] = 0
        self.assertEqual(checks.pieces(speck), 1)
        self.assertEqual(checks.pieces(square((255, 255, 255), (255, 255, 255), [], 0)), 0)

    def test_psnr(self):
        a = np.zeros((2, 16, 16, 3), np.uint8)
        b = a + np.array([1, 16], np.uint8)[:, None, None, None]
        np.testing.assert_allclose(checks.mse(a, b), [1, 256])
        np.testing.assert_allclose(checks.decibels(checks.mse(a, b)), [48.1308, 24.0484], atol=1e-4)

    def test_ssim(self):
        a = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3)).astype(np.uint8)
        np.testing.assert_allclose(checks.ssim(a, a), 1)
        # Of flat pictures only the first factor is left: (2ab + c1) / (a² + b² + c1).
        flat = np.full_like(a, 100), np.full_like(a, 50)
        np.testing.assert_allclose(checks.ssim(*flat), (10000 + 6.5025) / (12500 + 6.5025))


class Scenes(unittest.TestCase):
    def test_captions(self):
        for kind, things, more, want in (
                ("single", ["strawberry"], {"colour": "blue"}, "a blue strawberry"),
                ("single", ["penguin"], {"background": "yellow"}, "a penguin on a yellow background"),
                ("single", ["guitar"], {"style": "3d"}, "a guitar, 3d style"),
                ("pair", ["cat", "car"], {"relation": "left"}, "a cat and a car"),
                ("count", ["butterfly"], {"count": 3}, "three butterflies")):
            scene = {"kind": kind, "things": things, "style": "flat", "colour": None, "background": "white", "count": 0, "relation": ""}
            self.assertEqual(scenes.caption({**scene, **more}), want)


class Nearest(unittest.TestCase):
    def test_find(self):
        found = nearest.Nearest.__new__(nearest.Nearest)
        of = np.stack([np.full((128, 128, 3), level, np.uint8) for level in (0, 100, 200)])
        found.small, found.styles, found.plain = nearest.shrink(of), np.array(["flat", "3d", "3d"]), np.array([True, False, False])
        query = of[1:2] + np.uint8(5)
        self.assertEqual([x.tolist() for x in found.find(query, ["3d"])[:1]], [[1]])
        self.assertAlmostEqual(found.find(query, ["3d"])[1][0], 5, places=2)
        self.assertEqual(found.find(query, ["flat"])[0].tolist(), [0])  # neither plain nor of the style
        self.assertEqual(found.find(query, ["3d"], [1])[0].tolist(), [2])


class Files(unittest.TestCase):
    def test_model_file(self):
        with tempfile.NamedTemporaryFile() as f:
            m = binary.ModelFile(pathlib.Path(f.name), "\n".join((
                "x.gguf: GGUF v3, 3 keys, 2 tensors of 8 bytes in all",
                "general.name                                 string   \"zipar emoji 128\"",
                "general.attribution                          string",
                "  llamagen.image.rows                          u32      99",
                "llamagen.image.rows                          u32      16",
                "token_embd.weight                                    Q8_0  [1024 256]",
                "output_norm.weight                                   F32   [256]")))
        self.assertEqual((m.keys["general.name"], m.number("llamagen.image.rows"), m.window()), ("zipar emoji 128", 16, 0))
        self.assertEqual((m.numbers_of(""), m.numbers_of("output"), m.types_of("")), (1024 * 256 + 256, 256, ["Q8_0", "F32"]))

    def test_store(self):
        with tempfile.TemporaryDirectory() as folder:
            kept, made = store.Store(folder), []
            for inputs in ([1, "a"], [1, "a"], [1, "b"], [np.zeros(2)], [np.ones(2)], [np.ones(2)]):
                kept.array("x", inputs, lambda: made.append(1) or np.array(len(made)))
            self.assertEqual(len(made), 4)

    def test_reflow(self):
        words = "word " * 40
        got = text.reflow(f"# {words}\n\n{words}\n\n- {words}\n- b\n\n    {words}\n\n| {words}\n")
        lines = got.splitlines()
        self.assertEqual(sum(len(line) > text.WIDTH for line in lines), 3)
        self.assertIn("- b", lines)

    def test_wrapped(self):
        self.assertEqual(figures.wrapped("a b", 1000, figures.font(12), 1), ["a b"])
        self.assertEqual(figures.wrapped("aaaa bbbb cccc", 40, figures.font(12), 2), ["aaaa", "bbbb…"])


if __name__ == "__main__":
    unittest.main()
