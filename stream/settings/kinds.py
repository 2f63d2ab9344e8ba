"""The kinds of values a setting can take: each reads a TOML value or refuses it, saying what it takes."""

from __future__ import annotations

import datetime
import difflib
import math
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

Step = str | int
"""One step of the way to a value: a table's key or a list's index."""

INT64 = 2**63
HIDDEN = "something that is not shown here, as it may be secret"
DURATION_EXAMPLES = ' such as "90s", "10m", "1h30m" or a number of seconds'


class Refusal(NamedTuple):
    """What was refused: the way to it from the setting's own value, what stood there, what may."""

    steps: tuple[Step, ...]
    got: str
    takes: str


class Refused(Exception):
    """A value was not of its kind, for one reason or several."""

    def __init__(self, refusals: Iterable[Refusal]) -> None:
        super().__init__()
        self.refusals = tuple(refusals)

    def below(self, *steps: Step) -> list[Refusal]:
        """The same refusals, seen from `steps` higher up."""
        return [refusal._replace(steps=steps + refusal.steps) for refusal in self.refusals]


class Kind(NamedTuple):
    """How one kind of value is read.

    `read` turns a TOML value into what Settings holds, or raises Refused. `from_text` turns an
    environment variable into a TOML value; None where the kind is no scalar.
    """

    name: str
    takes: str
    read: Callable[[object], Any]
    from_text: Callable[[str], object] | None = None


def refuse(value: object, takes: str) -> Refused:
    """A refusal of one value as a whole, ready to raise."""
    return Refused([Refusal((), show(value), takes)])


def show(value: object) -> str:
    """A TOML value on one short line, for the 'got' of an error."""
    match value:
        case bool():
            text = "true" if value else "false"
        case str():
            text = '"' + value.encode("unicode_escape").decode().replace('"', '\\"') + '"'
        case dict():
            text = f"a table with {_some(value)}" if value else "an empty table"
        case list():
            text = f"a list of {len(value)}" if value else "an empty list"
        case int() if abs(value) >= INT64:
            text = "a whole number beyond 64 bits"
        case datetime.date() | datetime.time():
            text = value.isoformat()
        case _:
            text = str(value)
    return text if len(text) <= 80 else text[:76] + " ..."


def _some(names: Iterable[str]) -> str:
    first = list(names)
    return ", ".join(first[:3]) + (", ..." if len(first) > 3 else "")


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` most looks like, or None where none does."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    near = difflib.get_close_matches(name.casefold()[:200], by_folded, n=1, cutoff=0.7)
    return by_folded[near[0]] if near else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean "visit.gap"?`, or nothing."""
    near = closest(name, known)
    return f'; did you mean "{near}"?' if near else ""


def is_text(value: object) -> bool:
    """Whether a value is a string that can be written as UTF-8 (an environment variable may not be)."""
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def as_text(text: str) -> object:
    return text


def _number_or_text(text: str) -> object:
    stripped = text.strip()
    if re.fullmatch(r"[+-]?[0-9]{1,30}", stripped):
        return int(stripped)
    if re.fullmatch(r"[+-]?[0-9]{1,30}\.[0-9]{1,30}", stripped):
        return float(stripped)
    return text


def _boolean_or_text(text: str) -> object:
    return {"true": True, "false": False}.get(text.strip().lower(), text)


def text(takes: str = "a text that is not empty", pattern: str = r"(?s).+", *, name: str = "text") -> Kind:
    """A string that matches `pattern` as a whole."""
    compiled = re.compile(pattern)

    def read(value: object) -> str:
        if not (isinstance(value, str) and is_text(value) and compiled.fullmatch(value)):
            raise refuse(value, takes)
        return value

    return Kind(name, takes, read, as_text)


def texts(takes: str, item: Kind) -> Kind:
    """A list of `item`s."""

    def read(value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise refuse(value, takes)
        refusals: list[Refusal] = []
        for index, element in enumerate(value):
            try:
                item.read(element)
            except Refused as refused:
                refusals += refused.below(index)
        if refusals:
            raise Refused(refusals)
        return tuple(value)

    return Kind("list", takes, read)


def choice(*options: str) -> Kind:
    """One of a few words."""
    takes = "one of " + ", ".join(f'"{option}"' for option in options)

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in options:
            hint = did_you_mean(value, options) if isinstance(value, str) else ""
            raise refuse(value, takes + hint)
        return value

    return Kind("choice", takes, read, as_text)


def whole(least: int, most: int) -> Kind:
    """A whole number from `least` to `most`."""
    takes = f"a whole number from {least:,} to {most:,}"

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise refuse(value, takes)
        return value

    return Kind("whole number", takes, read, _number_or_text)


def number(takes: str, accepts: Callable[[float], bool]) -> Kind:
    """A finite number that `accepts` holds for; whole ones become int, so that 5 and 5.0 are one setting."""

    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) >= INT64:
            raise refuse(value, takes)
        if not math.isfinite(value) or not accepts(value):
            raise refuse(value, takes)
        return int(value) if value == int(value) else value

    return Kind("number", takes, read, _number_or_text)


def boolean() -> Kind:
    """True or false."""

    def read(value: object) -> bool:
        if not isinstance(value, bool):
            raise refuse(value, "true or false")
        return value

    return Kind("boolean", "true or false", read, _boolean_or_text)


def dotted_path(takes: str = 'a dotted path such as "properties.total"') -> Kind:
    """The way to a value inside an event."""

    def read(value: object) -> str:
        if not (isinstance(value, str) and is_text(value)):
            raise refuse(value, takes)
        if not all(step and step == step.strip() for step in value.split(".")):
            raise refuse(value, takes)
        return value

    return Kind("path", takes, read, as_text)


def dimension() -> Kind:
    """What windows are split by; `total` and `key` are the names of series that are there anyway."""
    takes = '"channel", "campaign", "tier" or a dotted path such as "properties.country"'
    kind = dotted_path(takes)

    def read(value: object) -> str:
        path: str = kind.read(value)
        if path in ("total", "key") or ":" in path:
            raise refuse(value, f'{takes}; not "total" or "key", which are series anyway, and no ":"')
        return path

    return kind._replace(read=read)


def optional(kind: Kind) -> Kind:
    """The same kind, where an environment variable set to nothing means 'unset'."""
    from_text = kind.from_text
    assert from_text is not None

    def read(value: object) -> Any:
        return None if value is None else kind.read(value)

    return kind._replace(read=read, from_text=lambda text: from_text(text) if text else None)
