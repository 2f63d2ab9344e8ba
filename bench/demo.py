"""Whether the demo's plants are caught, and what else is taken for an incident, seed by seed.

    python bench/demo.py [--seeds 1-10] [--days 60] [--until 2026-11-22]

Makes the demo's records, its configuration, and what a replay makes of them: the worker publishes the same.
`--until` is the day on which the demo would be run. Prints a Markdown table and writes
bench/results/demo-<days>.json.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from stream.cli.demo.configuration import configure
from stream.cli.demo.story import FAULTS, WINDOW_MS, Story, tell
from stream.cli.demo.told import is_of
from stream.core.definition import DAY, Definition
from stream.core.engagement.partials import PARTIALS
from stream.core.records import Incident
from stream.core.times import parse_ms
from stream.replay import Stream
from stream.replay.merging import Merging
from stream.simulate.product import Product
from stream.simulate.simulation import Simulation

RESULTS = Path(__file__).parent / "results"
AT_ONCE = 4_000
PARTITIONS = 4


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", default="1-10")
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--until", default=f"{datetime.now(UTC):%Y-%m-%d}")
    given = parser.parse_args()
    first, _, last = given.seeds.partition("-")
    now_ms = round(datetime.fromisoformat(given.until).replace(tzinfo=UTC).timestamp() * 1000)
    with tempfile.TemporaryDirectory() as folder:
        _, settings = configure(Path(folder), broker="127.0.0.1:1", port=0)
    results = []
    print("| seed | events a day | outage caught after | viral day caught after | other incidents |")
    print("|---|---|---|---|---|")
    for seed in range(int(first), int(last or first) + 1):
        story = tell(users=5_000, days=365, seconds_per_day=1.0, seed=seed, now_ms=now_ms)
        result = judged(story, given.days, settings.definition)
        results.append(result)
        caught = " | ".join("missed" if n is None else f"{n} h" for n in result["caught_after_windows"])
        print(
            f"| {seed} | {result['events_a_day']:,} | {caught} | {'; '.join(result['others']) or '–'} |",
            flush=True,
        )
    (RESULTS / f"demo-{given.days}.json").write_text(
        msgspec.json.format(
            msgspec.json.encode(
                {
                    "until": given.until,
                    "days": given.days,
                    "python": platform.python_version(),
                    "seeds": results,
                }
            )
        ).decode()
        + "\n"
    )


def judged(story: Story, days: int, definition: Definition) -> dict[str, object]:
    """What becomes of the first `days` of the story."""
    simulation = Simulation(
        Product(users=story.users),
        seed=story.seed,
        start_ms=story.start_ms,
        end_ms=story.start_ms + days * DAY,
        plants=story.plants,
        faults=FAULTS,
    )
    stream = Stream(definition, partitions=PARTITIONS, topic="app-events")
    merging = Merging(definition, sources=stream.sources)
    incidents: list[Incident] = []
    waiting: list[bytes] = []
    events = 0

    def work_off() -> None:
        stream.route(waiting)
        waiting.clear()
        parts = stream.take_published().pop(PARTIALS, [])
        for published in merging.merge(parts) if parts else ():
            incidents.extend(
                msgspec.json.decode(value, type=Incident) for value in published.get("incidents", [])
            )

    for _, records in simulation.slices():
        waiting += [value for _, _, value in records if value is not None]
        events += len(records)
        if len(waiting) >= AT_ONCE:
            work_off()
    work_off()
    opened = [incident for incident in incidents if incident.status == "opened"]
    caught = [next((one for one in opened if is_of(plant, one)), None) for plant in story.plants]
    return {
        "seed": story.seed,
        "events_a_day": round(events / days),
        "caught_after_windows": [
            None if one is None else -(-((parse_ms(one.at) or 0) - plant.start_ms) // WINDOW_MS)
            for plant, one in zip(story.plants, caught, strict=True)
        ],
        "severities": [one and one.severity for one in caught],
        "others": [
            f"day {story.day(parse_ms(one.at) or 0)}: {one.series} {one.direction} of {one.measure}, "
            f"{one.period}, {one.severity}"
            for one in opened
            if one not in caught
        ],
    }


if __name__ == "__main__":
    main()
