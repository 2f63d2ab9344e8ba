"""The merger as a state of the engine: where its records go, what it comes back with, and what is counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import orjson
import pytest

from stream.agents.merging import MergerState, Merging
from stream.core.engagement.figures import Figures
from stream.core.engagement.partials import ClockPart, DayPart, Sums, WindowPart, encode
from stream.core.partitioner import partition_for
from stream.core.publishing import Output
from stream.core.records import encode as encode_json
from stream.metrics import Metrics
from stream.settings import Settings
from tests.agents.test_exposed import incident

PARTITIONS = 8


class Part(NamedTuple):
    """A record of the internal topic."""

    value: bytes | None
    offset: int = 0
    timestamp: int = 0
    key: bytes | None = None


class Counting:
    """A merger that counts parts, and publishes each as it came: `<output> <key> <JSON>`."""

    def __init__(self) -> None:
        self.kept: dict[bytes, bytes] = {}
        self.closed_ms: int | None = None
        self.shown = 0
        self._changed: dict[bytes, bytes | None] = {}
        self._outputs: list[Output] = []

    def process(self, values: Sequence[bytes]) -> None:
        for value in values:
            topic, key, record = value.split(b" ", 2)
            self._outputs.append(Output(topic.decode(), key, record))
        count = int(self.kept.get(b"parts", b"0")) + len(values)
        self.kept[b"parts"] = self._changed[b"parts"] = b"%d" % count

    def work(self) -> bool:
        return False

    def provisional(self, now_ms: int) -> None:
        if now_ms == 10_000:
            self._outputs.append(Output("engagement", b"total", row("total", "provisional")))

    def take_outputs(self) -> list[Output]:
        outputs, self._outputs = self._outputs, []
        return outputs

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        changed, self._changed = self._changed, {}
        return list(changed.items())

    def keys(self) -> Iterator[bytes]:
        return iter(self.kept)

    def value(self, key: bytes) -> bytes | None:
        return self.kept.get(key)

    def restore(self, key: bytes, value: bytes | None) -> None:
        assert value is not None
        self.kept[key] = value

    def restored(self) -> None:
        pass


class Store:
    """A local store that holds what it is given."""

    def __init__(self, values: dict[bytes, bytes]) -> None:
        self._values = values

    def get(self, key: bytes) -> bytes | None:
        return self._values.get(key)

    def keys(self, start: bytes, end: bytes) -> Iterator[bytes]:
        return (key for key in sorted(self._values) if start <= key < end)


def state(store: Store | None = None, metrics: Metrics | None = None) -> MergerState:
    return MergerState(Counting(), metrics or Metrics(), store, partitions=PARTITIONS)  # type: ignore[arg-type]


def row(series: str, status: str) -> bytes:
    """As much of a record of engagement as is looked at."""
    return b'{"series":"%b","status":"%b","start":"2026-01-01T00:00:00.000Z","volume":1.0}' % (
        series.encode(),
        status.encode(),
    )


def final(series: str) -> Part:
    return Part(b"engagement %b %b" % (series.encode(), row(series, "final")))


def test_a_record_goes_to_the_partition_of_its_key() -> None:
    one = state()
    one.process([final("total"), final("channel:web"), final("tier:low")])
    outputs = one.take_outputs()
    assert [output[1] for output in outputs] == [b"total", b"channel:web", b"tier:low"]
    for output in outputs:
        assert output[3] == partition_for(output[1] or b"", PARTITIONS)  # type: ignore[misc]
    assert one.take_outputs() == []


def test_what_was_published_in_advance_is_written_with_the_next_checkpoint() -> None:
    one = state()
    assert not one.provisional(9_999)
    assert one.provisional(10_000)
    one.process([final("total")])
    written = [orjson.loads(output[2] or b"")["status"] for output in one.take_outputs()]
    assert written == ["provisional", "final"]


@pytest.mark.parametrize("stored", [False, True], ids=["in memory", "with a local store"])
def test_it_goes_on_where_it_was(stored: bool) -> None:
    first = state()
    first.process([final("total")] * 3)
    changes = dict(first.take_changes())
    of_the_engine = {b"\xf9layout": b"{}", b"\xf9meta": b"?"}
    store = Store({key: value for key, value in changes.items() if value is not None} | of_the_engine)
    second = state(store if stored else None)
    for key, value in changes.items():
        second.restore(key, value)
    second.restored()
    second.process([final("total")])
    assert list(second.keys()) == [b"parts"]
    assert second.value(b"parts") == b"4"


def test_what_is_published_is_counted() -> None:
    metrics = Metrics()
    one = state(metrics=metrics)
    parts = [final("total"), Part(b"engagement total " + row("total", "provisional"))]
    incidents = [
        incident("total@1", provisional=True),
        incident("total@1"),
        incident("total@1", status="resolved"),
    ]
    parts += [Part(b"incidents total " + encode_json(one)) for one in incidents]
    parts.append(Part(b"daily 2026-01-01 {}"))
    one.process(parts)
    one.take_outputs()
    shown = metrics.render().decode().splitlines()
    assert 'footfall_windows_total{status="final"} 1.0' in shown
    assert 'footfall_windows_total{status="provisional"} 1.0' in shown
    assert 'footfall_incidents_total{direction="drop",severity="page"} 1.0' in shown
    assert "footfall_daily_reports_total 1.0" in shown
    assert "footfall_parts_total 6.0" in shown


def test_when_the_merger_moves_away_all_of_it_goes() -> None:
    metrics = Metrics()
    merging = Merging(Settings(), metrics, sources=1)
    state: Any = merging.new_state(0, None)
    partitions = {0: SimpleNamespace(state=state)}
    merging.engine = SimpleNamespace(partitions=partitions, ahead=lambda _: None)  # type: ignore[assignment]
    merging.on_assigned([0])
    parts = [DayPart(0, DAY, Figures()), WindowPart(0, DAY * 86_400_000, True, {"total": Sums(1, people=1)})]
    state.process([Part(encode(part)) for part in (*parts, ClockPart(0, (DAY + 2) * 86_400_000, DAY + 1))])
    while state.work():
        pass
    state.take_outputs()
    merging.measure()
    shown = metrics.render().decode()
    assert 'footfall_engagement_people{series="total",status="final"}' in shown
    assert "footfall_daily_visits 0.0" in shown
    assert 'footfall_open_incidents{severity="page"} 0.0' in shown
    del partitions[0]
    merging.on_assigned([])
    merging.measure()
    gone = metrics.render().decode().splitlines()
    begins = (
        "footfall_engagement",
        "footfall_daily_",
        "footfall_incident_",
        "footfall_open_in",
        "footfall_parts_lag",
    )
    assert [line for line in gone if line.startswith(begins)] == ["footfall_daily_reports_total 2.0"]


DAY = 20_454  # 2026-01-01
