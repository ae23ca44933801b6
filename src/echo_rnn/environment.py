"""Facts of machine, libraries, code and process that are stored with a result; no name of a machine or a person."""

import hashlib
import json
import os
import platform
import re
import shlex
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

ARITHMETIC = ("tensorflow", "keras", "numpy")
"""The libraries that compute a result."""
LIBRARIES = (*ARITHMETIC, "hydra-core", "mlflow", "dvc")
# A stage rewrites tracked reports while it runs, so only changes of these paths make a commit dirty.
CODE_PATHS = ("conf", "pipelines", "src", "params.yaml", "dvc.yaml", "pyproject.toml", "requirements.lock")

_FLAGS = ("TF_", "XLA_FLAGS", "OMP_", "MKL_", "KMP_", "CUDA_VISIBLE_DEVICES")
# Variables with these prefixes that change no result: TensorFlow's log level; two that scikit-learn, which MLflow
# imports, sets itself, so that they depend on when they are read; Terraform's.
_EXCLUDED = ("TF_CPP_M", "KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK", "TF_CLI_", "TF_DATA_DIR", "TF_LOG", "TF_VAR_")


def code_root() -> Path:
    """The nearest folder with `dvc.yaml`, from the current one upwards; the current one if there is none."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "dvc.yaml").is_file()), here)


def git(folder: Path) -> dict[str, str]:
    """The commit of `folder`, and whether `CODE_PATHS` in it differ from it or hold untracked files.

    Both or none are known: outside a repository the table is empty.
    """
    # Without optional locks: a status that refreshes the index would block a git command that a person runs. What a
    # person's shell or settings say of another repository, or of what a status lists, does not count.
    git = ["git", "--no-optional-locks", "-C", str(folder)]
    status = ["status", "--porcelain", "--untracked-files=normal", "--ignore-submodules=none", "--", *CODE_PATHS]
    commands = ([*git, "rev-parse", "HEAD"], [*git, *status])
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    asked = partial(subprocess.run, capture_output=True, text=True, check=True, timeout=30, env=variables)
    try:
        commit, changes = (asked(command).stdout.strip() for command in commands)
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"git.commit": commit, "git.dirty": str(bool(changes)).lower()}


def hardware() -> dict[str, str]:
    """Processor model, cores this process may use, and memory in GiB."""
    models = re.findall(r"^model name[ \t]*:[ \t]*(.*\S)", _read("/proc/cpuinfo"), re.MULTILINE)
    return {
        "hardware.cpu": models[0] if models else platform.processor() or platform.machine(),
        "hardware.cores": str(usable_cores()),
        "hardware.memory_gib": f"{psutil.virtual_memory().total / 2**30:.1f}",
    }


def usable_cores() -> int:
    """The cores that this process may use; macOS has no affinity: every core is usable there."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def versions() -> dict[str, str]:
    """Versions of Python, of the kernel and of the libraries that are installed."""
    found = {"version.python": platform.python_version(), "version.kernel": f"{platform.system()} {platform.release()}"}
    for library in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[f"version.{library}"] = version(library)
    return found


def arithmetic() -> dict[str, str]:
    """Facts that may change the last bits of a result and its speed: processor, cores, versions, flags."""
    found = hardware() | versions()
    names = ("hardware.cpu", "hardware.cores", "version.python", *(f"version.{library}" for library in ARITHMETIC))
    return {name: found[name] for name in names} | {f"flag.{name}": value for name, value in flags().items()}


def machine(facts: Mapping[str, str]) -> dict[str, str]:
    """What times depend on besides what is timed, in short; those that differ in `fingerprint` are not averaged.

    Args:
        facts: `arithmetic`, and `runtime.threads`.
    """
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]
    names = {"cpu": "hardware.cpu", "cores": "hardware.cores", "threads": "runtime.threads"}
    return {short: facts[name] for short, name in names.items()} | {"fingerprint": digest}


def flags() -> dict[str, str]:
    """The environment variables that configure TensorFlow and the libraries below it."""
    return {
        name: value
        for name, value in sorted(os.environ.items())
        if name.startswith(_FLAGS) and not name.startswith(_EXCLUDED)
    }


def code(package: Path, parts: Sequence[str]) -> dict[str, str]:
    """Digests of Python files by their path below `package`; `parts` are files and folders of it."""
    files = sorted(file for part in parts for file in [package / part, *(package / part).rglob("*.py")])
    return {
        file.relative_to(package).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.is_file()
    }


