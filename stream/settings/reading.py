"""Reading the configuration: one TOML file and the environment, with all that is wrong in them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from stream.core.calendar import Calendar
from stream.core.definition import (
    Definition,
    Detection,
    Engagement,
    Goal,
    KeyEvent,
    Promotion,
    TierRule,
)
from stream.settings import checks, security
from stream.settings.catalog import SECRETS, SETTINGS
from stream.settings.entries import LISTS
from stream.settings.findings import Findings
from stream.settings.kinds import HIDDEN, Refused, Step, did_you_mean, show
from stream.settings.lines import Lines
from stream.settings.model import (
    DeadLetters,
    Exposed,
    Input,
    Log,
    Problem,
    Settings,
    SettingsError,
    Topics,
    Web,
)
from stream.settings.promotions import promotion
from stream.settings.setting import Setting

DEFAULT_FILE = Path("footfall.toml")
PREFIX = "FOOTFALL_"
RESERVED = ("FOOTFALL_REQUIRE_ALL", "FOOTFALL_TEST_")
"""Variables that the tests look at, not the settings."""

_SERVICE_LINK = re.compile(
    r"_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)$", re.ASCII
)

SPELLINGS = {"time_zone": "timezone"}
VARIABLES = {setting.variable: setting for setting in SETTINGS.values() if setting.variable}
VARIABLES |= {PREFIX + spelling.upper(): SETTINGS[key] for spelling, key in SPELLINGS.items()}
TABLES = {key.rpartition(".")[0] for key in SETTINGS if "." in key}


class Given(NamedTuple):
    """A value as it was given, and the way to where it stands."""

    steps: tuple[Step, ...]
    value: object


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings of a file and the environment; the environment wins.

    Without a path, `footfall.toml` in the working directory where there is one, else the defaults.
    Raises SettingsError with every problem.
    """
    if path is None and not DEFAULT_FILE.exists():
        return read({}, environ)
    path = path or DEFAULT_FILE
    try:
        document = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(path, f"bytes that are no text at {error.start}", "a TOML file in UTF-8") from None
    except (OSError, ValueError) as error:
        got = getattr(error, "strerror", None) or str(error)
        raise _unreadable(path, got, "a TOML file that can be read") from None
    try:
        table = tomllib.loads(document)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _not_toml(path, document, str(error)) from None
    return read(table, environ, Findings(str(path), Lines(document)))


def read(table: Mapping[str, Any], environ: Mapping[str, str], findings: Findings | None = None) -> Settings:
    """The settings of a parsed TOML document and the environment. Raises SettingsError with every problem."""
    findings = findings or Findings()
    raw = _from_table(table, findings) | _from_environment(environ, findings)
    values = {key: _value(setting, raw, findings) for key, setting in SETTINGS.items()}
    key_events = _key_events(table, findings) if "key_event" in table else preset(values["preset"])
    rules = _rows(table, "tier_rule", findings)
    campaigns = _rows(table, "campaign", findings)
    checks.check_scalars(values, {key: given.value for key, given in raw.items()}, findings)
    security.check(values, {key for key in raw if values[key] != SETTINGS[key].default}, findings)
    if not findings.spoilt("key_event", "preset"):
        checks.check_tier_rules([(index, TierRule(**row)) for index, row in rules], key_events, findings)
    checks.check_windows(values, {key: given.value for key, given in raw.items()}, findings)
    calendar = Calendar(values["timezone"])
    promotions = [(index, row, promotion(row, calendar)) for index, row in campaigns]
    checks.check_campaigns(promotions, findings)
    goals = [(index, Goal(**row)) for index, row in _rows(table, "goal", findings)]
    checks.check_goals(goals, findings)
    findings.raise_if_any()
    engagement = _engagement(
        values, tuple(entry for *_, entry in promotions), tuple(goal for _, goal in goals)
    )
    tier_rules = tuple(TierRule(**row) for _, row in rules)
    return _assemble(values, _definition(values, key_events, tier_rules, engagement))


def preset(name: str) -> tuple[KeyEvent, ...]:
    """The key events of a preset."""
    document = resources.files("stream").joinpath("presets", f"{name}.toml").read_text(encoding="utf-8")
    findings = Findings(f"preset {name}", Lines(document))
    key_events = _key_events(tomllib.loads(document), findings)
    findings.raise_if_any()
    return key_events


def _unreadable(path: Path, got: str, takes: str) -> SettingsError:
    return SettingsError([Problem(str(path), got, takes)])


