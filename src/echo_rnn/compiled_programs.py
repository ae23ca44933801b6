"""XLA's compiled programs in a private folder of the user, so that what one process compiled the next ones load.

    <cache>/<facts>/<XLA's name>.<SHA-256>      programs that are whole
    <cache>/<facts>/process-<random>/           what one process loads and writes

XLA reads and writes files in a folder by itself, and a file that is cut or damaged fails the program that needs it. So
each process has a folder of its own, which holds links to programs whose content has the digest in their names, and is
removed in the end; new programs are moved from there to the others under the name with their digest. Nobody reads a
file that another process may remove or still writes.

A program is machine code. It is loaded only from folders and files that are this user's and that nobody else may write,
and only where processor, cores, threads, versions and flags are those that it was compiled for.
"""

import hashlib
import json
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from echo_rnn.environment import flags, usable_cores
from echo_rnn.errors import UserError
from echo_rnn.files import sha256

USER = "user"
"""The value of `runtime.compile_cache` for a folder in the user's cache directory."""

MOST_BYTES = 256 * 2**20
"""Of all programs; the oldest are removed first. All of those with the same facts are read at each start."""

CPUINFO = Path("/proc/cpuinfo")

_FREE_BYTES = 1024 * 2**20  # a disk that fills up while XLA writes fails the program that it has just compiled
_OPEN_SECONDS = 10
_SUFFIX = ".pb"  # of the names that XLA gives
_NAME = re.compile(r"(.+)\.([0-9a-f]{64})")
# What of a processor decides which machine code XLA makes: all lines that describe it but those of one core's state.
_PROCESSOR = (
    *("vendor_id", "cpu family", "model", "model name", "stepping", "flags", "cache size"),
    *("Features", "CPU implementer", "CPU architecture", "CPU variant", "CPU part", "CPU revision"),
)


@dataclass
class Programs:
    """The programs of this process.

    Attributes:
        folder: Where XLA may read and write them; `None` where there is no cache.
    """

    folder: Path | None = None
    _kept: Path | None = None
    _linked: set[str] = field(default_factory=set)
    _done: set[str] = field(default_factory=set)

    @property
    def compiled(self) -> int | None:
        """How many programs XLA has compiled in this process, in place of loading them; `None` without a cache."""
        return None if self.folder is None else len(self._new())

    def all_loaded_since(self, before: int | None) -> bool:
        """Whether XLA has compiled nothing since `compiled` was `before`; false without a cache."""
        return before is not None and self.compiled == before

    def keep(self) -> None:
        """Keeps what has been compiled since the last call for other processes."""
        if self.folder is None or self._kept is None:
            return
        with suppress(OSError):  # a full disk, or somebody who removes the cache: this process has its programs
            for name in self._new() - self._done:
                self._done.add(name)
                if not any(self._kept.glob(f"{name}.*")):
                    path = self.folder / name
                    path.chmod(0o600)
                    os.link(path, self._kept / f"{name}.{sha256(path)}")

    def _new(self) -> set[str]:
        """The names of programs that XLA has written."""
        if self.folder is None:
            return set()
        return {path.name for path in self.folder.glob(f"*{_SUFFIX}")} - self._linked


@contextmanager
def compiled_programs(
    cache: str | None, threads: int, fused_loop_bytes: int, *, load: bool = True
) -> Iterator[Programs]:
    """Opens the cache for the programs that are compiled inside the block, and keeps them for other processes.

    Where the cache cannot be used, by what the system says, a note is printed and there are no programs.

    Args:
        cache: `runtime.compile_cache`: `USER`, a folder, or `None` for no cache.
        threads: Of TensorFlow.
        fused_loop_bytes: As TensorFlow is started with.
        load: Whether programs of other processes are loaded; else all are compiled, and kept.

    Raises:
        UserError: The folder is somebody else's, or others may write to it.
    """
    facts = _facts(threads, fused_loop_bytes)
    if cache is None or facts is None:
        yield Programs()
        return
    folder = platformdirs.user_cache_path("echo-rnn") / "programs" if cache == USER else Path(cache).expanduser()
    with ExitStack() as stack:
        try:
            programs = _opened(folder.absolute(), facts, load, stack)
        except (OSError, Timeout) as error:
            reason = getattr(error, "strerror", None) or " ".join(str(error).split())
            print(f"note: {folder}: compiled programs are not kept: {reason}", file=sys.stderr)
            programs = Programs()
        try:
            yield programs
        finally:
            programs.keep()


