"""A copy of `stream` with the core's hot modules compiled by mypyc: what that gains, and whether it is right.

    python -m bench.compiled build/compiled            # made anew where the sources have changed
    python -m bench.core --against build/compiled      # what the core gains
    python -m bench.compiled build/compiled --worker   # what a whole worker gains (Java and Maven)

For measuring; Footfall is installed as pure Python (docs/compiled.md has the figures, and why). The directory
is apart from the sources on purpose: an extension beside its `.py` would be imported instead of it, however
old. In the copy, Structs are moved to modules of their own, which stay Python: mypyc drops a class's options
without a word, so that a compiled `class Mark(Struct, frozen=True)` is not frozen, and a profile gets another
format.
"""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.profile import placed
from bench.rig import INPUT, Flow, Tell, parser, rig, run

ROOT = Path(__file__).resolve().parent.parent
STAMP = "COMPILED_FROM"
PARTITIONS = 8
MODULES = (
    "activity",
    "admission",
    "calendar",
    "changelog",
    "clock",
    "conditions",
    "due",
    "erasing",
    "events",
    "holding",
    "indexes",
    "joining",
    "keeping",
    "lifecycle",
    "partition",
    "partitioner",
    "persons",
    "publishing",
    "redirects",
    "registration",
    "times",
    "visits",
    "engagement.cells",
    "engagement.days",
    "engagement.diary",
    "engagement.dimensions",
    "engagement.windows",
)
"""Of stream.core: those that an event meets."""

SETUP = """
import sys
from setuptools import setup
from mypyc.build import mypycify

options = ["--strict", "--implicit-reexport", "--python-version", "3.11"]
paths = sys.argv.pop().split(",")
setup(name="compiled", packages=[], ext_modules=mypycify([*options, *paths], opt_level="3"))
"""


def compile_into(target: Path) -> None:
    """Make `target/stream`, compiled, anew if it was made from other sources. Raises CalledProcessError."""
    digest = digest_of(ROOT / "stream")
    stamp = target / "stream" / STAMP
    if stamp.exists() and stamp.read_text() == digest:
        return
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT / "stream", target / "stream", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    paths = [Path("stream", "core", *name.split(".")).with_suffix(".py") for name in MODULES]
    for path in paths:
        move_structs(target, path)
    subprocess.run(
        [sys.executable, "-", "build_ext", "--inplace", "--parallel", "2", ",".join(map(str, paths))],
        input=SETUP.encode(),
        cwd=target,
        env=os.environ | {"MYPYPATH": str(target), "PYTHONPATH": str(target)},
        check=True,
        stdout=subprocess.PIPE,
    )
    names = [f"stream.core.{name}" for name in MODULES]
    look = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]: assert importlib.import_module(name).__file__.endswith('.so'), name"
    )
    environment = os.environ | {"PYTHONPATH": str(target)}
    subprocess.run([sys.executable, "-P", "-c", look, *names], env=environment, check=True)
    stamp.write_text(digest)


def digest_of(package: Path) -> str:
    """Of all sources, this one's among them."""
    digest = hashlib.blake2b(Path(__file__).read_bytes(), digest_size=16)
    for path in sorted(package.rglob("*.py")):
        digest.update(b"%b\0%b\0" % (str(path.relative_to(package)).encode(), path.read_bytes()))
    return digest.hexdigest()


def move_structs(target: Path, path: Path) -> None:
    """Move the module's Structs, and the exceptions they come with, to a module beside it."""
    source = (target / path).read_text()
    tree = ast.parse(source)
    structs = [node for node in tree.body if isinstance(node, ast.ClassDef) and is_struct(node)]
    if not structs:
        return
    beside = path.with_name(f"{path.stem}_structs.py")
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    (target / beside).write_text("\n\n".join(ast.unparse(node) for node in [*imports, *structs]) + "\n")
    lines = source.splitlines(keepends=True)
    for node in reversed(structs):
        del lines[node.lineno - 1 : node.end_lineno]
    future = max(node.end_lineno or 0 for node in imports if is_future(node))
    names = ", ".join(node.name for node in structs)
    lines.insert(future, f"from {'.'.join(beside.with_suffix('').parts)} import {names}\n")
    (target / path).write_text("".join(lines))


def is_struct(node: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id == "Struct" for base in node.bases)


def is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


async def compare_workers(target: Path, events: int, rounds: int) -> None:
    """Workers on one topic in turns, with the sources and with the copy: processor time an event."""
    tell = Tell()
    least: dict[str, float] = {}
    async with rig(tell) as running:
        tell.step(f"writing {events:,} events")
        await running.create_topic(INPUT, PARTITIONS)
        await running.fill(INPUT, placed(events, PARTITIONS))
        for number in range(rounds):
            for name, tree in (("Python", ROOT), ("compiled", target)):
                tell.step(f"round {number + 1}: {name}")
                flow = await running.flow(partitions=PARTITIONS)
                with imported_from(tree):
                    spent_us = await work_off(flow, events)
                least[name] = min(spent_us, least.get(name, spent_us))
    ratio = least["Python"] / least["compiled"]
    said = ", ".join(f"{name} {spent_us:.1f} µs" for name, spent_us in least.items())
    print(f"processor time an event, least of {rounds}: {said}; compiled is {ratio:.2f} times as fast")


async def work_off(flow: Flow, events: int) -> float:
    """Have a worker work off the topic; µs of processor time an event, from the first fifth on."""
    async with flow.worker() as worker:
        await worker.ready()

        async def warm() -> bool:
            return await flow.position() >= events / 5

        await worker.until(warm, "through the first fifth")
        spent_s, position = worker.cpu_s, await flow.position()
        await worker.caught_up()
        return (worker.cpu_s - spent_s) / (await flow.position() - position) * 1e6


@contextmanager
def imported_from(tree: Path) -> Iterator[None]:
    """Processes started meanwhile have their `stream` from there."""
    before, folder = os.environ.get("PYTHONPATH"), Path.cwd()
    os.environ["PYTHONPATH"] = str(tree)
    os.chdir(tree)
    try:
        yield
    finally:
        os.chdir(folder)
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before


def main() -> None:
    options = parser(__doc__)
    options.add_argument("directory", type=Path)
    options.add_argument("--worker", action="store_true", help="measure workers, too")
    options.add_argument("--events", type=int, default=600_000)
    options.add_argument("--rounds", type=int, default=2)
    given = options.parse_args()
    target = given.directory.resolve()
    compile_into(target)
    if given.worker:
        run(compare_workers(target, given.events, given.rounds))


if __name__ == "__main__":
    main()
