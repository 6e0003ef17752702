"""The card's pictures: sheets of small pictures with words, as PNG files with a palette."""

import io

from PIL import Image, ImageDraw, ImageFont

GAP = 4
TEXT, PAPER = (60, 60, 60), (240, 240, 242)


def font(size):
    return ImageFont.load_default(size=size)


def wrapped(text, width, face, lines):
    """A text in at most so many lines; what does not fit is left out."""
    out = [""]
    for word in text.split():
        longer = f"{out[-1]} {word}".strip()
        if face.getlength(longer) <= width or not out[-1]:
            out[-1] = longer
        elif len(out) < lines:
            out.append(word)
        else:
            out[-1] += "…"
            break
    return out


def resized(picture, side):
    image = Image.fromarray(picture)
    return image if image.width == side else image.resize((side, side), Image.LANCZOS)


def sheet(cells, columns, side, lines=1, size=12, groups=1):
    """Cells of (pictures, caption), the caption under the pictures; groups is how many pictures each has."""
    face, line = font(size), size + 3
    w, h = groups * side + (groups - 1) * 2, side + 2 + lines * line
    out = Image.new("RGB", (columns * (w + GAP) + GAP, -(-len(cells) // columns) * (h + GAP) + GAP), PAPER)
    pen = ImageDraw.Draw(out)
    for i, (of, caption) in enumerate(cells):
        x, y = GAP + i % columns * (w + GAP), GAP + i // columns * (h + GAP)
        for k, picture in enumerate(of):
            out.paste(resized(picture, side), (x + k * (side + 2), y))
        for k, words in enumerate(wrapped(caption, w, face, lines)):
            pen.text((x + w / 2, y + side + 2 + k * line), words, TEXT, face, anchor="ma")
    return out


def table(rows, side, heads=(), size=12):
    """Rows of (label, pictures) with the labels on the left; heads are words over the columns, wrapped to two lines."""
    face, line = font(size), size + 3
    left = GAP + int(max(face.getlength(label) for label, _ in rows)) + GAP
    top = 2 * line + GAP if heads else GAP
    out = Image.new("RGB", (left + max(len(of) for _, of in rows) * (side + GAP), top + len(rows) * (side + GAP)), PAPER)
    pen = ImageDraw.Draw(out)
    for i, head in enumerate(heads):
        for k, words in enumerate(wrapped(head, side, face, 2)):
            pen.text((left + i * (side + GAP) + side / 2, GAP + k * line), words, TEXT, face, anchor="ma")
    for r, (label, of) in enumerate(rows):
        y = top + r * (side + GAP)
        pen.text((left - GAP, y + side / 2), label, TEXT, face, anchor="rm")
        for i, picture in enumerate(of):
            out.paste(resized(picture, side), (left + i * (side + GAP), y))
    return out


def encoded(image, colours):
    out = io.BytesIO()
    image.quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def save(images, folder, limit):
    """Writes images (name -> image) with as many colours as keep all files together within the limit, in bytes. Returns their
    size."""
    for colours in (256, 192, 128, 96, 64, 48, 32):
        files = {name: encoded(image, colours) for name, image in images.items()}
        total = sum(map(len, files.values()))
        if total <= limit:
            break
    else:
        raise SystemExit(f"the card's pictures take {total} bytes, want at most {limit}")
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return total
