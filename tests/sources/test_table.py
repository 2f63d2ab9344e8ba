"""Tables: column mapping, times, and rows that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from stream.core.events import Invalid, read
from stream.sources import InputFile, Lines, SourceError
from stream.sources.columns import ColumnError, read_columns
from stream.sources.table import TableFormat, TableOptions
from stream.sources.times import TimeReader


def records_of(
    tmp_path: Path,
    content: bytes,
    columns: str = "userId=who,timestamp=when,event==Order Completed",
    pattern: str | None = None,
    zone: str = "UTC",
    **options: Any,
) -> list[bytes]:
    path = tmp_path / "orders.csv"
    path.write_bytes(content)
    table = TableOptions(
        columns=read_columns((columns,)), times=TimeReader(pattern, ZoneInfo(zone)), **options
    )
    with InputFile(str(path)) as file:
        return [record for batch in TableFormat(table).records(Lines(file)) for record in batch]


def events_of(tmp_path: Path, content: bytes, *args: Any, **options: Any) -> list[dict[str, Any]]:
    events = []
    for record in records_of(tmp_path, content, *args, **options):
        read(record)
        events.append(orjson.loads(record))
    return events


def test_rows_become_events(tmp_path: Path) -> None:
    (event,) = events_of(
        tmp_path,
        b"who,when,amount,note,unused\n00042,2026-03-01 10:00:00,12.50,gift,\n",
        "userId=who,timestamp=when,event==Order Completed,properties.total=amount",
    )
    assert event.pop("messageId").startswith("orders.csv:000000001:")
    assert event == {
        "type": "track",
        "event": "Order Completed",
        "userId": "00042",
        "timestamp": "2026-03-01T10:00:00.000Z",
        "receivedAt": "2026-03-01T10:00:00.000Z",
        "properties": {"total": 12.5, "note": "gift"},
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-0.5", -0.5),
        ("007", "007"),
        ("1e5", "1e5"),
        ("12345678901234567", "12345678901234567"),
        ("true", "true"),
        ("NaN", "NaN"),
    ],
)
def test_only_what_is_plainly_a_number_becomes_one(tmp_path: Path, text: str, value: object) -> None:
    (event,) = events_of(tmp_path, f"who,when,x\na,2026-03-01,{text}\n".encode())
    assert event["properties"]["x"] == value


def test_whitespace_columns_by_number(tmp_path: Path) -> None:
    events = events_of(
        tmp_path,
        b" 00001 19970101  1   11.77\r\n 00002 19970112  5   77.00\r\n",
        "userId=1,timestamp=2,event==Order Completed,properties.total=4",
        "%Y%m%d",
        "America/New_York",
        delimiter="whitespace",
        header=False,
    )
    assert [(e["userId"], e["timestamp"], e["properties"]) for e in events] == [
        ("00001", "1997-01-01T05:00:00.000Z", {"total": 11.77}),
        ("00002", "1997-01-12T05:00:00.000Z", {"total": 77.0}),
    ]


def test_quoted_cells_may_hold_delimiters_and_line_ends(tmp_path: Path) -> None:
    (event,) = events_of(tmp_path, b'who;when;note\n"a;b";2026-03-01;"two\nlines"\n', delimiter=";")
    assert event["userId"] == "a;b"
    assert event["properties"]["note"] == "two\nlines"


def test_an_open_quote_costs_one_row_only(tmp_path: Path) -> None:
    rows = b"".join(b"p%d,2026-03-01\n" % n for n in range(150))
    records = records_of(tmp_path, b'who,when\n"bad,2026-03-01\n' + rows)
    assert records[0] == b'"bad,2026-03-01'
    assert [orjson.loads(record)["userId"] for record in records[1:]] == [f"p{n}" for n in range(150)]


@pytest.mark.parametrize("row", [b"only one cell", b"a,2026-03-01,too,many", b"\xff,2026-03-01"])
def test_a_row_that_does_not_fit_is_passed_on_as_it_stands(tmp_path: Path, row: bytes) -> None:
    assert records_of(tmp_path, b"who,when\n" + row + b"\nok,2026-03-01\n")[0] == row


def test_a_time_that_cannot_be_read_is_a_bad_time(tmp_path: Path) -> None:
    (record,) = records_of(tmp_path, b"who,when\na,yesterday\n")
    with pytest.raises(Invalid, match="yesterday") as caught:
        read(record)
    assert caught.value.reason == "bad_time"


@pytest.mark.parametrize(
    ("pattern", "zone", "text", "expected"),
    [
        (None, "Asia/Shanghai", "2026-03-01 08:00:00", "2026-03-01T00:00:00.000Z"),
        ("iso", "Asia/Shanghai", "2026-03-01T08:00:00.1239Z", "2026-03-01T08:00:00.123Z"),
        (None, "UTC", "2026-03-01", "2026-03-01T00:00:00.000Z"),
        ("epoch", "Asia/Shanghai", "1772323200.5", "2026-03-01T00:00:00.500Z"),
        ("epoch_ms", "UTC", "1772323200007", "2026-03-01T00:00:00.007Z"),
        ("%d.%m.%Y %H:%M", "Europe/Berlin", "01.07.2026 00:30", "2026-06-30T22:30:00.000Z"),
        ("%Y-%m-%d %z", "UTC", "2026-03-01 +0800", "2026-02-28T16:00:00.000Z"),
        ("epoch", "UTC", "1e300", None),
        ("epoch_ms", "UTC", "12.5", None),
        ("%Y", "Pacific/Apia", "0001", None),
        (None, "UTC", "01/02/2026", None),
    ],
)
def test_times(pattern: str | None, zone: str, text: str, expected: str | None) -> None:
    assert TimeReader(pattern, ZoneInfo(zone)).read(text) == expected


def test_views_of_pages_are_pages_of_that_name(tmp_path: Path) -> None:
    events = events_of(
        tmp_path,
        b"who,when,what\na,2026-03-01,home\na,2026-03-01,product_view\na,2026-03-01,purchase\n",
        "userId=who,timestamp=when,event=what",
        pages=("home", "*_view"),
    )
    assert [(event["type"], event.get("properties")) for event in events] == [
        ("page", {"path": "home"}),
        ("page", {"path": "product_view"}),
        ("track", None),
    ]


def test_equal_rows_are_two_events_with_stable_ids(tmp_path: Path) -> None:
    content = b"who,when\na,2026-03-01\na,2026-03-01\n"
    ids = [event["messageId"] for event in events_of(tmp_path, content)]
    assert len(set(ids)) == 2
    assert ids == [event["messageId"] for event in events_of(tmp_path, content)]


def test_missing_column_is_named_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no column who; it has customer, when"):
        records_of(tmp_path, b"customer,when\n")


def test_column_names_without_a_header_are_numbers(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="userId=who: without a header"):
        records_of(tmp_path, b"a,2026-03-01\n", header=False)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("userId", "form FIELD=COLUMN or FIELD==TEXT"),
        ("userId=", "form FIELD=COLUMN"),
        ("user=who", "'user' is no field of an event"),
        ("userId.x=who", "no field"),
        ("properties=who", "no field"),
        ("userId=a,userId=b,timestamp=t,event==E", "userId is mapped twice"),
        ("userId=a,event==E", "timestamp=COLUMN"),
        ("timestamp=t,event==E", "userId=COLUMN"),
        ("timestamp=t,userId=a", "event==NAME"),
    ],
)
def test_mapping_errors_say_what_would_be_right(columns: str, message: str) -> None:
    with pytest.raises(ColumnError, match=message):
        read_columns((columns,))


def test_mapping_in_parts_and_with_a_comma_in_quotes() -> None:
    columns = read_columns(("userId=a, timestamp=t", '"event==Bought, paid"'))
    assert [(column.field, column.source, column.literal) for column in columns] == [
        ("userId", "a", False),
        ("timestamp", "t", False),
        ("event", "Bought, paid", True),
    ]
