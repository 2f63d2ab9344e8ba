"""Every setting: its key, kind, default and meaning. Reading and the reference both follow this list."""

from __future__ import annotations

from types import EllipsisType
from typing import NamedTuple

from stream.settings.entries import LISTS
from stream.settings.kinds import show
from stream.settings.sections.persons import LIFECYCLE, PRESETS, VISITS
from stream.settings.sections.product import ANOMALIES, ENGAGEMENT
from stream.settings.sections.running import RUNNING
from stream.settings.sections.security import SECURITY
from stream.settings.sections.stream import STREAM, TIME
from stream.settings.setting import Setting

__all__ = ["CATALOG", "PRESETS", "SECRETS", "SETTINGS", "Description", "describe"]

CATALOG = (STREAM, SECURITY, TIME, VISITS, LIFECYCLE, ENGAGEMENT, ANOMALIES, RUNNING)

SETTINGS = {setting.key: setting for section in CATALOG for setting in section.settings}
SECRETS = {key for key, setting in SETTINGS.items() if setting.kind.name == "secret"}


class Description(NamedTuple):
    """A setting as people read it. `default` is TOML, or empty; fields of lists are `[[key_event]] name`."""

    section: str
    key: str
    default: str
    kind: str
    takes: str
    variable: str | None
    meaning: str
    required: bool


def describe() -> list[Description]:
    """Every setting there is, in the order of the reference."""
    found = [_describe(section.title, "", setting) for section in CATALOG for setting in section.settings]
    for name, fields in LISTS.items():
        found += [_describe(f"[[{name}]]", f"[[{name}]] ", field) for field in fields]
    return found


def _describe(section: str, before: str, setting: Setting) -> Description:
    return Description(
        section=section,
        key=before + setting.key,
        default=_default(setting.default),
        kind=setting.kind.name,
        takes=setting.kind.takes,
        variable=None if before else setting.variable,
        meaning=setting.meaning,
        required=setting.default is ...,
    )


def _default(default: object) -> str:
    match default:
        case None | EllipsisType():
            return ""
        case list():
            return "[" + ", ".join(show(item) for item in default) + "]"
        case dict():
            return "{}"
        case _:
            return show(default)
