"""deploy/docker/Dockerfile, read: its stages and steps, and what .dockerignore leaves of the context."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

from msgspec import Struct, field

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy/docker/Dockerfile"


class Step(Struct, frozen=True):
    """An instruction such as `RUN`, and all that follows it, arguments of the build filled in."""

    instruction: str
    text: str

    @property
    def words(self) -> list[str]:
        """What follows, taken apart: of the JSON form its elements, else as a shell takes it apart."""
        return [str(word) for word in json.loads(self.text)] if self.is_exec else shlex.split(self.text)

    @property
    def is_exec(self) -> bool:
        """Whether it is in the JSON form, which no shell comes in between."""
        return self.text.startswith("[")


class Stage(Struct):
    """One `FROM`, and the steps on top of it."""

    base: str
    name: str
    steps: list[Step] = field(default_factory=list)

    def all(self, instruction: str) -> list[Step]:
        """The steps of one kind, in order."""
        return [step for step in self.steps if step.instruction == instruction]

    def last(self, instruction: str) -> Step:
        """The step of this kind that counts."""
        return self.all(instruction)[-1]

    def pairs(self, instruction: str, known: dict[str, str] | None = None) -> dict[str, str]:
        """The keys and values of `ENV` or `LABEL`; `$NAME` is looked up in `known` and those before."""
        pairs = dict(known or {})
        for step in self.all(instruction):
            for word in step.words:
                key, _, value = word.partition("=")
                pairs[key] = re.sub(r"\$\{?(\w+)\}?", lambda found: pairs[found[1]], value)
        return pairs


def read(path: Path = DOCKERFILE) -> list[Stage]:
    """The stages, the last of which is the image."""
    stages: list[Stage] = []
    arguments: dict[str, str] = {}
    for step in _steps(path.read_text(encoding="utf-8")):
        if not stages and step.instruction == "ARG":
            name, _, value = step.text.partition("=")
            arguments[name] = value
        elif step.instruction == "FROM":
            base, *name = re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], step.text).split(" AS ")
            stages.append(Stage(base=base, name=name[0] if name else ""))
        else:
            stages[-1].steps.append(step)
    return stages


def _steps(text: str) -> list[Step]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [Step(*line.split(maxsplit=1)) for line in joined.splitlines()]


def context(root: Path = ROOT) -> list[Path]:
    """What is sent to the engine: the files below `root` that .dockerignore leaves, relative to it."""
    rules = [
        (line.startswith("!"), _pattern(line.lstrip("!").strip("/")))
        for line in (root / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    found = []
    for folder, folders, files in os.walk(root):
        here = Path(folder).relative_to(root)
        # Nothing that is taken back lies below a folder that is left out: .dockerignore names whole ones.
        folders[:] = [name for name in folders if _taken(here / name, rules)]
        found += [here / name for name in files if _taken(here / name, rules)]
    return sorted(found)


def _taken(path: Path, rules: list[tuple[bool, re.Pattern[str]]]) -> bool:
    """Whether the last rule that fits the path, or a folder that it is in, takes it."""
    taken = True
    names = [str(path), *(str(parent) for parent in path.parents if parent.name)]
    for takes, pattern in rules:
        if any(pattern.fullmatch(name) for name in names):
            taken = takes
    return taken


def _pattern(text: str) -> re.Pattern[str]:
    """A pattern of .dockerignore: `*` within a name, `**` over folders."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", text)
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meaning.get(part, re.escape(part)) for part in parts))