def dvc() -> dict[str, str]:
    """The DVC stage, experiment and baseline commit that this process runs for, where DVC has set them."""
    names = {"dvc.stage": "DVC_STAGE", "dvc.experiment": "DVC_EXP_NAME", "dvc.baseline": "DVC_EXP_BASELINE_REV"}
    return {name: os.environ[variable] for name, variable in names.items() if os.environ.get(variable)}


def host() -> str:
    """Identifies this machine among those that share a folder, by a digest, since its name is private."""
    identity = _read("/etc/machine-id").strip()
    # Where it finds no card, Python draws an address, another one in each process, and marks it so (RFC 4122, 4.5).
    if not identity and not (address := uuid.getnode()) >> 40 & 1:
        identity = str(address)
    return hashlib.sha256(f"{platform.node()}|{identity}".encode()).hexdigest()[:16]


def start_ticks(pid: int) -> str:
    """When a process started, in clock ticks since boot: unlike a time, it stays when the clock is set.

    Where the system does not tell these, Unix seconds with a point.
    """
    # What comes before is the name of the program, which may hold anything.
    _, _, after = _read(f"/proc/{pid}/stat").rpartition(")")
    fields = after.split()
    return fields[19] if len(fields) > 19 else f"{psutil.Process(pid).create_time():.2f}"


def is_running(pid: int, ticks: str) -> bool:
    """Whether the process of this id that started at these ticks runs, or may run; ids are used again."""
    try:
        process = psutil.Process(pid)
        # A time, where the system has no ticks, differs when the clock was set: then the id alone counts. In a
        # container, a process that no parent waits for stays a zombie as long as the container lives.
        return ("." in ticks or start_ticks(pid) == ticks) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return _is_hidden(pid)
    except psutil.Error:
        return True  # nothing is told of it


def _is_hidden(pid: int) -> bool:
    """Whether there is a process of another user of which the system tells nothing, as with `hidepid`."""
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError) as error:
        return isinstance(error, PermissionError)
    return False  # one that nobody has waited for


def signature(pid: int | None = None) -> str:
    """A process, this one where none is given, in a file's name: its machine, boot, container, id, and start."""
    pid = pid or os.getpid()
    return "-".join((*_place(), str(pid), start_ticks(pid)))


def has_ended(signature: str) -> bool:
    """Whether the process that signed has ended; not where nobody here can tell, as on another machine.

    Raises:
        ValueError: It is no signature.
    """
    machine, boot, container, pid, ticks = signature.split("-")
    here = _place()
    if machine != here[0]:
        return False
    if boot != here[1]:
        return True
    return container == here[2] and not is_running(int(pid), ticks)


def _place() -> tuple[str, str, str]:
    """Digests of this machine, this boot of it, and this container, which has process ids of its own."""
    boot = _read("/proc/sys/kernel/random/boot_id").strip()  # the time of a boot changes when the clock is set
    try:
        container = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        container = ""
    return _digest(host()), _digest(boot), _digest(container)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def process() -> dict[str, str]:
    """Identifies this process later on: a digest of machine and boot, its id, and its start.

    The start is in ticks, and in Unix seconds for people.
    """
    return {
        # Process ids are unique within one boot and one container only.
        "process.host": "".join(_place()),
        "process.pid": str(os.getpid()),
        "process.ticks": start_ticks(os.getpid()),
        "process.start": f"{psutil.Process().create_time():.2f}",
    }


def command() -> str:
    """What was typed to start this process; paths, which are the machine's, are left out."""
    words = sys.orig_argv[1:]
    scripts = [Path(word).name for word in words[:1] if not word.startswith("-")]
    if scripts and not scripts[0].endswith(".py"):  # a command that an installation made
        return shlex.join([*scripts, *words[1:]])
    return shlex.join(["python", *scripts, *words[len(scripts) :]])


def facts() -> dict[str, str]:
    """Commit, hardware, versions, DVC and process as one flat table, for the tags of a run."""
    return git(code_root()) | hardware() | versions() | dvc() | process()


def _read(path: str) -> str:
    """A file of the system; empty where the system has none."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")  # a program's name may be any bytes
    except OSError:
        return ""