def _not_toml(path: Path, document: str, error: str) -> SettingsError:
    """With the line itself, since that mostly shows what is wrong (`gap = 30m`, without its quotes)."""
    got, place = error, None
    if match := re.search(r"\(at line (\d+),", error):
        line = document.split("\n")[int(match[1]) - 1].strip()
        got, place = f"{security.shown(line, line)}: {error}", f"line {match[1]}"
    return SettingsError([Problem(str(path), got, "valid TOML, with texts and durations in quotes", place)])


def _from_table(table: Mapping[str, Any], findings: Findings) -> dict[str, Given]:
    """What the file sets, by dotted key."""
    raw: dict[str, Given] = {}
    for name, value in table.items():
        if name in TABLES:
            if not isinstance(value, dict):
                takes = "a table with " + ", ".join(_inside(name))
                findings.add((name,), security.shown(name, value), takes)
                continue
            for inner, item in value.items():
                _take((name, inner), item, raw, findings)
        elif name not in LISTS:
            _take((name,), value, raw, findings)
    return raw


def _take(steps: tuple[str, ...], value: object, raw: dict[str, Given], findings: Findings) -> None:
    key = ".".join(steps)
    canonical = SPELLINGS.get(key, key)
    if canonical not in SETTINGS:
        findings.add(steps, security.shown(key, value), "a known setting" + _hint(key))
    elif canonical in SECRETS:
        variable = SETTINGS[canonical].variable
        takes = f"no secret in here: put it into a file and set {canonical}_file, or set {variable}"
        findings.add(steps, HIDDEN, takes)
    elif canonical in raw:
        takes = f"nothing beside {canonical}, which is the same setting"
        findings.add(steps, security.shown(key, value), takes)
    else:
        raw[canonical] = Given(steps, value)


def _hint(key: str) -> str:
    """What an unknown key was probably meant to be; most often it only stands in the wrong table."""
    name = key.rpartition(".")[2]
    for known in (*SETTINGS, *LISTS):
        if known.rpartition(".")[2] == name:
            place = f"in [{known.rpartition('.')[0]}]" if "." in known else "above the first [table]"
            return f'; did you mean "{known}", {place}?'
    table = key.rpartition(".")[0]
    near = did_you_mean(key, SETTINGS if table else (*SETTINGS, *TABLES, *LISTS))
    return near or (f"; [{table}] has {', '.join(_inside(table))}" if table else "")


def _inside(table: str) -> list[str]:
    return [key.removeprefix(f"{table}.") for key in SETTINGS if key.startswith(f"{table}.")]


def _from_environment(environ: Mapping[str, str], findings: Findings) -> dict[str, Given]:
    """What the environment sets, by dotted key, as TOML values."""
    raw: dict[str, Given] = {}
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable.startswith(RESERVED):
            continue
        setting = VARIABLES.get(variable)
        if setting is None:
            key = variable.removeprefix(PREFIX).lower().replace("__", ".")
            takes = _no_such_variable(variable, key)
            findings.add((variable,), security.shown(variable, environ[variable]), takes, place="environment")
        elif setting.key in raw:
            takes = f"nothing beside {setting.variable}, which is the same setting"
            findings.add((variable,), security.shown(variable, environ[variable]), takes, place="environment")
        else:
            assert setting.kind.from_text is not None
            value = setting.kind.from_text(environ[variable])
            raw[setting.key] = Given(tuple(setting.key.split(".")), value)
            findings.set_by(setting.key, variable)
    return raw


def _no_such_variable(variable: str, key: str) -> str:
    if key in LISTS or key in SETTINGS:
        return f"no variable: {key} is not a single value, set it in the file"
    if _SERVICE_LINK.search(variable):
        return (
            "a variable of a known setting. Kubernetes sets this one for a Service of that name: "
            "put `enableServiceLinks: false` into the pod's spec"
        )
    return "a variable of a known setting" + did_you_mean(variable, VARIABLES)


def _value(setting: Setting, raw: Mapping[str, Given], findings: Findings) -> Any:
    """A setting's value; its default where nothing is set, or where what is set is refused."""
    if setting.key in raw:
        given = raw[setting.key]
        try:
            return setting.kind.read(given.value)
        except Refused as refused:
            findings.add_all(given.steps, refused.refusals)
    return setting.kind.read(setting.default)


def _rows(table: Mapping[str, Any], name: str, findings: Findings) -> list[tuple[int, dict[str, Any]]]:
    """The good entries of a `[[name]]`, with their places in the list."""
    entries = table.get(name, [])
    if not isinstance(entries, list):
        findings.add((name,), show(entries), f"a list of tables, each written under [[{name}]]")
        return []
    rows = []
    for index, entry in enumerate(entries):
        row = _row(entry, LISTS[name], (name, index), findings)
        if row is not None:
            rows.append((index, row))
    return rows


