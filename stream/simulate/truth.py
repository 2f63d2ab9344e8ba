"""What was planted in a simulated stream: the document that `--truth` writes, to compare findings with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, field

from stream.core.records import Direction, Measure, Period
from stream.core.times import format_ms
from stream.simulate.ledger import KEY, TOTAL, WEIGHTS, WINDOW_MS, Figures, Ledger
from stream.simulate.plants import Broken, Kind, Plant, Promotion

MovedMeasure = Literal["volume", "people", "index", "promoted"]
_DIGITS = 6


class TrueMove(Struct, frozen=True, kw_only=True):
    """A measure of a series that the plant moved: means per window, without and with it."""

    series: str
    measure: MovedMeasure
    without: float
    with_: float = field(name="with")
    change: float | None


class Planted(Struct, frozen=True, kw_only=True):
    """One plant, and what should be found of it.

    `incident`: whether an incident should open, in windows or days as `period` says. `direction` and
    `measures` are of the series `cause`, or of `total` without one; `cause` should rank first.
    """

    plant_id: str
    plant: str
    kind: Kind
    start: str
    end: str
    period: Period
    incident: bool
    direction: Direction | None
    measures: list[Measure]
    cause: str | None
    moved: list[TrueMove]
    configuration: str | None


class Truth(Struct, frozen=True, kw_only=True):
    """What a simulated stream holds besides its usual self. `end` is null for a run without one."""

    schema: Literal["footfall.truth/1"] = "footfall.truth/1"
    seed: int
    start: str
    end: str | None
    window_s: float
    weights: dict[str, float]
    options: dict[str, float]
    bots: list[str]
    plants: list[Planted]

    def write(self, path: Path) -> None:
        """Into a file, over what is there. Raises OSError."""
        text = msgspec.json.format(msgspec.json.encode(self), indent=2)
        path.write_bytes(text + b"\n")


def truth_of(
    planted: Sequence[tuple[Plant, Ledger]],
    *,
    seed: int,
    start_ms: int,
    end_ms: int | None,
    options: dict[str, float],
    bots: list[str],
) -> Truth:
    """The document over all plants, with what the ledgers have counted so far."""
    return Truth(
        seed=seed,
        start=format_ms(start_ms),
        end=None if end_ms is None else format_ms(end_ms),
        window_s=WINDOW_MS / 1000,
        weights=dict(WEIGHTS),
        options=options,
        bots=bots,
        plants=[
            _planted(plant, ledger, number)
            for number, (plant, ledger) in zip(_numbers(planted), planted, strict=True)
        ],
    )


def _numbers(planted: Sequence[tuple[Plant, Ledger]]) -> Iterator[int]:
    """1 for each plant, counting on among those of the same kind that begin at the same time."""
    seen: Counter[tuple[Kind, int]] = Counter()
    for plant, _ in planted:
        seen[plant.kind, plant.start_ms] += 1
        yield seen[plant.kind, plant.start_ms]


def _planted(plant: Plant, ledger: Ledger, number: int) -> Planted:
    seen = not isinstance(plant, Broken) or plant.event in WEIGHTS
    return Planted(
        plant_id=f"{plant.kind}@{plant.start_ms}" + (f"#{number}" if number > 1 else ""),
        plant=plant.text,
        kind=plant.kind,
        start=format_ms(plant.start_ms),
        end=format_ms(plant.end_ms),
        period=plant.period,
        incident=seen and not isinstance(plant, Promotion),
        direction=plant.direction if seen else None,
        measures=list(plant.measures) if seen else [],
        cause=plant.cause if seen else None,
        moved=_moved(ledger),
        configuration=plant.configuration if isinstance(plant, Promotion) else None,
    )


def _moved(ledger: Ledger) -> list[TrueMove]:
    windows = ledger.windows
    if windows <= 0:
        return []
    without, with_plant = ledger.without.figures, ledger.with_plant.figures
    moves = []
    for series in sorted({*without, *with_plant}, key=lambda name: (name != TOTAL, name)):
        before, after = without.get(series, Figures()), with_plant.get(series, Figures())
        pairs: list[tuple[MovedMeasure, float, float]] = [
            ("volume", before.volume / windows, after.volume / windows),
            ("people", before.people / windows, after.people / windows),
            ("promoted", before.promoted / windows, after.promoted / windows),
        ]
        if not series.startswith(KEY):
            pairs.append(("index", _index(before), _index(after)))
        moves += [
            TrueMove(
                series=series,
                measure=measure,
                without=round(old, _DIGITS),
                with_=round(new, _DIGITS),
                change=round(new / old - 1.0, _DIGITS) if old else None,
            )
            for measure, old, new in pairs
            if old != new
        ]
    return moves


def _index(figures: Figures) -> float:
    return figures.engaged / figures.people if figures.people else 0.0
