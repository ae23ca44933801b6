"""What makes records comparable: the machine, the libraries and the code that was measured."""

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path

import echo_rnn
from echo_rnn import environment

_PACKAGE = Path(echo_rnn.__file__).parent
# What is measured and what measures; not what is made of the samples afterwards.
_CODE = (*environment.COMPUTES, "config/network.py", "benchmark/measure")


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
        "libraries": {library: version(library) for library in environment.ARITHMETIC},
        "flags": environment.flags(),
        "code": environment.code(package, _CODE),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def environment_facts() -> dict[str, str]:
    """Facts of machine, libraries, code and process, and the variables that change what TensorFlow does."""
    return environment.facts() | {f"flag.{name}": value for name, value in environment.flags().items()}
