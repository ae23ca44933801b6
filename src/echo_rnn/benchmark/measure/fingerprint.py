"""What makes records comparable: the machine, the libraries, and the code that was measured and that measured."""

import hashlib
import json
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import echo_rnn
from echo_rnn import environment
from echo_rnn.boundaries import DECIDES
from echo_rnn.files import sha256

_PACKAGE = Path(echo_rnn.__file__).parent


def fingerprint(package: Path = _PACKAGE, programs: Path | None = None, found: Sequence[object] = ()) -> str:
    """Twelve hexadecimal digits; records are compared only where they are the same.

    Args:
        package: Where the code of `echo_rnn` is.
        programs: The folder of other contestants' programs, with what they require.
        found: What decides which of them can take part: one that is missing is measured once it is there.
    """
    machine = environment.hardware()
    parts = {
        "cpu": machine["hardware.cpu"],
        "cores": machine["hardware.cores"],
        "python": platform.python_version(),
        "libraries": {library: version(library) for library in environment.ARITHMETIC},
        "flags": environment.flags(),
        "code": environment.code(package, DECIDES["benchmark"]),
    }
    if programs is not None:
        files = sorted(file for file in programs.iterdir() if file.is_file())
        parts["programs"] = {file.name: sha256(file) for file in files}
        parts["found"] = repr(found)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def environment_facts() -> dict[str, str]:
    """Facts of machine, libraries, code and process, and the variables that change what TensorFlow does."""
    return environment.facts() | {f"flag.{name}": value for name, value in environment.flags().items()}