def _row(
    entry: object, fields: Sequence[Setting], steps: tuple[Step, ...], findings: Findings
) -> dict[str, Any] | None:
    """One table of a list, by field; None where something in it was refused."""
    names = [field.key for field in fields]
    if not isinstance(entry, dict):
        findings.add(steps, show(entry), "a table with " + ", ".join(names))
        return None
    good = True
    for key in entry.keys() - set(names):
        takes = f"one of {', '.join(names)}" + did_you_mean(key, names)
        findings.add((*steps, key), show(entry[key]), takes)
        good = False
    row: dict[str, Any] = {}
    for field in fields:
        if field.key not in entry:
            if field.default is ...:
                findings.add((*steps, field.key), "nothing", field.kind.takes)
                good = False
            continue
        try:
            row[field.key] = field.kind.read(entry[field.key])
        except Refused as refused:
            findings.add_all((*steps, field.key), refused.refusals)
            good = False
    return row if good else None


def _key_events(table: Mapping[str, Any], findings: Findings) -> tuple[KeyEvent, ...]:
    if table["key_event"] == []:
        findings.add(("key_event",), "an empty list", "at least one [[key_event]], or none for the preset's")
    entries = [(index, KeyEvent(**row)) for index, row in _rows(table, "key_event", findings)]
    checks.check_key_events(entries, findings)
    return tuple(entry for _, entry in entries)


def _engagement(
    values: Mapping[str, Any], promotions: tuple[Promotion, ...], goals: tuple[Goal, ...]
) -> Engagement:
    return Engagement(
        window_ms=values["engagement.window"],
        lateness_ms=values["engagement.lateness"],
        dimensions=values["engagement.dimensions"],
        max_values=values["engagement.max_values"],
        promotions=promotions,
        phase_days=values["phase_days"],
        goals=goals,
    )


def _detection(values: Mapping[str, Any]) -> Detection:
    return Detection(
        sensitivity=values["detection.sensitivity"],
        min_volume=values["detection.min_volume"],
        warm_up_days=values["detection.warm_up"],
        resolve_after=values["detection.resolve_after"],
        cooldown_ms=values["detection.cooldown"],
    )


def _definition(
    values: Mapping[str, Any],
    key_events: tuple[KeyEvent, ...],
    tier_rules: tuple[TierRule, ...],
    engagement: Engagement,
) -> Definition:
    return Definition(
        timezone=values["timezone"],
        aliases=values["aliases"],
        ignore_events=values["ignore_events"],
        allowed_lateness_ms=values["allowed_lateness"],
        max_future_ms=values["max_future"],
        visit_gap_ms=values["visit.gap"],
        visit_max_ms=values["visit.max"],
        passive_mediums=values["passive_mediums"],
        key_events=key_events,
        tiers={tier: values[f"tiers.{tier}"] for tier in ("low", "medium", "high")},
        tier_rules=tier_rules,
        active_days=values["active_days"],
        prospect_days=values["prospect_days"],
        new_days=values["new_days"],
        churn_days=values["churn_days"],
        hibernate_days=values["hibernate_days"],
        known_before=values["known_before"],
        deletion_events=values["deletion_events"],
        keyed=values["input.keyed"],
        input_key=values["input.key"],
        engagement=engagement,
        detection=_detection(values),
    )


def _assemble(values: Mapping[str, Any], definition: Definition) -> Settings:
    return Settings(
        broker=values["broker"],
        security=security.assemble(values),
        prefix=values["prefix"],
        group=values["group"],
        input=Input(topic=values["input.topic"], key=values["input.key"], keyed=values["input.keyed"]),
        definition=definition,
        preset=values["preset"],
        idle_after_ms=values["idle_after"],
        live_within_ms=values["live_within"],
        commit_interval_ms=values["commit_interval"],
        guarantee=values["guarantee"],
        dead_letters=DeadLetters(max_ratio=values["dead_letters.max_ratio"]),
        topics=Topics(
            partitions=values["topics.partitions"],
            replication=values["topics.replication"],
            retention_ms=values["topics.retention"],
        ),
        store=values["store"],
        store_hot=values["store_hot"],
        standby=values["standby"],
        data_dir=values["data_dir"],
        web=Web(
            host=values["web.host"],
            port=values["web.port"],
            advertise=values["web.advertise"],
            token=security.secret(values, "web.token"),
            ready_within_ms=values["web.ready_within"],
        ),
        metrics=Exposed(series=values["metrics.series"]),
        log=Log(level=values["log.level"], format=values["log.format"]),
    )
