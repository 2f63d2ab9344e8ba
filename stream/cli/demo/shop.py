"""The demo's product: `footfall simulate` in a process of its own, which ends with the demo's."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import stream
from stream.broker import ending_with_parent
from stream.simulate.run import WriteError

_STOP_WITHIN_S = 5.0
_NICE = 3
_MAIN = "from stream.cli import main; main()"


async def keep_open(arguments: Sequence[str], log: Path) -> None:
    """Run `footfall` with these arguments until cancelled; what it says goes to `log`.

    Raises WriteError where it ends by itself. Call it from the main thread: the kernel ends the child
    with the thread that has started it.
    """
    with log.open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-c",
            _MAIN,
            *arguments,
            env=_environ(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=said,
            # Ctrl-C is for the demo, which ends this one before the broker. No session of its own: schedulers
            # share the machine out among sessions, and it is not to get more than the worker.
            process_group=0,
            preexec_fn=partial(_in_the_background, ending_with_parent(signal.SIGKILL)),
        )
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_WITHIN_S)
        except TimeoutError:
            process.kill()
            await process.wait()
        raise
    raise WriteError(f"the simulated shop ended with exit code {code}: {_last_words(log)}")


def _in_the_background(end_with_parent: Callable[[], None] | None) -> None:
    # On a busy machine history shall pass more slowly, rather than the worker fall behind.
    os.nice(_NICE)
    if end_with_parent is not None:
        end_with_parent()


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return lines[-1] if lines else "it said nothing"


def _environ() -> dict[str, str]:
    """This process' own code is what runs, and nothing but the demo's configuration counts."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
    root = str(Path(stream.__file__).parents[1])
    environ["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [environ.get("PYTHONPATH")])])
    return environ
