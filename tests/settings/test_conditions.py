"""`where` and `void`, in each form that a file may write them."""

from __future__ import annotations

import tomllib

import pytest

from stream.core.definition import Condition, Void
from stream.settings.conditions import read_void, read_where
from stream.settings.kinds import Refused

TOTAL = Condition("properties.total", ">=", 100)


def where(written: str) -> tuple[Condition, ...]:
    return read_where(tomllib.loads(f"where = {written}")["where"])


@pytest.mark.parametrize(
    ("written", "conditions"),
    [
        ('{ "properties.total" = ">= 100" }', [TOTAL]),
        ('{ properties.total = ">=100" }', [TOTAL]),
        ('{ properties = { total = ">= 100" } }', [TOTAL]),
        ('{ "properties.total" = { ">=" = 100 } }', [TOTAL]),
        ('["properties.total >= 100"]', [TOTAL]),
        ('["properties.total>=100"]', [TOTAL]),
        ('[{ path = "properties.total", op = ">=", value = 100 }]', [TOTAL]),
        ('{ a.b = "gift" }', [Condition("a.b", "=", "gift")]),
        ('{ a.b = "in stock" }', [Condition("a.b", "=", "in stock")]),
        ("{ a.b = 5 }", [Condition("a.b", "=", 5)]),
        ("{ a.b = false }", [Condition("a.b", "=", False)]),
        ('{ a.b = "= 5" }', [Condition("a.b", "=", 5)]),
        ('{ a.b = "== 5" }', [Condition("a.b", "=", 5)]),
        ('{ a.b = "!= true" }', [Condition("a.b", "!=", True)]),
        ('{ a.b = "< -1.5" }', [Condition("a.b", "<", -1.5)]),
        ('{ a.b = "<= 1e3" }', [Condition("a.b", "<=", 1000.0)]),
        ('{ a.b = "> 2024-05-01" }', [Condition("a.b", ">", "2024-05-01")]),
        ('{ a.b = "= 007" }', [Condition("a.b", "=", "007")]),
        ("{ a.b = \"!= '5'\" }", [Condition("a.b", "!=", "5")]),
        ('{ a.b = "5" }', [Condition("a.b", "=", "5")]),
        ('{ a.b = "" }', [Condition("a.b", "=", "")]),
        ('{ a.b = ["x", 1, true] }', [Condition("a.b", "in", ("x", 1, True))]),
        ('{ a.b = { in = ["x", "y"] } }', [Condition("a.b", "in", ("x", "y"))]),
        ('{ a.b = { ">=" = 5, "<" = 10 } }', [Condition("a.b", ">=", 5), Condition("a.b", "<", 10)]),
        ('{ a.b = { "=" = ">= 5" } }', [Condition("a.b", "=", ">= 5")]),
        ('{ a.b = 1, c = "x" }', [Condition("a.b", "=", 1), Condition("c", "=", "x")]),
        ('["a.b = gift card"]', [Condition("a.b", "=", "gift card")]),
        ('["a.b in x, 2"]', [Condition("a.b", "in", ("x", 2))]),
        ("[\"a.b in ['x, y', 2]\"]", [Condition("a.b", "in", ("x, y", 2))]),
        ("{}", []),
        ("[]", []),
    ],
)
def test_where_reads(written: str, conditions: list[Condition]) -> None:
    assert where(written) == tuple(conditions)


@pytest.mark.parametrize(
    ("written", "steps", "got", "takes"),
    [
        ('"total > 5"', (), '"total > 5"', "conditions such as"),
        ("{ a = 2024-05-01 }", ("a",), "2024-05-01", "a text, a number"),
        ("{ a = nan }", ("a",), "nan", "a text, a number"),
        ("{ a = 99999999999999999999 }", ("a",), "a whole number beyond 64 bits", "a text, a number"),
        ("{ a = [] }", ("a",), "an empty list", "a list of texts"),
        ("{ a = [[1]] }", ("a",), "a list of 1", "a text, a number"),
        ("{ a = {} }", ("a",), "an empty table", "a text, a number"),
        ('{ a = ">= " }', ("a",), '">= "', "something to compare with after >="),
        ('{ a = "> true" }', ("a",), "true", "a number or a text"),
        ('{ a = { ">=" = true } }', ("a", ">="), "true", "a number or a text"),
        ('{ a = { in = "x" } }', ("a", "in"), '"x"', "a list of texts"),
        ('{ "a..b" = 1 }', ("a..b",), '"a..b"', "a dotted path"),
        ('{ ">=" = 5 }', (">=",), "5", "a path before >="),
        ('["nonsense"]', (0,), '"nonsense"', "a sentence such as"),
        ('["a in [1, "]', (0,), '"[1,"', "a list of texts"),
        ("[5]", (0,), "5", "a sentence such as"),
        ('[{ path = "a", op = "~", value = 1 }]', (0, "op"), '"~"', "one of =, !="),
        ('[{ path = 1, op = "=", value = 1 }]', (0, "path"), "1", "a dotted path"),
        ('[{ path = "a", op = "=" }]', (0,), "a table with path, op", "a sentence such as"),
    ],
)
def test_where_says_what_it_refuses(written: str, steps: tuple[str | int, ...], got: str, takes: str) -> None:
    with pytest.raises(Refused) as caught:
        where(written)
    [refusal] = caught.value.refusals
    assert (refusal.steps, refusal.got) == (steps, got)
    assert refusal.takes.startswith(takes)


def test_where_refuses_everything_at_once() -> None:
    with pytest.raises(Refused) as caught:
        where('{ a = [], b = 1, c = { d = {}, e = ">" } }')
    assert [refusal.steps for refusal in caught.value.refusals] == [("a",), ("c", "d"), ("c", "e")]


def test_where_ends_somewhere() -> None:
    with pytest.raises(Refused) as caught:
        read_where(tomllib.loads("where." + "a." * 5_000 + "b = 1")["where"])
    assert "at most 16 tables" in caught.value.refusals[0].takes


def test_void_takes_one_or_several() -> None:
    rated = Void("Rated", (Condition("properties.stars", "<=", 1),))
    table = {"event": "Rated", "where": {"properties.stars": "<= 1"}}
    assert read_void(table) == (rated,)
    assert read_void([table, {"event": "Refunded"}]) == (rated, Void("Refunded"))


@pytest.mark.parametrize(
    ("written", "steps", "got"),
    [
        ("Rated", (), '"Rated"'),
        ([], (), "an empty list"),
        ({}, ("event",), "nothing"),
        ({"event": ""}, ("event",), '""'),
        ({"event": "@visit"}, ("event",), '"@visit"'),
        ({"event": 5}, ("event",), "5"),
        ({"event": "Rated", "were": {}}, ("were",), "an empty table"),
        ([{"event": "Rated", "where": {"a": []}}], (0, "where", "a"), "an empty list"),
        ([{"event": "Rated"}, 3], (1,), "3"),
    ],
)
def test_void_says_what_it_refuses(written: object, steps: tuple[str | int, ...], got: str) -> None:
    with pytest.raises(Refused) as caught:
        read_void(written)
    [refusal] = caught.value.refusals
    assert (refusal.steps, refusal.got) == (steps, got)
