"""Builds and runs the image without a container engine: the same steps, over this machine's /usr.

Each stage is a folder that is made the root (chroot) in mount and process namespaces of its own, so that the
steps of the Dockerfile run as they stand. What differs from an engine: /usr is this machine's and not the
base image's, the network is this machine's, and nothing limits processor and memory.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType

import pytest

from tests.conftest import REQUIRE_ALL
from tests.deploy.dockerfile import ROOT, Stage, Step, context
from tests.engine.process import Process

PYTHON = "/usr/local"
"""Where the base image has Python."""

_BASE_PATH = f"{PYTHON}/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
_TOP = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr")
_ETC = ("passwd", "group", "shadow", "login.defs", "nsswitch.conf", "hosts", "resolv.conf", "ssl", "pip.conf")
_SYSTEM_FOLDERS = ("dev", "proc", "tmp", "var/lib", "home")

# $1 the root, $2 Python, $3 `ro` or `rw`, $4 the volumes as `outside:inside` in lines; then the command.
_ENTER = f"""
set -e
root=$1 python=$2 mode=$3 volumes=$4
shift 4
mount --make-rprivate /
mount --bind "$root" "$root"
for folder in {" ".join(_TOP)}; do
    if [ -d "/$folder" ] && [ ! -h "/$folder" ]; then
        mount --bind "/$folder" "$root/$folder"
        mount -o remount,bind,ro "$root/$folder"
    fi
done
mount --bind "$python" "$root{PYTHON}"
mount -o remount,bind,ro "$root{PYTHON}"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/tmp"
if [ "$mode" = ro ]; then mount -o remount,bind,ro "$root"; fi
echo "$volumes" | while IFS=: read -r outside inside; do
    if [ -n "$outside" ]; then mount --bind "$outside" "$root$inside"; fi
done
exec chroot "$root" "$@"
"""


@cache
def why_not() -> str | None:
    """Why images can't be built and run like this here; None where they can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "only root may make the namespaces in which the image's steps run"
    missing = [name for name in ("unshare", "setpriv", "chroot") if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} not on the path (Debian and Ubuntu: util-linux, coreutils)"
    if not (Path(sys.base_prefix) / "bin/python").exists() or sys.base_prefix == "/usr":
        return "needs a Python of its own, such as /usr/local or pyenv has, as the base image does"
    tried = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        capture_output=True,
        text=True,
        check=False,
    )
    return tried.stderr.strip() or None


def need() -> None:
    """Skips the test, saying why, where no container can be made; fails it if all must run."""
    reason = why_not()
    if reason is not None:
        if os.environ.get(REQUIRE_ALL) == "1":
            pytest.fail(f"{REQUIRE_ALL}=1, and {reason}")
        pytest.skip(reason)


class Container:
    """A root folder below `folder`, made as the steps of a stage say."""

    def __init__(self, folder: Path, stages: Mapping[str, Container]) -> None:
        self.root = folder
        self.environ = {"PATH": _BASE_PATH, "HOME": "/root"}
        self.user = "0:0"
        self.folder = "/"
        self._stages = stages
        folder.mkdir(parents=True)
        for name in _TOP:
            outside = Path("/", name)
            if outside.is_symlink():
                (folder / name).symlink_to(os.readlink(outside))
            elif outside.is_dir():
                (folder / name).mkdir()
        for name in _SYSTEM_FOLDERS:
            (folder / name).mkdir(parents=True)
        (folder / "etc").mkdir()
        for name in _ETC:
            outside = Path("/etc", name)
            if outside.is_dir():
                shutil.copytree(outside, folder / "etc" / name, symlinks=True)
            elif outside.exists():
                shutil.copy2(outside, folder / "etc" / name)
        # As in the base image: else a Python of /usr would lend its library to the one of /usr/local.
        (folder / "etc/ld.so.conf").write_text(f"{PYTHON}/lib\n")
        self._run("ldconfig")

    def build(self, stage: Stage) -> None:
        """Run the steps. Fails where one does, with what it said."""
        for step in stage.steps:
            match step.instruction:
                case "WORKDIR":
                    self.folder = step.text
                    self.inside(step.text).mkdir(parents=True, exist_ok=True)
                case "COPY":
                    self._copy(step)
                case "RUN":
                    self._run(*(step.words if step.is_exec else ("sh", "-c", step.text)))
                case "ENV":
                    self.environ = stage.pairs("ENV", {"PATH": _BASE_PATH, "HOME": "/root"})
                case "USER":
                    self.user = step.text

    def _run(self, *command: str) -> None:
        pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        done = subprocess.run(
            self.argv(command),
            env=pip | self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}"

    def _copy(self, step: Step) -> None:
        *sources, target = step.words
        if sources[0].startswith("--from="):
            source = self._stages[sources.pop(0).removeprefix("--from=")].inside(sources[0])
            shutil.copytree(source, self.inside(target), symlinks=True)
            return
        into = self.inside(target)
        for path in context():
            source_name = next((s for s in sources if path == Path(s) or Path(s) in path.parents), None)
            if source_name is None:
                continue
            # A folder's content is copied, and a file goes into the target that ends with a slash.
            inner = path.relative_to(source_name) if path != Path(source_name) else Path(path.name)
            (into / inner).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, into / inner)

    def inside(self, path: str) -> Path:
        """Where a path of the container is on this machine."""
        return self.root / Path(self.folder, path).relative_to("/")

    def make_room(self, outside: Path, inside: str) -> None:
        """A file or a folder for a volume to be mounted on."""
        at = self.inside(inside)
        if outside.is_dir():
            at.mkdir(parents=True, exist_ok=True)
        else:
            at.parent.mkdir(parents=True, exist_ok=True)
            at.touch()

    def argv(
        self, command: Sequence[str], *, read_only: bool = False, volumes: Mapping[Path, str] | None = None
    ) -> list[str]:
        """A command line that runs `command` within, as the image's user, as the first process.

        `read_only` as an engine's `--read-only --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp`;
        `volumes` has folders of this machine, and where they are within. For `environ` the caller cares.
        """
        uid, gid = self.user.split(":")
        become = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
        if read_only:
            become += ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        return [
            *("unshare", "--mount", "--pid", "--fork", "--kill-child"),
            *("sh", "-c", _ENTER, "enter", str(self.root), sys.base_prefix, "ro" if read_only else "rw"),
            "\n".join(f"{outside}:{inside}" for outside, inside in (volumes or {}).items()),
            *("env", f"--chdir={self.folder}", *become, *command),
        ]


class Contained(Process):
    """A command of `Container.argv`: signals go to the first process within, as an engine sends them."""

    def send(self, number: signal.Signals) -> None:
        for child in self._children():
            with suppress(ProcessLookupError):
                os.kill(child, number)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # `unshare --kill-child` does not reach who has become another user.
        self.send(signal.SIGKILL)
        await super().__aexit__(kind, error, trace)

    def _children(self) -> list[int]:
        """The one child of `unshare`, which waits for it and ends with its exit code; none when over."""
        outer = self._running.pid
        try:
            return [int(pid) for pid in Path(f"/proc/{outer}/task/{outer}/children").read_text().split()]
        except OSError:
            return []


def build(folder: Path, stages: Sequence[Stage]) -> Container:
    """All stages, one after the other; the last is the image."""
    built: dict[str, Container] = {}
    for number, stage in enumerate(stages):
        container = Container(folder / f"stage-{number}", built)
        container.build(stage)
        built[stage.name] = container
    return container
