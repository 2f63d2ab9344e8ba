"""What a request asks for, checked: numbers, choices and ids out of its path and query."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from stream.web.errors import Refusal

LONGEST_ID = 2_000


def count(request: web.Request, name: str, default: int, most: int) -> int:
    """A whole number from 1 to `most` out of the query."""
    text = one(request, name)
    if text is None:
        return default
    if text.isascii() and text.isdecimal() and len(text) <= 9 and 1 <= int(text) <= most:
        return int(text)
    raise Refusal(400, f"{name}: takes a whole number from 1 to {most:,}")


def choice(request: web.Request, name: str, options: Sequence[str]) -> str:
    """One of the options out of the query; the first where it is not given."""
    text = one(request, name)
    if text is None:
        return options[0]
    if text not in options:
        raise Refusal(400, f"{name}: takes {' or '.join(options)}")
    return text


def choices(
    request: web.Request, name: str, options: Sequence[str], default: Sequence[str]
) -> tuple[str, ...]:
    """Some of the options, separated by commas."""
    text = one(request, name)
    if text is None:
        return tuple(default)
    chosen = tuple(dict.fromkeys(text.split(",")))
    if any(word not in options for word in chosen):
        raise Refusal(400, f"{name}: takes some of {', '.join(options)}, separated by commas")
    return chosen


def one(request: web.Request, name: str) -> str | None:
    """The parameter, which may be given once; None where it is not."""
    given = request.query.getall(name, [])
    if len(given) > 1:
        raise Refusal(400, f"{name}: may be given once")
    return given[0] if given else None


def anything(name: str) -> str:
    """The part of a route's path that is an id: to its end, slashes and line breaks included."""
    return f"{{{name}:(?s:.+)}}"


def identity(request: web.Request, name: str) -> str:
    """An id out of the path."""
    text = request.match_info[name]
    if len(text) > LONGEST_ID:
        raise Refusal(400, f"{name}: takes at most {LONGEST_ID:,} characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refusal(400, f"{name}: takes UTF-8") from None
    return text
