"""`where` conditions compiled to predicates (SPEC 3)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from stream.core.definition import Condition, Operator, Scalar

Predicate = Callable[[Any], bool]

_ORDER: dict[Operator, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def lookup(whole: object, path: Sequence[str]) -> object | None:
    """The value at a path of object keys and array positions; None where it is missing."""
    for part in path:
        if isinstance(whole, dict):
            whole = whole.get(part)
        elif isinstance(whole, list) and part.isdecimal() and len(part) < 9 and int(part) < len(whole):
            whole = whole[int(part)]
        else:
            return None
    return whole


def compile_where(where: Sequence[Condition]) -> Predicate:
    """A predicate on a decoded event (or on a mapping of a visit's facts): all conditions hold.

    A missing path fails its condition, whatever the operator. Values of different kinds
    (number, string, boolean) are unequal and have no order.
    """
    tests = [(condition.path.split("."), _compile_test(condition)) for condition in where]

    def holds(whole: Any) -> bool:
        for path, test in tests:
            value = lookup(whole, path)
            if value is None or not test(value):
                return False
        return True

    return holds


def _compile_test(condition: Condition) -> Predicate:
    expected = condition.value
    if isinstance(expected, tuple):
        return lambda value: any(_equal(value, one) for one in expected)
    if condition.operator == "=":
        return lambda value: _equal(value, expected)
    if condition.operator == "!=":
        return lambda value: not _equal(value, expected)
    if condition.operator == "in":
        return lambda value: _equal(value, expected)
    compare = _ORDER[condition.operator]
    return lambda value: _kind(value) == _kind(expected) != "other" and compare(value, expected)


def _equal(value: object, expected: Scalar) -> bool:
    return _kind(value) == _kind(expected) and value == expected


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "other"
