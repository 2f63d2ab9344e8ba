"""Reads what `--plant` was given: `outage:from=2026-01-20T14:00,for=30m,depth=50%`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from stream.settings.durations import parse_duration
from stream.simulate.plants import PLANTS, SHARES, Plant
from stream.simulate.product import CHANNELS

MIXTURES = ("all", "random")
CHANNEL_NAMES = tuple(channel.name for channel in CHANNELS)
EVENTS = (
    "Products Searched",
    "Product Viewed",
    "Product Added",
    "Product Shared",
    "Checkout Started",
    "Order Completed",
    "Consultation Started",
    "Consultation Rated",
    "Signed Up",
)
_KINDS = {plant.kind: plant for plant in PLANTS}
_TIMES = ("from", "at", "for", "to")
_PART = re.compile(r'\s*([a-z]+)\s*=\s*("[^"]*"|[^,"]*)\s*')
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}")
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%|([01](?:\.[0-9]{1,6})?)")


class Moment(NamedTuple):
    """A time: `ms` since 1970, or, if it is an `offset`, since the first instant of the run."""

    ms: int
    offset: bool

    def after(self, start_ms: int) -> int:
        """The time in ms since 1970, in a run that begins at `start_ms`."""
        return start_ms + self.ms if self.offset else self.ms


class Asked(NamedTuple):
    """One plant as asked for; what is None is for the seed to choose, or the kind's default."""

    text: str
    plant: type[Plant]
    start: Moment | None
    end: Moment | None
    length_ms: int | None
    parameters: dict[str, str | float]


class Mixture(NamedTuple):
    """Plants of all kinds once (`all`), or `random` ones, as many as the run has room for."""

    random: bool


def read(text: str) -> Asked | Mixture:
    """What `text` asks for. Raises ValueError with a sentence that says what it takes."""
    kind, _, rest = text.partition(":")
    kind = kind.strip()
    if kind in MIXTURES:
        if rest.strip():
            raise ValueError(f"{kind} takes no options")
        return Mixture(kind == "random")
    if kind not in _KINDS:
        raise ValueError(f'"{kind}" is no kind; there are {", ".join((*_KINDS, *MIXTURES))}')
    plant = _KINDS[kind]
    parameters: dict[str, str | float] = {}
    times: dict[str, str] = {}
    for name, value in _parts(rest):
        if name in times or name in parameters:
            raise ValueError(f"{name} is there twice")
        if name in _TIMES:
            times[name] = value
        else:
            parameters[name] = _parameter(plant, name, value)
    if "at" in times and "from" in times:
        raise ValueError("at and from are the same: give one")
    if "for" in times and "to" in times:
        raise ValueError("for and to both say when it ends: give one")
    start = times.get("at", times.get("from"))
    return Asked(
        text,
        plant,
        None if start is None else _moment(start),
        _moment(times["to"]) if "to" in times else None,
        _length_ms(times["for"]) if "for" in times else None,
        parameters,
    )


def _parts(rest: str) -> list[tuple[str, str]]:
    parts, position = [], 0
    while rest.strip():
        match = _PART.match(rest, position)
        if match is None or (match.end() < len(rest) and rest[match.end()] != ","):
            raise ValueError(
                f'"{rest[position:]}" is no list of name=value, separated by commas; '
                'values with a comma in them stand in "quotes"'
            )
        parts.append((match[1], match[2].strip().strip('"')))
        position = match.end() + 1
        if position > len(rest):
            break
    return parts


def _parameter(plant: type[Plant], name: str, value: str) -> str | float:
    names = [field.name for field in msgspec.structs.fields(plant) if not field.name.endswith("_ms")]
    if name not in names:
        raise ValueError(f"no option {name}: {plant.kind} takes from, for or to, {', '.join(names)}")
    if name in SHARES:
        return _share(name, value)
    if name == "factor":
        return _factor(value)
    if name == "channel":
        return _one_of(name, value, CHANNEL_NAMES)
    if name == "event":
        return _one_of(name, value, EVENTS)
    if not _NAME.fullmatch(value):
        raise ValueError(f'name: got "{value}"; takes up to 100 letters, digits, spaces, and . _ -')
    return value


def read_share(text: str) -> float | None:
    """`50%` or `0.5` as 0.5; None where it is neither, or not between 0 and 1."""
    match = _SHARE.fullmatch(text.strip())
    if match is None:
        return None
    share = float(match[1]) / 100 if match[1] else float(match[2])
    return share if share <= 1.0 else None


def _share(name: str, value: str) -> float:
    share = read_share(value)
    if not share or (name == "rate" and share >= 1.0):
        raise ValueError(f'{name}: got "{value}"; takes a share above 0, such as 50% or 0.5')
    return share


def _factor(value: str) -> float:
    try:
        factor = float(value)
    except ValueError:
        factor = 0.0
    if not 1.0 < factor <= 1000.0:
        raise ValueError(f'factor: got "{value}"; takes a number above 1, such as 2 for twice the visits')
    return factor


def _one_of(name: str, value: str, names: tuple[str, ...]) -> str:
    if value not in names:
        raise ValueError(f'{name}: got "{value}"; takes one of {", ".join(names)}')
    return value


def _length_ms(value: str) -> int:
    length_ms = parse_duration(value)
    if not length_ms:
        raise ValueError(f'for: got "{value}"; takes a duration, such as 30m or 1d12h')
    return length_ms


def _moment(value: str) -> Moment:
    offset_ms = parse_duration(value)
    if offset_ms is not None:
        return Moment(offset_ms, offset=True)
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(
            f'got "{value}" for a time; takes 2026-01-20, 2026-01-20T14:00 (UTC), or a duration '
            "since the start, such as 19d14h"
        ) from None
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return Moment(round(time.timestamp() * 1000), offset=False)