def _opened(cache: Path, facts: str, load: bool, stack: ExitStack) -> Programs:
    if re.search(r"[\s'\"]", str(cache)):
        raise OSError(0, "XLA takes no folder with white space or quotes in its name")
    if "~" in cache.parts:
        raise OSError(0, "there is no home directory")
    kept = cache / facts
    for path in (cache, kept):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_private(path)
    if shutil.disk_usage(cache).free < _FREE_BYTES:
        raise OSError(0, f"less than {_FREE_BYTES / 2**30:.0f} GiB are free there")
    # One process at a time looks at the folders of others and makes its own, so that none is taken for abandoned
    # before it is locked.
    with FileLock(cache / "lock", timeout=_OPEN_SECONDS, mode=0o600):
        _remove_abandoned(cache)
        _remove_oldest(cache)
        own = Path(tempfile.mkdtemp(prefix="process-", dir=kept))
        stack.callback(shutil.rmtree, own, ignore_errors=True)
        stack.enter_context(FileLock(own / "lock", timeout=0, mode=0o600))
    programs = Programs(own, _kept=kept)
    if load:
        for path in _whole(kept):
            name = path.name.rpartition(".")[0]
            with suppress(FileExistsError):  # two processes kept it at the same time
                os.link(path, own / name)
                programs._linked.add(name)
    return programs


def _require_private(folder: Path) -> None:
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode):
        raise _refused(folder, "something else")
    if facts.st_uid != os.geteuid():
        raise _refused(folder, f"one of user {facts.st_uid}")
    if facts.st_mode & 0o077:
        raise _refused(folder, f"mode {stat.S_IMODE(facts.st_mode):04o}")


def _refused(folder: Path, got: str) -> UserError:
    return UserError(
        f"runtime.compile_cache: expected a folder that only you can read and write (mode 0700), since it holds "
        f"machine code, got {got} at {folder}; chmod 700 or remove it, or set runtime.compile_cache=null",
        "compile_cache.not_private",
    )


def _whole(kept: Path) -> Iterator[Path]:
    """The programs that are as they were compiled; others are removed."""
    for entry in os.scandir(kept):
        if entry.name.startswith("process-"):
            continue
        path, match = Path(entry.path), _NAME.fullmatch(entry.name)
        with suppress(OSError):  # somebody else has removed it
            facts = path.lstat()
            is_ours = stat.S_ISREG(facts.st_mode) and facts.st_uid == os.geteuid() and not facts.st_mode & 0o077
            if is_ours and match and sha256(path) == match[2]:
                yield path
            elif stat.S_ISDIR(facts.st_mode):
                shutil.rmtree(path)
            else:
                path.unlink()


def _remove_abandoned(cache: Path) -> None:
    """Removes the folders of processes that were killed."""
    for folder in cache.glob("*/process-*"):
        with suppress(OSError, Timeout), FileLock(folder / "lock", timeout=0, mode=0o600):
            shutil.rmtree(folder)


def _remove_oldest(cache: Path) -> None:
    """Removes programs of any facts, the oldest first, until the others have room for as much again as one start."""
    found = []
    for path in cache.glob(f"*/*{_SUFFIX}.*"):
        with suppress(OSError):
            facts = path.lstat()
            found.append((facts.st_mtime, facts.st_size, path))
    excess = sum(size for _, size, _ in found) - MOST_BYTES
    for _, size, path in sorted(found):
        if excess <= 0:
            break
        with suppress(OSError):
            path.unlink()
        excess -= size


def _facts(threads: int, fused_loop_bytes: int) -> str | None:
    """A digest of all that decides the machine code besides the program; `None` where the processor is not known."""
    try:
        described = CPUINFO.read_text(encoding="utf-8").split("\n\n", 1)[0]
    except OSError:
        return None
    lines = [[part.strip() for part in line.split(":", 1)] for line in described.splitlines() if ":" in line]
    processor = {name: value for name, value in lines if name in _PROCESSOR}
    if not {"flags", "Features"} & processor.keys():
        return None
    cores = usable_cores()
    facts = [processor, cores, threads, fused_loop_bytes, version("tensorflow"), flags()]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
