"""Why a request is not answered: the status, and a sentence that somebody can act on."""

from __future__ import annotations

from collections.abc import Mapping


class Refusal(Exception):
    """Raised by a route; the client gets `{"error": sentence}` with this status."""

    def __init__(self, status: int, sentence: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = dict(headers or {})


def try_again(sentence: str, *, after_s: int = 1) -> Refusal:
    """503: it will work before long; `after_s` says when to ask again."""
    return Refusal(503, sentence, headers={"Retry-After": str(after_s)})
