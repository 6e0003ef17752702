"""The card's text."""

import re
import textwrap

WIDTH = 140


def reflow(markdown):
    """Wraps the paragraphs and the items of lists anew, which have got longer or shorter with the values in them. What is indented,
    a table, a heading or a picture stays as it is."""
    out = []
    for block in markdown.split("\n\n"):
        if re.match(r"    |\||#|<img", block):
            out.append(block)
            continue
        items = re.split(r"\n(?=- )", block)
        out.append("\n".join(textwrap.fill(" ".join(i.split()), WIDTH, subsequent_indent="  " if i.startswith("- ") else "",
                                           break_long_words=False, break_on_hyphens=False) for i in items))
    return "\n\n".join(out).rstrip("\n") + "\n"
