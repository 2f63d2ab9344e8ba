"""Writes docs/configuration.md from the settings themselves: `python -m stream.settings.reference`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby

from stream.core.definition import Condition, KeyEvent
from stream.settings.catalog import PRESETS, Description, describe
from stream.settings.kinds import DURATION_EXAMPLES, show
from stream.settings.reading import RESERVED, preset

HEAD = """\
# Configuration

<!-- Generated: python -m stream.settings.reference > docs/configuration.md -->

Footfall runs without any configuration; the defaults are below. What you change goes into one TOML file:
`footfall.toml` in the working directory, or the one that `--config FILE` names. Complete files to start
from are in [examples/](../examples/). `footfall check` reads the configuration and says what it found.

```toml
broker = "kafka-1:9092,kafka-2:9092"
timezone = "Asia/Shanghai"

[input]
topic = "app-events"

[visit]
gap = "20m"

[[key_event]]
name = "Order Completed"
weight = 5
value = "properties.total"
```

**Environment.** Every key with a single value is an environment variable as well: `FOOTFALL_`, then the
key in capitals, with two underscores for the dot. `input.topic` is `FOOTFALL_INPUT__TOPIC`. The environment
wins over the file. A variable that begins with `FOOTFALL_` and names no setting is an error; only
{reserved} are passed over, which the tests use. For the keys that may be
unset, a variable set to nothing unsets them.

**Errors.** A wrong configuration is refused before anything starts, with all that is wrong in it at once: the
key and where it stands, what it got, and what it takes.

```
2 problems in the configuration:
  input.topc (footfall.toml:5): got "app-events"; takes a known setting; did you mean "input.topic"?
  tiers.low (footfall.toml:8): got 0; takes a whole number from 1 to 1,000,000
```

**Durations** are texts with units in descending order, `d`, `h`, `m`, `s` and `ms`: `"7d"`, `"1h30m"`,
`"1.5s"`, `"500ms"`; or a number of seconds: `90`.

**Definition.** What decides the meaning of a number (time zone, lateness, names, visits, key events, tiers,
the days of the lifecycle, the input's key) is hashed into the `definition` that every published record
carries, so that a reader can tell numbers of different meaning apart. Records of engagement, incidents and
daily reports carry a hash of these and of what windows, promotions, goals and anomalies are; changing that
leaves the definition of visits and transitions as it is. What only decides how Footfall runs is in neither.
"""

FORMS = """\
## Conditions

`where` in a key event, a `void` or a campaign is a set of conditions, all of which must hold. Each compares
what stands at a dotted path of the event with a text, a number, or true or false: `properties.total`,
`context.campaign.name`, `traits.plan`; a number in the path is a position in a list:
`properties.products.0.sku`. A path that is missing or null fails its condition, whatever the operator is. A
number never equals a text.

| written | means |
|---|---|
| `where = { "properties.kind" = "gift" }` | equal to the text |
| `where = { properties.kind = "gift" }` | the same |
| `where = { "properties.total" = ">= 100" }` | an operator first: `=` `!=` `<` `<=` `>` `>=` |
| `where = { "properties.zip" = "!= '10115'" }` | quotes keep digits a text |
| `where = { "properties.sku" = ["a", "b"] }` | one of these (`in`) |
| `where = { "properties.total" = { ">=" = 5, "<" = 10 } }` | both |
| `where = ["properties.total >= 100", "properties.kind in gift, sample"]` | sentences, `in` among them |
| `where = [{ path = "properties.total", op = ">=", value = 100 }]` | the same, in parts |

`@visit` asks about the visit so far rather than about an event: `pages`, `events`, `duration_s` (seconds),
`nth` (1 is the person's first visit), all numbers, and `passive`, true or false. `@return` has no conditions.

## Void

`void` names an event that shows a key event to have been worth nothing, and takes back its occurrences in
the same visit, earlier and later ones. It is one event or a list of them:

```toml
[[key_event]]
name = "Consultation Completed"
weight = 5
void = { event = "Consultation Rated", where = { "properties.rating" = "<= 1" } }
```
"""


SHORT = {
    "conditions": "[conditions](#conditions)",
    "events with conditions": "[an event with conditions](#void), or a list of those",
}
"""What a kind takes, where a chapter of the document says it better."""


def reference() -> str:
    """The whole document, as Markdown."""
    reserved = " and ".join(f"`{name}*`" if name.endswith("_") else f"`{name}`" for name in RESERVED)
    parts = [HEAD.format(reserved=reserved)]
    for section, settings in groupby(describe(), lambda setting: setting.section):
        parts.append("\n".join(_section(section, list(settings))))
    parts += [FORMS, "\n".join(_presets())]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _section(title: str, settings: list[Description]) -> Iterator[str]:
    yield f"## {title if not title.startswith('[[') else f'`{title}`'}\n"
    listed = title.startswith("[[")
    yield (
        "| key | default | takes | meaning |"
        if listed
        else "| key | default | takes | environment | meaning |"
    )
    yield "|---|---|---|---|" if listed else "|---|---|---|---|---|"
    for setting in settings:
        default = "required" if setting.required else _code(setting.default) if setting.default else "unset"
        takes = SHORT.get(setting.kind, setting.takes.replace(DURATION_EXAMPLES, ""))
        cells = [_code(setting.key.removeprefix(f"{title} ")), default, takes]
        if not listed:
            cells.append(_code(setting.variable) if setting.variable else "")
        yield "| " + " | ".join([*map(_cell, cells), _cell(setting.meaning)]) + " |"


def _presets() -> Iterator[str]:
    yield "## Presets\n"
    yield "Key events to start from. Browsing and signing up are nobody's: they can be bought, or happen"
    yield "once. The reasons are in the files, [stream/presets/](../stream/presets/). One `[[key_event]]` of"
    yield "your own replaces all of the preset's, so copy from them what you keep.\n"
    yield "| preset | key events, with their weights |"
    yield "|---|---|"
    for name in PRESETS:
        yield f"| `{name}` | {_cell(', '.join(_key_event(entry) for entry in preset(name)))} |"


def _key_event(entry: KeyEvent) -> str:
    conditions = " and ".join(_condition(condition) for condition in entry.where)
    where = f" where {conditions}" if conditions else ""
    return f"{_code(entry.name)}{where} {entry.weight:g}"


def _condition(condition: Condition) -> str:
    return _code(f"{condition.path} {condition.operator} {show(condition.value)}")


def _code(text: str) -> str:
    return f"`{text}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(reference())
