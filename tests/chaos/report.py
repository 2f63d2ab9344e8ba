"""The outcome of a trial as one line with numbers, and all of them at the end of a test run."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct, field
from msgspec.json import encode

from tests.chaos.numbers import Numbers

JSON_PATH = "FAULTS_JSON"
"""Environment variable: where a test run writes its reports, a JSON object a line. (A worker refuses names
that begin with FOOTFALL_ and are no settings.)"""


class Report(Struct, kw_only=True):
    """What was done to the workers, what came out, and what else was measured.

    `unexplained` has the last words of workers that ended by an error that they had no explanation for.
    """

    trial: str
    events: int
    faults: dict[str, int]
    numbers: Sequence[Numbers]
    starts: int = 0
    seconds: float = 0.0
    measured: dict[str, float] = field(default_factory=dict)
    unexplained: Sequence[str] = ()

    @property
    def lost(self) -> int:
        return sum(one.lost for one in self.numbers)

    @property
    def doubled(self) -> int:
        return sum(one.doubled for one in self.numbers)

    @property
    def right(self) -> bool:
        return all(one.right for one in self.numbers) and not self.unexplained

    def __str__(self) -> str:
        faults = ", ".join(f"{name} {count}" for name, count in self.faults.items())
        measured = "".join(f"; {name} {value:g}" for name, value in self.measured.items())
        outputs = "; ".join(map(str, self.numbers))
        return (
            f"{self.trial}: lost {self.lost}, doubled {self.doubled} "
            f"[{self.events} events, {self.seconds:.0f} s; {faults}; workers started {self.starts} times"
            f"{measured}] {outputs}"
        ) + "".join(f"\nA worker ended without an explanation:\n{said}" for said in self.unexplained)


reports: list[Report] = []
"""Those of this test run."""

remarks: list[str] = []
"""What else there is to say of it."""


def keep(report: Report) -> None:
    """Have it told at the end, and written to the file that the environment asks for."""
    reports.append(report)
    path = os.environ.get(JSON_PATH)
    if path:
        line = json.loads(encode(report)) | {"lost": report.lost, "doubled": report.doubled}
        with Path(path).open("a") as file:
            file.write(json.dumps(line) + "\n")
