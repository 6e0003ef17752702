"""Line charts with error bars, drawn with Pillow, in the look of zipar bench --plot."""

import math
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

INK, FAINT, GRID = (33, 37, 41), (108, 117, 125), (225, 229, 232)
COLOURS = [(29, 90, 168), (217, 104, 16), (46, 125, 80), (150, 60, 140), (90, 90, 90)]
PIXELS = 2  # of a point
SMOOTH = 2  # a pixel is drawn as so many by so many
WIDTH, HEIGHT = 780, 330  # of a chart, in points


@dataclass
class Curve:
    name: str
    x: list
    y: list
    error: list | None = None  # standard errors
    dashed: bool = False
    dots: bool = True


@dataclass
class Panel:
    title: str
    x_label: str
    y_label: str
    curves: list[Curve]
    x_ticks: list | None = None
    y_from: float | None = None  # the axis goes down, or up, to this value at least
    zero: bool = False  # a dashed line at 0


def ticks(lo, hi, most=6):
    """Round numbers at even distances that enclose lo to hi."""
    if hi <= lo:
        lo, hi = lo - 0.5, hi + 0.5
    rough = (hi - lo) / most
    unit = 10 ** math.floor(math.log10(rough))
    step = next(m * unit for m in (1, 2, 2.5, 5, 10) if m * unit >= rough * 0.999)
    first, last = math.floor(lo / step + 1e-9), math.ceil(hi / step - 1e-9)
    return [i * step for i in range(first, last + 1)], max(0, -math.floor(math.log10(step) + 1e-9)) + (step / unit == 2.5)


class Canvas:
    """A white picture in points."""

    def __init__(self, width, height):
        self.k = PIXELS * SMOOTH
        self.image = Image.new("RGB", (width * self.k, height * self.k), "white")
        self.draw = ImageDraw.Draw(self.image)

    def line(self, colour, width, *points, dashed=False):
        if not dashed:
            self.draw.line([(x * self.k, y * self.k) for x, y in points], colour, round(width * self.k), joint="curve")
            return
        for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
            length = math.hypot(x1 - x0, y1 - y0)
            at = 0.0
            while at < length:
                a, b = at / length, min(at + 5, length) / length
                self.line(colour, width, (x0 + a * (x1 - x0), y0 + a * (y1 - y0)), (x0 + b * (x1 - x0), y0 + b * (y1 - y0)))
                at += 9

    def dot(self, colour, x, y, hollow):
        r = 3.2 * self.k
        x, y = x * self.k, y * self.k
        self.draw.ellipse((x - r, y - r, x + r, y + r), "white" if hollow else colour, colour, round(1.4 * self.k))

    def text(self, colour, size, x, y, text, anchor="lm"):
        self.draw.text((x * self.k, y * self.k), text, colour, ImageFont.load_default(size * self.k), anchor)

    def text_width(self, size, text):
        return ImageFont.load_default(size * self.k).getlength(text) / self.k

    def upright(self, colour, size, x, y, text):
        font = ImageFont.load_default(size * self.k)
        w, h = round(font.getlength(text)) + 4, round(size * self.k * 1.5)
        flat = Image.new("RGB", (w, h), "white")
        ImageDraw.Draw(flat).text((w / 2, h / 2), text, colour, font, "mm")
        turned = flat.rotate(90, expand=True)
        self.image.paste(turned, (round(x * self.k - turned.width / 2), round(y * self.k - turned.height / 2)))

    def save(self, path):
        size = (self.image.width // SMOOTH, self.image.height // SMOOTH)
        save(self.image.resize(size, Image.BOX), path)


def save(image, path):
    """Writes a PNG of at most 256 colours: a fraction of the size."""
    image.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, optimize=True)


def draw(path, title, *panels, height=HEIGHT):
    """Draws panels side by side. Curves of one name have one colour and stand once in the legend."""
    c = Canvas(WIDTH, height)
    c.text(INK, 14, 14, 18, title)
    names = list(dict.fromkeys(curve.name for p in panels for curve in p.curves))
    looks = {}
    for p in panels:
        for curve in p.curves:
            looks[curve.name] = curve
    x = 16
    for i, name in enumerate(names):
        width = 28 + c.text_width(11, name) + 20
        c.line(COLOURS[i % len(COLOURS)], 1.6, (x, 42), (x + 22, 42), dashed=looks[name].dashed)
        if looks[name].dots:
            c.dot(COLOURS[i % len(COLOURS)], x + 11, 42, hollow=i % 2 == 1)
        c.text(INK, 11, x + 28, 42, name)
        x += width
    each = WIDTH / len(panels)
    for i, p in enumerate(panels):
        _panel(c, p, names, (i * each + 62, 84, (i + 1) * each - 16, height - 52))
    c.save(path)


