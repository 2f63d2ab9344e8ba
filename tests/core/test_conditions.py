"""`where` conditions."""

import pytest

from stream.core.conditions import compile_where
from stream.core.definition import Condition

EVENT = {"properties": {"total": 100, "kind": "gift", "gold": True, "items": [{"sku": "a"}], "none": None}}


@pytest.mark.parametrize(
    ("path", "operator", "value", "holds"),
    [
        ("properties.total", "=", 100, True),
        ("properties.total", "=", 100.0, True),
        ("properties.total", "=", "100", False),
        ("properties.total", "!=", "100", True),
        ("properties.total", ">=", 100, True),
        ("properties.total", ">", 100, False),
        ("properties.total", "<", 100.5, True),
        ("properties.total", "<=", "z", False),
        ("properties.kind", "<", "h", True),
        ("properties.kind", "in", ("gift", "loan"), True),
        ("properties.kind", "in", ("loan",), False),
        ("properties.gold", "=", True, True),
        ("properties.gold", "=", 1, False),
        ("properties.gold", ">=", 1, False),
        ("properties.items.0.sku", "=", "a", True),
        ("properties.items.1.sku", "=", "a", False),
        ("properties.none", "!=", 1, False),
        ("properties.missing", "!=", 1, False),
        ("properties.total.deeper", "!=", 1, False),
    ],
)
def test_one_condition(path: str, operator: str, value: object, holds: bool) -> None:
    assert compile_where([Condition(path, operator, value)])(EVENT) is holds  # type: ignore[arg-type]


def test_all_must_hold() -> None:
    both = [Condition("properties.total", ">", 50), Condition("properties.kind", "=", "gift")]
    assert compile_where(both)(EVENT)
    assert not compile_where([*both, Condition("properties.total", "<", 60)])(EVENT)
