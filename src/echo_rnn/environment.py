"""Facts of the machine, the code and the process that a result depends on; no name of a machine or a person."""

import hashlib
import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import psutil

ARITHMETIC = ("tensorflow", "keras", "numpy")
"""The libraries whose arithmetic a result comes from."""
LIBRARIES = (*ARITHMETIC, "hydra-core", "mlflow", "dvc")
# What decides a result. A stage rewrites tracked reports while it runs, so the rest of the tree says nothing.
CODE_PATHS = ("conf", "pipelines", "src", "params.yaml", "dvc.yaml", "pyproject.toml", "requirements.lock")

_FLAGS = ("TF_", "XLA_FLAGS", "OMP_", "MKL_", "KMP_", "CUDA_VISIBLE_DEVICES")
# How much TensorFlow says does not change what it does; scikit-learn, which MLflow imports, sets two for itself, so
# that they depend on when one looks; TF is also Terraform.
_OTHERS = ("TF_CPP_M", "KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK", "TF_CLI_", "TF_DATA_DIR", "TF_LOG", "TF_VAR_")


class Git(NamedTuple):
    """The commit of a folder and whether its code differs from it; both None outside a repository."""

    commit: str | None
    dirty: bool | None


def code_root() -> Path:
    """The folder with `dvc.yaml`, going up from the current one; else the current one."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "dvc.yaml").is_file()), here)


def project_root() -> Path:
    """The project whose tracking store is meant.

    DVC runs queued experiments in a temporary clone that it deletes, and names the original in `DVC_ROOT`.
    """
    named = os.environ.get("DVC_ROOT")
    return Path(named).resolve() if named else code_root()


def git(folder: Path) -> Git:
    """Reads the commit of `folder` and whether `CODE_PATHS` in it have changed, untracked files included."""
    commit = _git(folder, "rev-parse", "HEAD")
    status = _git(folder, "status", "--porcelain", "--", *CODE_PATHS)
    return Git(commit or None, None if status is None else bool(status))


def hardware() -> dict[str, str]:
    """Processor model, cores this process may use, and memory in GiB."""
    return {
        "hardware.cpu": _cpu_model(),
        "hardware.cores": str(_usable_cores()),
        "hardware.memory_gib": f"{psutil.virtual_memory().total / 2**30:.1f}",
    }


def versions() -> dict[str, str]:
    """Versions of Python, the operating system's kernel and the libraries that shape a result."""
    found = {"version.python": platform.python_version(), "version.kernel": f"{platform.system()} {platform.release()}"}
    for library in LIBRARIES:
        try:
            found[f"version.{library}"] = version(library)
        except PackageNotFoundError:
            continue
    return found


def arithmetic() -> dict[str, str]:
    """What may change the last bits of a result, and its speed: processor, cores, versions, variables of libraries."""
    machine, found = hardware(), versions()
    names = ("version.python", *(f"version.{library}" for library in ARITHMETIC))
    return {
        "hardware.cpu": machine["hardware.cpu"],
        "hardware.cores": machine["hardware.cores"],
        **{name: found[name] for name in names},
        **{f"flag.{name}": value for name, value in flags().items()},
    }


def flags() -> dict[str, str]:
    """The variables that change what TensorFlow and the libraries below it do."""
    return {
        name: value
        for name, value in sorted(os.environ.items())
        if name.startswith(_FLAGS) and not name.startswith(_OTHERS)
    }


COMPUTES = ("core", "training")
"""What of the package decides how a training step is computed, for `code`."""


def code(package: Path, parts: Sequence[str]) -> dict[str, str]:
    """A digest of each Python file by its name below `package`, for `parts` of it, which are files or folders."""
    files = sorted(file for part in parts for file in [package / part, *(package / part).rglob("*.py")])
    return {
        file.relative_to(package).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.is_file()
    }


def dvc() -> dict[str, str]:
    """The DVC stage, experiment and baseline commit this process runs for, as far as DVC names them."""
    names = {"dvc.stage": "DVC_STAGE", "dvc.experiment": "DVC_EXP_NAME", "dvc.baseline": "DVC_EXP_BASELINE_REV"}
    return {name: os.environ[variable] for name, variable in names.items() if os.environ.get(variable)}


def process() -> dict[str, str]:
    """What identifies this process later: a digest of machine and boot, its id, and its start in Unix seconds."""
    return {
        "process.host": _host_digest(),
        "process.pid": str(os.getpid()),
        "process.start": f"{psutil.Process().create_time():.2f}",
    }


def facts() -> dict[str, str]:
    """All of the above as one flat table, ready to be the tags of a run."""
    state = git(code_root())
    code = {"git.commit": state.commit, "git.dirty": None if state.dirty is None else str(state.dirty).lower()}
    known = {name: value for name, value in code.items() if value is not None}
    return known | hardware() | versions() | dvc() | process()


def _git(folder: Path, *arguments: str) -> str | None:
    # Optional locks off: a status that refreshes the index would get in the way of a person's own git command.
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def _usable_cores() -> int:
    # macOS has no affinity; there every core may be used.
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, "") or platform.processor() or platform.machine()


def _host_digest() -> str:
    # The boot and the namespace keep apart process ids that have nothing to do with each other; the digest keeps the
    # machine's name out of the store.
    marks = f"{platform.node()}|{_boot_mark()}|{_process_namespace()}"
    return hashlib.sha256(marks.encode()).hexdigest()[:16]


def _process_namespace() -> str:
    """Containers of one machine may share its name, and have processes of their own; nothing where there are none."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _boot_mark() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return str(int(psutil.boot_time()))
