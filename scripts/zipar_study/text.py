"""Pieces of Markdown."""


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---:|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, r)) + " |" for r in rows])


def items(lines):
    return "\n".join("- " + line for line in lines)


def listed(words):
    words = list(words)
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def runs(numbers):
    """[1, 2, 3, 6] as "1 to 3 and 6"."""
    parts = []
    for n in numbers:
        if parts and parts[-1][1] == n - 1:
            parts[-1][1] = n
        else:
            parts.append([n, n])
    return listed(f"{a}" if a == b else f"{a} to {b}" for a, b in parts)


def unless_sure(estimate):
    """What has to be said of a number that may be nothing."""
    return "" if estimate.sign() else ", not more than two standard errors from 0"
