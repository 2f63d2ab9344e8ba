"""What the benches of growth reckon with: the formula, the curves, and what a subscriber saw, when."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from bench.curves import Curve, draw
from bench.growth import PRICES, Change, changed, fit, predicted_s
from bench.growth import _channels as channels
from bench.growth import _renamed as renamed
from bench.input import Record, generate
from bench.latency import PARTITIONS, Sent, delays, percentile, quantiles

TRUE = {
    "events": 12.0,
    "key_events": 3.0,
    "batches": 40.0,
    "checkpoints": 900.0,
    "rows": 9.0,
    "seconds": 20_000.0,
}


def points(prices: dict[str, float]) -> list[dict[str, float]]:
    """Runs that differ in all that is paid for, two values each."""
    found = []
    for several in product((1.0, 3.0), repeat=len(PRICES)):
        done = {"events": 60_000, "key_events": 9_000, "batches": 700, "checkpoints": 90, "rows": 4_000}
        done["seconds"] = 5
        point = {name: done[name] * times for name, times in zip(PRICES, several, strict=True)}
        found.append({**point, "cpu_s": sum(prices[name] * point[name] for name in PRICES) / 1e6})
    return found


def test_the_formula_finds_the_prices_that_runs_were_made_with() -> None:
    assert fit(points(TRUE)) == pytest.approx(TRUE, rel=1e-3)


def test_nothing_has_a_price_below_zero() -> None:
    # as if each key event had spared time: what it seems to spare is the other prices' then
    found = fit(points(TRUE | {"key_events": -6.0}))
    assert found["key_events"] == 0
    assert min(found.values()) >= 0


def test_a_prediction_is_the_sum_of_what_was_done() -> None:
    done = dict.fromkeys(PRICES, 0.0) | {"events": 1_000_000.0, "checkpoints": 1_000.0}
    assert predicted_s(TRUE, done) == pytest.approx(12.9)


@pytest.mark.parametrize(
    ("change", "begins", "count"),
    [(channels(7), '"channel":"ch', 7), (renamed(3), '"event":"Step ', 3)],
    ids=["channels", "key events"],
)
def test_as_many_values_come_as_are_wanted(change: Change, begins: str, count: int) -> None:
    found = set()
    for chunk in changed(generate(3_000, persons=400, partitions=2), change):
        for record in (record for records in chunk for record in records):
            text = record.value.decode(errors="replace")
            at = text.find(begins)
            if at >= 0:
                found.add(text[at : text.find('"', at + len(begins))])
    assert len(found) == count


def test_a_curve_is_drawn_from_zero_and_the_same_each_time() -> None:
    curves = [Curve("one", [(50_000, 20.0), (5_000_000, 24.5)]), Curve("other", [(50_000, 30.0)])]
    drawn = draw(curves, title="Persons & more", across="persons", up="µs")
    assert drawn == draw(curves, title="Persons & more", across="persons", up="µs")
    svg = ElementTree.fromstring(drawn)
    heights = [float(dot.get("cy", "0")) for dot in svg.iter("{http://www.w3.org/2000/svg}circle")]
    assert heights[2] < heights[1] < heights[0], "what costs more stands higher"
    assert "5e+06 24.5" in ElementTree.tostring(svg, "unicode")


def test_a_delay_is_from_the_append_of_the_event_that_an_output_comes_of(tmp_path: Path) -> None:
    def event(number: int) -> Record:
        return Record(b"u", b'{"type":"track","messageId":"m-%d"}' % number, 0)

    chunks = [[[event(number) for number in range(4)], *([[]] * (PARTITIONS - 1))]]
    sent = [Sent([0, 2], [10_000, 20_000]), *([Sent([], [])] * (PARTITIONS - 1))]
    seen = [
        ("transitions", 20_450.0, b'{"cause":"m-3","partition":7}'),
        ("transitions", 20_500.0, b'{"cause":"day"}'),
        ("late", 20_300.0, b'{"partition":0,"offset":2,"message_id":"m-2"}'),
        ("late", 10_200.0, b'{"partition":0,"offset":1}'),
    ]
    (tmp_path / "seen").write_bytes(msgspec.msgpack.encode(seen))
    found = delays(tmp_path / "seen", sent, chunks, 15_000, 25_000)
    assert found["transitions"] == [pytest.approx(0.45)]
    assert found["late"] == [pytest.approx(0.3)], "what arrived before the time in question is left out"


def test_percentiles_are_of_the_ordered_values() -> None:
    assert percentile([float(n) for n in range(1, 101)], 0.99) == 100
    assert percentile([1.0], 0.5) == 1


def test_a_histogram_s_quantile_lies_within_its_bucket() -> None:
    name = 'footfall_arrival_latency_seconds_bucket{le="%s"}'
    before = {name % "0.5": 100.0, name % "1.0": 100.0, name % "+Inf": 100.0}
    after = {name % "0.5": 150.0, name % "1.0": 200.0, name % "+Inf": 200.0}
    found = quantiles(before, after)
    assert found == {"count": 100.0, "p50_s": 0.5, "p99_s": pytest.approx(0.99)}
