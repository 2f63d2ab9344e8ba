"""The day on which a person registered, by the event that says so."""

from __future__ import annotations

import pytest

from stream.core.calendar import Calendar
from stream.core.definition import DAY, Definition
from stream.core.registration import Registrar

TODAY = 20_000


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ("", None),
        (',"traits":{}', None),
        (',"traits":null', None),
        (',"traits":{"createdAt":null}', None),
        (',"traits":{"createdAt":"1970-01-03"}', 2),
        (',"traits":{"createdAt":"1970-01-03T23:59:59Z"}', 2),
        (',"traits":{"createdAt":"1970-01-03T23:59:59-01:00"}', 3),
        (',"traits":{"createdAt":"1970-1-030"}', None),
        (',"traits":{"createdAt":"1970-02-30"}', None),
        (',"traits":{"createdAt":"yesterday"}', None),
        (',"traits":{"createdAt":""}', None),
        (f',"traits":{{"createdAt":{3 * DAY}}}', 3),
        (',"traits":{"createdAt":-1}', -1),
        (',"traits":{"createdAt":1.5}', None),
        (',"traits":{"createdAt":true}', None),
        (',"traits":{"createdAt":1e3}', None),
        (f',"traits":{{"createdAt":{10**17}}}', None),
        (f',"traits":{{"createdAt":{10**30}}}', None),
        (',"traits":{"createdAt":["1970-01-03"]}', None),
        (',"traits":["createdAt"]', None),
        (',"traits":"createdAt"', None),
        (',"traits":7,"context":{"createdAt":1}', None),
        (',"createdAt":"1970-01-03"', None),
        (',"context":{"traits":{"createdAt":"1970-01-03"}}', None),
        (',"traits":{"deep":{"createdAt":"1970-01-03"}}', None),
        (',"traits":{"createdAt":"1970-01-03","createdAt":"1970-01-04"}', 3),
        (',"traits":{"createdAt":"1970-01-03"},"traits":{"createdAt":"1970-01-04"}', 3),
        (',"traits":{"createdAt":"1970-01-03"},"traits":{}', None),
        (',"traits":[1],"traits":{"createdAt":"1970-01-04"}', 3),
        (',"traits":{"createdAt":"1970-01-04"},"traits":[1]', None),
        (',"traits":{"created\\u0041t":"1970-01-03"}', 2),
        (',"tra\\u0069ts":{"createdAt":"1970-01-03"}', 2),
    ],
)
def test_created_at_says_since_when(members: str, expected: int | None) -> None:
    registrar = Registrar(Definition(), Calendar("UTC"))
    value = f'{{"type":"identify"{members}}}'.encode()
    day, imported = registrar.registration(value, TODAY, reborn=False)
    assert day == (TODAY if expected is None else expected)
    assert imported == (expected is not None)
    assert registrar.registration(value, TODAY, reborn=True) == (TODAY, False)