def _panel(c, p, names, box):
    left, top, right, bottom = box
    points = [(x, y, e if e and math.isfinite(e) else 0) for curve in p.curves
              for x, y, e in zip(curve.x, curve.y, curve.error or [0] * len(curve.x), strict=True) if math.isfinite(y)]
    low = min([y - e for _, y, e in points] + ([p.y_from] if p.y_from is not None else []))
    high = max([y + e for _, y, e in points] + ([p.y_from] if p.y_from is not None else []))
    ys, decimals = ticks(low, high)
    xs = p.x_ticks
    x_decimals = 0
    if xs is None:
        xs, x_decimals = ticks(min(x for x, _, _ in points), max(x for x, _, _ in points))
    x_lo, x_hi = min(xs[0], min(x for x, _, _ in points)), max(xs[-1], max(x for x, _, _ in points))
    margin = 12

    def place(x, y):
        return (left + margin + (x - x_lo) / ((x_hi - x_lo) or 1) * (right - left - 2 * margin),
                bottom - (y - ys[0]) / (ys[-1] - ys[0]) * (bottom - top))

    c.text(INK, 12, left, top - 14, p.title)
    for y in ys:
        at = place(x_lo, y)[1]
        c.line(GRID, 0.8, (left, at), (right, at))
        c.text(FAINT, 10, left - 6, at, f"{y if abs(y) > 1e-12 else 0:.{decimals}f}", "rm")
    c.line(FAINT, 0.9, (left, bottom), (right, bottom))
    for x in xs:
        at = place(x, ys[0])[0]
        c.line(FAINT, 0.9, (at, bottom), (at, bottom + 3))
        c.text(FAINT, 10, at, bottom + 12, f"{x:.{x_decimals}f}", "mm")
    c.text(INK, 11, (left + right) / 2, bottom + 34, p.x_label, "mm")
    c.upright(INK, 11, left - 48, (top + bottom) / 2, p.y_label)
    if p.zero and ys[0] <= 0 <= ys[-1]:
        c.line(FAINT, 1.2, (left, place(x_lo, 0)[1]), (right, place(x_lo, 0)[1]), dashed=True)
    for curve in p.curves:
        i = names.index(curve.name)
        colour = COLOURS[i % len(COLOURS)]
        at = [(place(x, y), y, e) for x, y, e in zip(curve.x, curve.y, curve.error or [0] * len(curve.x), strict=True) if math.isfinite(y)]
        c.line(colour, 1.6, *[point for point, _, _ in at], dashed=curve.dashed)
        for (x, _), y, e in at:
            if e and math.isfinite(e):
                a, b = place(x_lo, y - e)[1], place(x_lo, y + e)[1]
                c.line(colour, 0.9, (x, a), (x, b))
                c.line(colour, 0.9, (x - 2.5, a), (x + 2.5, a))
                c.line(colour, 0.9, (x - 2.5, b), (x + 2.5, b))
        for (x, y), _, _ in at if curve.dots else []:
            c.dot(colour, x, y, hollow=i % 2 == 1)


def sheet(path, rows, columns, picture, side):
    """A table of pictures: picture(row, column) is a PIL image, rows and columns are the names."""
    left, head, gap = 100, 34, 4
    k = PIXELS
    image = Image.new("RGB", ((left + len(columns) * (side + gap)) * k, (head + len(rows) * (side + gap)) * k), "white")
    d = ImageDraw.Draw(image)
    for j, name in enumerate(columns):
        for n, line in enumerate(name.split("\n")):
            at = ((left + j * (side + gap) + side / 2) * k, (10 + 13 * n) * k)
            d.text(at, line, INK if n == 0 else FAINT, ImageFont.load_default(11 * k), "mm")
    for i, name in enumerate(rows):
        y = head + i * (side + gap)
        d.text((8 * k, (y + side / 2) * k), name, INK, ImageFont.load_default(11 * k), "lm")
        for j in range(len(columns)):
            image.paste(picture(i, j).convert("RGB").resize((side * k, side * k), Image.LANCZOS), ((left + j * (side + gap)) * k, y * k))
    save(image, path)
