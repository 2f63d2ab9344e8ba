"""Access logs of Apache and nginx (common and combined form): each request becomes a Segment event."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl
from zlib import crc32

import orjson

from stream.core.events import MAX_BYTES
from stream.sources.lines import Lines

REQUEST_LINE = re.compile(
    r"(?:\S+:\d+ )?(?P<address>\S+) \S+ (?P<user>.+?) "
    r"\[(?P<time>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "
    r'"(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}) (?P<size>\d+|-)'
    r'(?: "(?P<referrer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)")?',
    re.ASCII,
)
TIME = re.compile(r"(\d\d)/(...)/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")
MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MONTHS = {name: number for number, name in enumerate(MONTH_NAMES, start=1)}
PROGRAM = re.compile(
    r"bot\b|crawl|spider|slurp|archiver|feed|rss|reader|aggregator|monitor|preview|validator|scan|fetch"
    r"|external|https?://|@"
    r"|^(?:curl|wget|python|java|ruby|perl|php|go-http|libwww|lwp|apache-http|okhttp|http)|^-?$",
    re.IGNORECASE,
)
ASSET = re.compile(
    r"\.(?:css|js|mjs|map|png|jpe?g|gif|svg|webp|avif|ico|bmp|woff2?|ttf|eot|otf|mp[34]|webm|ogg|wav"
    r"|pdf|zip|t?gz|bz2|xz|tar|rpm|deb|jar|exe|iso|txt|xml|rss|atom|json|swf)$",
    re.IGNORECASE,
)
PROGRAM_EVENT = "Program Request"
FAILED_EVENT = "Request Failed"
RESOURCE_EVENT = "Resource Requested"
STEM_CHARACTERS = 100


class AccessLogFormat:
    """Requests as events of their address (`anonymousId`), and of the user where one is logged (`userId`).

    A page seen is a `page`; what a page or a program fetched is a `track`, so that visits count pages:
    `Program Request` (by its user agent: robots, feed readers, scripts), `Request Failed` (status 400 and
    up), `Resource Requested` (not a GET, a redirect, or a path that ends like a style, script, image or
    download). `context.page`, `context.userAgent`, `context.campaign` (UTM) and `properties` (`path`,
    `status`, `method`, `bytes`) can be used in conditions. `receivedAt` is the event's own time: the server
    stamps a request as it arrives. `messageId` is made of the file's name, the line's number and a check
    sum of the line. A line that is no such request is passed on as it stands.
    """

    def records(self, lines: Lines) -> Iterator[list[bytes]]:
        stem = lines.file.stem[:STEM_CHARACTERS]
        number = 0
        for block in lines:
            batch = []
            for line in block:
                number += 1
                if line.strip():
                    batch.append(_record(line, f"{stem}:{number:09d}:{crc32(line):08x}"))
            if batch:
                yield batch


def _record(line: bytes, message_id: str) -> bytes:
    if len(line) > MAX_BYTES:
        return line
    found = REQUEST_LINE.match(line.decode("utf-8", "backslashreplace"))
    if found is None or (time := _time(found["time"])) is None:
        return line
    method, path, search = _request(found["request"])
    status, user = int(found["status"]), found["user"]
    agent, referrer = found["agent"] or "", found["referrer"] or ""
    name = _name(method, path, status, agent if found["agent"] is not None else "unknown")
    page = {"path": path, "search": search, "referrer": referrer if referrer != "-" else ""}
    event: dict[str, Any] = {
        "messageId": message_id,
        "type": "track" if name else "page",
        "timestamp": time,
        "receivedAt": time,
        "context": {"ip": found["address"], "userAgent": agent, "page": {k: v for k, v in page.items() if v}},
        "properties": {"path": path, "status": status, "method": method},
    }
    if name:
        event["event"] = name
    if found["size"] != "-":
        event["properties"]["bytes"] = int(found["size"])
    if user not in ("-", '""', "- -"):
        event["userId"] = user
    event["anonymousId"] = found["address"]
    if "utm_" in search:
        event["context"]["campaign"] = _campaign(search)
    return orjson.dumps(event)


def _request(request: str) -> tuple[str, str, str]:
    """Method, path and query of a request line; an unreadable one (a scan) is a path without a method."""
    parts = request.split(" ")
    if len(parts) not in (2, 3) or not parts[0].isalpha():
        return "", request, ""
    path, mark, query = parts[1].partition("?")
    return parts[0], path, mark + query


def _name(method: str, path: str, status: int, agent: str) -> str | None:
    """The event's name, None for a page seen."""
    if PROGRAM.search(agent):
        return PROGRAM_EVENT
    if status >= 400:
        return FAILED_EVENT
    if method != "GET" or not (200 <= status < 300 or status == 304) or ASSET.search(path):
        return RESOURCE_EVENT
    return None


def _campaign(search: str) -> dict[str, str]:
    given = dict(parse_qsl(search.removeprefix("?")))
    return {key: given[f"utm_{key}"] for key in ("source", "medium") if f"utm_{key}" in given} | (
        {"name": given["utm_campaign"]} if "utm_campaign" in given else {}
    )


@lru_cache(65_536)
def _time(text: str) -> str | None:
    found = TIME.fullmatch(text)
    if found is None or (month := MONTHS.get(found[2])) is None:
        return None
    day, year, hour, minute, second = (int(found[group]) for group in (1, 3, 4, 5, 6))
    offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
    try:
        zone = timezone(-offset if found[7] == "-" else offset)
        return datetime(year, month, day, hour, minute, second, tzinfo=zone).isoformat()
    except ValueError:
        return None
