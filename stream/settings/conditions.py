"""`where` and `void`: conditions on dotted paths, in each of the forms that a TOML file may write them."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from stream.core.definition import VISIT_PATHS, Condition, Operator, Scalar, Void
from stream.settings.kinds import (
    INT64,
    Kind,
    Refusal,
    Refused,
    did_you_mean,
    dotted_path,
    is_text,
    refuse,
    show,
    text,
)

OPERATORS: Mapping[str, Operator] = {name: name for name in get_args(Operator)} | {"==": "="}
ORDERING = ("<", "<=", ">", ">=")
DEEPEST = 16

TAKES_WHERE = (
    'conditions such as { "properties.total" = ">= 100" }, { "properties.sku" = ["a", "b"] } '
    'or ["properties.total >= 100"]'
)
TAKES_OPERAND = "a text, a number, true or false, or a list of those"
TAKES_VOID = 'an event with conditions, { event = "Consultation Rated", where = { ... } }, or a list of those'

_SYMBOL = re.compile(r"(==|!=|<=|>=|=|<|>)(?s:(.*))")
_SENTENCE = re.compile(
    r"\s*(?P<path>\S+?)\s*(?P<operator>==|!=|<=|>=|=|<|>|(?<=\s)in(?=[\s\[]))(?s:(?P<operand>.*))"
)
_NUMBER = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?")


def read_where(value: object) -> tuple[Condition, ...]:
    """Conditions of a table, a list of sentences, or a list of `{path, op, value}`. Raises Refused."""
    if isinstance(value, dict):
        return _collect(_of_table(value, ()))
    if isinstance(value, list):
        return _collect(_of_list(value))
    raise refuse(value, TAKES_WHERE)


def read_void(value: object) -> tuple[Void, ...]:
    """One `{event, where}` or a list of them. Raises Refused."""
    if isinstance(value, dict):
        return (_void(value),)
    if not isinstance(value, list) or not value:
        raise refuse(value, TAKES_VOID)
    voids: list[Void] = []
    refusals: list[Refusal] = []
    for index, item in enumerate(value):
        try:
            voids.append(_void(item))
        except Refused as refused:
            refusals += refused.below(index)
    if refusals:
        raise Refused(refusals)
    return tuple(voids)


def check_visit_conditions(conditions: tuple[Condition, ...]) -> list[Refusal]:
    """What a `@visit` may not ask: it knows the visit's own facts only, all numbers but `passive`."""
    refusals = []
    for condition in conditions:
        operands = condition.value if isinstance(condition.value, tuple) else (condition.value,)
        shown = show(list(operands)) if isinstance(condition.value, tuple) else show(condition.value)
        if condition.path not in VISIT_PATHS:
            takes = f"conditions on {', '.join(VISIT_PATHS)} for @visit"
            got = show(condition.path)
            refusals.append(Refusal((), got, takes + did_you_mean(condition.path, VISIT_PATHS)))
        elif condition.path == "passive":
            if not all(isinstance(operand, bool) for operand in operands):
                refusals.append(Refusal((condition.path,), shown, "true or false"))
        elif any(isinstance(operand, bool | str) for operand in operands):
            refusals.append(Refusal((condition.path,), shown, 'a number, or one compared such as ">= 5"'))
    return refusals


def where_kind() -> Kind:
    """The kind of a `where`."""
    return Kind("conditions", TAKES_WHERE, read_where)


def void_kind() -> Kind:
    """The kind of a `void`."""
    return Kind("events with conditions", TAKES_VOID, read_void)


Found = Iterator[Condition | Refused]


def _collect(found: Found) -> tuple[Condition, ...]:
    conditions: list[Condition] = []
    refusals: list[Refusal] = []
    for item in found:
        if isinstance(item, Refused):
            refusals += item.refusals
        else:
            conditions.append(item)
    if refusals:
        raise Refused(refusals)
    return tuple(conditions)


