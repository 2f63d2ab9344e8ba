"""What the documents show is what happens: every example is run, and every reason has one."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from stream.core.records import Reason
from tests.docs.examples import Example, read_examples, run_example

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    "README.md",
    "docs/numbers.md",
    "docs/connect.md",
    "docs/report.md",
    "docs/security.md",
    "docs/simulate.md",
)
EXAMPLES = [
    (document, example)
    for document in DOCUMENTS
    for example in read_examples((ROOT / document).read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(
    ("document", "example"),
    [pytest.param(*one, id=f"{one[0]}: {one[1].heading}") for one in EXAMPLES],
)
def test_example(document: str, example: Example, tmp_path: Path) -> None:
    for command, printed in run_example(example, tmp_path):
        hint = f"{command.text}\nIf it is right so: python -m tests.docs.examples {document}"
        assert printed == command.output, hint


@pytest.mark.parametrize("reason", get_args(Reason))
def test_every_reason_has_an_example_that_shows_it(reason: str) -> None:
    shown = [
        line
        for document, example in EXAMPLES
        if document == "docs/numbers.md" and example.heading == f"`{reason}`"
        for step in example.steps
        for line in getattr(step, "output", [])
    ]
    assert any(f'"reason":"{reason}"' in line for line in shown)
