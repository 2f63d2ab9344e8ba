"""Makes what docs/incidents.md shows: the records of an incident, and its chart in docs/img/incident.svg.

`python docs/img/incident.py` gives windows to the incidents of a product with two channels, whose orders from
the app are lost for half an hour, and prints the record that opens and the one that resolves, without charts.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import msgspec

from stream.core.definition import Definition, KeyEvent
from stream.core.engagement.incidents import Incidents
from stream.core.engagement.judged import Judged, Sign
from stream.core.engagement.rows import Row
from stream.core.records import Incident, Measure

SVG = Path(__file__).with_suffix(".svg")
MINUTE = 60_000
FIRST_MS = 1_772_328_660_000  # 2026-03-01T01:31:00Z
WINDOWS, BROKEN = 141, range(101, 131)
DEFINITION = Definition(
    key_events=(
        KeyEvent("Order Completed", 5, owner="payments"),
        KeyEvent("Product Added", 2, owner="catalogue"),
    )
)
EXPECTED = {
    "total": 405.0,
    "channel:app": 240.0,
    "channel:web": 165.0,
    "key:Order Completed": 235.0,
    "key:Product Added": 170.0,
}
LOST = {
    "total": 193,
    "channel:app": 150,
    "channel:web": 43,
    "key:Order Completed": 160,
    "key:Product Added": 33,
}


def windows() -> Iterator[tuple[int, dict[str, dict[Measure, Judged]]]]:
    """Start in ms, and what is judged of each series."""
    chance = random.Random(7)
    for number in range(WINDOWS):
        judged: dict[str, dict[Measure, Judged]] = {}
        for series, base in EXPECTED.items():
            expected = base * (1 + 0.0006 * (number - 101))
            lower, upper = expected - 3.2 * expected**0.5 - 20, expected + 3.2 * expected**0.5 + 20
            value = float(round(expected + chance.gauss(0, 0.8) * expected**0.5))
            if number in BROKEN:
                value = (base if number == BROKEN[0] else value) - LOST[series]
            out: Sign = 1 if value > upper else -1 if value < lower else 0
            score = 1 - 1e-9 if out else 0.0
            judged[series] = {"volume": Judged(value, expected, lower, upper, score, out, out)}
        yield FIRST_MS + number * MINUTE, judged


def records() -> list[Incident]:
    """What is published of it."""
    incidents = Incidents(DEFINITION, step_ms=MINUTE)
    return [
        record
        for start_ms, judged in windows()
        for record in incidents.window(start_ms, dict.fromkeys(judged, Row()), judged)
    ]


def shown(record: Incident) -> str:
    """As JSON to read, without the chart, and with one hash for settings whose defaults may change."""
    short = msgspec.structs.replace(record, chart="<svg …>", definition="26b44b47c922")
    return msgspec.json.format(msgspec.json.encode(short), indent=2).decode()


def main() -> None:
    made = records()
    SVG.write_text(made[-1].chart, encoding="utf-8")
    for record in made:
        print(shown(record))


if __name__ == "__main__":
    main()