def _of_table(table: dict[str, Any], above: tuple[str, ...]) -> Found:
    for key, value in table.items():
        steps = (*above, key)
        if len(steps) > DEEPEST:
            yield Refused([Refusal(above, show(table), f"at most {DEEPEST} tables inside each other")])
        elif key in OPERATORS and key != "in":
            yield Refused(
                [Refusal(steps, show(value), f"a path before {key}, and nothing but operators beside it")]
            )
        elif isinstance(value, dict) and value and all(name in OPERATORS for name in value):
            for name, operand in value.items():
                yield _condition(".".join(steps), name, operand, (*steps, name))
        elif isinstance(value, dict) and value:
            yield from _of_table(value, steps)
        elif isinstance(value, list):
            yield _condition(".".join(steps), "in", value, steps)
        elif isinstance(value, str) and (match := _SYMBOL.fullmatch(value)):
            yield _written(".".join(steps), match[1], match[2], steps, value)
        else:
            yield _condition(".".join(steps), "=", value, steps)


def _of_list(items: list[Any]) -> Found:
    for index, item in enumerate(items):
        if isinstance(item, str) and (match := _SENTENCE.fullmatch(item)):
            yield _written(match["path"], match["operator"], match["operand"], (index,), item)
        elif isinstance(item, dict) and item.keys() == {"path", "op", "value"}:
            path, name = item["path"], item["op"]
            if not isinstance(path, str):
                yield Refused([Refusal((index, "path"), show(path), dotted_path().takes)])
            elif not isinstance(name, str) or name not in OPERATORS:
                yield Refused([Refusal((index, "op"), show(name), "one of " + ", ".join(OPERATORS))])
            else:
                yield _condition(path, name, item["value"], (index,))
        else:
            takes = 'a sentence such as "properties.total >= 100", or { path = ..., op = ..., value = ... }'
            yield Refused([Refusal((index,), show(item), takes)])


def _written(
    path: str, name: str, operand: str, steps: tuple[str | int, ...], whole: str
) -> Condition | Refused:
    """A condition whose operand was written as text behind its operator."""
    if not operand.strip():
        return Refused([Refusal(steps, show(whole), f"something to compare with after {name}")])
    if name == "in":
        return _condition(path, name, _list(operand.strip()), steps)
    return _condition(path, name, _literal(operand), steps)


def _list(written: str) -> object:
    """`["a", "b"]` as TOML reads it, or `a, b`."""
    if not written.startswith("["):
        return [_literal(part) for part in written.split(",")]
    try:
        return tomllib.loads(f"list = {written}")["list"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return written


def _literal(written: str) -> Scalar:
    """A number, true or false where it reads as one; else text. Quotes keep it text: `= '10115'`."""
    operand = written.strip()
    if len(operand) >= 2 and operand[0] == operand[-1] and operand[0] in "'\"":
        return operand[1:-1]
    if operand in ("true", "false"):
        return operand == "true"
    if _NUMBER.fullmatch(operand):
        return float(operand) if set(operand) & set(".eE") else int(operand)
    return operand


def _condition(path: str, name: str, operand: object, steps: tuple[str | int, ...]) -> Condition | Refused:
    operator = OPERATORS[name]
    try:
        dotted_path().read(path)
        value = _operands(operand) if operator == "in" else _operand(operand)
    except Refused as refused:
        return Refused(refused.below(*steps))
    if operator in ORDERING and isinstance(value, bool):
        return Refused([Refusal(steps, show(value), f"a number or a text to compare with {operator}")])
    return Condition(path, operator, value)


def _operand(value: object) -> Scalar:
    if isinstance(value, str) and is_text(value):
        return value
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < INT64:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise refuse(value, TAKES_OPERAND)


def _operands(value: object) -> tuple[Scalar, ...]:
    if not isinstance(value, list) or not value:
        raise refuse(value, "a list of texts, numbers, true or false")
    return tuple(_operand(item) for item in value)


def _void(value: object) -> Void:
    if not isinstance(value, dict):
        raise refuse(value, TAKES_VOID)
    refusals = [
        Refusal((key,), show(value[key]), "event and where only" + did_you_mean(key, ("event", "where")))
        for key in value
        if key not in ("event", "where")
    ]
    event = ""
    where: tuple[Condition, ...] = ()
    try:
        event = text("the name of an event", r"(?s)(?!@).+").read(value.get("event", {}))
    except Refused as refused:
        got = refused.refusals[0].got if "event" in value else "nothing"
        refusals.append(Refusal(("event",), got, "the name of an event"))
    try:
        where = read_where(value.get("where", {}))
    except Refused as refused:
        refusals += refused.below("where")
    if refusals:
        raise Refused(refusals)
    return Void(event, where)
