"""Errors, each with the exit code that zipar gives it."""

from __future__ import annotations


class Failure(Exception):
    code = 1


class OptionError(Failure):
    """An option that is missing, out of range, or at odds with the input."""

    code = 2

    def __init__(self, flag: str, reason: str) -> None:
        super().__init__(f"{flag}: {reason}")


class ModelError(Failure):
    """An input that cannot be read, or holds no model that can be converted."""

    code = 3

    def __init__(self, path: str, tensor: str, reason: str) -> None:
        super().__init__(f'{path}: tensor "{tensor}": {reason}' if tensor else f"{path}: {reason}")
