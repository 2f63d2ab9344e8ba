"""Access logs: which request is what, and that nothing is lost."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest

from stream.core.events import read
from stream.sources import InputFile, Lines
from stream.sources.access_log import AccessLogFormat

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:24.0) Gecko/20100101 Firefox/24.0"


def line(
    request: str = "GET /about HTTP/1.1",
    *,
    status: int = 200,
    user: str = "-",
    agent: str = BROWSER,
    time: str = "17/May/2015:10:05:03 +0200",
) -> str:
    return f'83.149.9.216 - {user} [{time}] "{request}" {status} 1024 "http://example.com/" "{agent}"'


def events_of(tmp_path: Path, *lines: str, name: str = "access.log") -> list[bytes]:
    path = tmp_path / name
    content = "\n".join(lines).encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    with InputFile(str(path)) as file:
        return [record for batch in AccessLogFormat().records(Lines(file)) for record in batch]


def event_of(tmp_path: Path, text: str) -> dict[str, Any]:
    (record,) = events_of(tmp_path, text)
    read(record)
    event = orjson.loads(record)
    assert isinstance(event, dict)
    return event


def test_page_view(tmp_path: Path) -> None:
    event = event_of(
        tmp_path, line("GET /about?q=1&utm_source=news&utm_medium=email&utm_campaign=may HTTP/1.1")
    )
    message_id = event.pop("messageId")
    assert message_id.startswith("access.log:000000001:")
    assert event == {
        "type": "page",
        "anonymousId": "83.149.9.216",
        "timestamp": "2015-05-17T10:05:03+02:00",
        "receivedAt": "2015-05-17T10:05:03+02:00",
        "context": {
            "ip": "83.149.9.216",
            "userAgent": BROWSER,
            "page": {
                "path": "/about",
                "search": "?q=1&utm_source=news&utm_medium=email&utm_campaign=may",
                "referrer": "http://example.com/",
            },
            "campaign": {"source": "news", "medium": "email", "name": "may"},
        },
        "properties": {"path": "/about", "status": 200, "method": "GET", "bytes": 1024},
    }


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (line("GET /style.css HTTP/1.1"), "Resource Requested"),
        (line("GET /logo.PNG?v=3 HTTP/1.1"), "Resource Requested"),
        (line("POST /form HTTP/1.1"), "Resource Requested"),
        (line(status=301), "Resource Requested"),
        (line(status=404), "Request Failed"),
        (line(r"\x16\x03\x01", status=400), "Request Failed"),
        (line(agent="Googlebot/2.1 (+http://www.google.com/bot.html)"), "Program Request"),
        (line(agent="curl/7.1"), "Program Request"),
        (line(agent="-"), "Program Request"),
        (line(status=304), None),
        (line(agent=r"Mozilla/5.0 \"quoted\" Firefox"), None),
    ],
)
def test_what_a_page_or_a_program_fetched_is_no_page(tmp_path: Path, text: str, name: str | None) -> None:
    event = event_of(tmp_path, text)
    assert event.get("event") == name
    assert event["type"] == ("track" if name else "page")


def test_logged_user_is_the_person(tmp_path: Path) -> None:
    event = event_of(tmp_path, line(user="ann"))
    assert (event["userId"], event["anonymousId"]) == ("ann", "83.149.9.216")


@pytest.mark.parametrize(
    "text",
    [
        '83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 -',
        'example.com:443 83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "Firefox"',
        line() + ' 0.003 "more"',
    ],
)
def test_common_form_virtual_host_and_further_fields(tmp_path: Path, text: str) -> None:
    event = event_of(tmp_path, text)
    assert event["anonymousId"] == "83.149.9.216"
    assert event["type"] == "page"


@pytest.mark.parametrize(
    "text",
    [
        "not a log line",
        line(time="31/Feb/2015:10:05:03 +0000"),
        line(time="17/Mai/2015:10:05:03 +0000"),
        line(time="17/May/2015:25:05:03 +0000"),
    ],
)
def test_unreadable_line_is_passed_on_as_it_stands(tmp_path: Path, text: str) -> None:
    assert events_of(tmp_path, text) == [text.encode()]


def test_ids_repeat_with_the_file_and_keep_the_order_of_one_second(tmp_path: Path) -> None:
    lines = [line() for _ in range(12)]
    ids = [orjson.loads(record)["messageId"] for record in events_of(tmp_path, *lines)]
    assert ids == sorted(set(ids))
    packed = events_of(tmp_path, *lines, name="access.log.gz")
    assert [orjson.loads(record)["messageId"] for record in packed] == ids
