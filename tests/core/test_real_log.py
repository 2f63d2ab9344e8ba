"""The core and the oracle agree on a real log: the CDNOW purchases of 500 customers."""

from __future__ import annotations

import datetime as dt
import importlib.util
from pathlib import Path

import pytest

from stream.core.definition import Definition, KeyEvent
from tests import reference
from tests.core import adapter
from tests.core.test_against_reference import difference
from tests.reference import LogRecord
from tests.reference.logs import track


def purchases(path: Path) -> list[LogRecord]:
    """Every 47th customer's purchases, in time order. A line ends with date, number of discs and amount."""
    log = []
    for number, line in enumerate(path.read_text().splitlines()):
        customer, *_, date, _, amount = line.split()
        if customer.isdigit() and int(customer) % 47 == 0:
            time = int(dt.datetime.strptime(date + "+0000", "%Y%m%d%z").timestamp()) * 1000
            bought = {"total": float(amount)}
            record = track(time, "Order Completed", userId=customer, messageId=f"{number}", properties=bought)
            log.append((time, record))
    return [record for _, record in sorted(log, key=lambda each: each[0])]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_purchases(zone: str) -> None:
    package = importlib.util.find_spec("lifetimes")
    if package is None or package.origin is None:
        pytest.skip("lifetimes, whose CDNOW data this reads, is not installed (extra: dev)")
    log = purchases(Path(package.origin).parent / "datasets" / "CDNOW_master.txt")
    order = KeyEvent("Order Completed", 5, value="properties.total")
    definition = Definition(timezone=zone, key_events=(order,), known_before="1997-01-15")
    expected = reference.run(definition, log, None)
    assert len(expected.people) > 400
    assert difference(expected, adapter.run(definition, log, None)) == {}
