"""`footfall worker`, sabotaged: one checkpoint loses its outputs, a later one writes them twice.

`python -m tests.chaos.sabotaged worker …`. It says how many records of each output it has lost or doubled,
so that a test can hold against it what the comparison finds.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from stream.cli import main
from stream.engine.checkpoint import Snapshot, TransactionalWriter

_honest = TransactionalWriter._write
_positions: dict[int, int] = {}
_to_do = ["lost", "doubled"]


async def _write(self: Any, snapshot: Snapshot) -> None:
    before = _positions.get(id(self))
    _positions[id(self)] = snapshot.next_offset
    # Visits, too: not only what was put aside.
    if _to_do and before is not None and any(output[0] == "visits" for output in snapshot.outputs):
        what = _to_do.pop(0)
        counts = Counter(output[0] for output in snapshot.outputs)
        print("sabotage:", what, *(f"{name}={n}" for name, n in counts.items()), flush=True)  # noqa: T201
        if what == "lost":
            # As an engine does that commits the offset first, and dies before the outputs are written.
            snapshot = msgspec.structs.replace(snapshot, outputs=())
        else:
            # As one does that writes the outputs first, and dies before the offset is committed.
            await _honest(self, msgspec.structs.replace(snapshot, changes=(), next_offset=before))
    await _honest(self, snapshot)


if __name__ == "__main__":
    TransactionalWriter._write = _write  # type: ignore[method-assign]
    main()
