"""What makes records comparable: the machine, the libraries and the code that was measured."""

import hashlib
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

import echo_rnn
from echo_rnn import environment

_LIBRARIES = ("tensorflow", "keras", "numpy")
_PACKAGE = Path(echo_rnn.__file__).parent
# What is measured and what measures; not what is made of the samples afterwards.
_MEASURES = ("memory", "parity", "peak", "session", "strategies", "timing", "workload")
_ROOMS = ("cells", "unroll", "windows", "training", "model.py", "runtime.py", "config/network.py")
_CODE = (*_ROOMS, *(f"benchmark/{name}.py" for name in _MEASURES))
_FLAGS = ("TF_", "XLA_FLAGS", "OMP_", "MKL_", "KMP_", "CUDA_VISIBLE_DEVICES")
# How much TensorFlow says does not change what it does; scikit-learn, which MLflow imports, sets two for itself, so
# that they depend on when one looks; TF is also Terraform.
_OTHERS = ("TF_CPP_M", "KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK", "TF_CLI_", "TF_DATA_DIR", "TF_LOG", "TF_VAR_")


def fingerprint(package: Path = _PACKAGE) -> str:
    """Twelve hexadecimal digits; records are compared only where they are the same.

    Args:
        package: Where the code of `echo_rnn` is.
    """
    machine = environment.hardware()
    parts = {
        "cpu": machine["hardware.cpu"],
        "cores": machine["hardware.cores"],
        "python": platform.python_version(),
        "libraries": {library: version(library) for library in _LIBRARIES},
        "flags": _flags(),
        "code": _code(package),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def environment_facts() -> dict[str, str]:
    """Facts of machine, libraries, code and process, and the variables that change what TensorFlow does."""
    return environment.facts() | {f"flag.{name}": value for name, value in _flags().items()}


def _flags() -> dict[str, str]:
    return {
        name: value
        for name, value in sorted(os.environ.items())
        if name.startswith(_FLAGS) and not name.startswith(_OTHERS)
    }


def _code(package: Path) -> dict[str, str]:
    """A digest of each file by its name below the package."""
    files = sorted(file for part in _CODE for file in [package / part, *(package / part).rglob("*.py")])
    return {
        file.relative_to(package).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.is_file()
    }
