"""What makes records comparable: the machine, the libraries, and the code that was measured and that measured."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
    files = sorted(file for file in programs.iterdir() if file.is_file()) if programs else []
    parts: list[Any] = [environment.arithmetic(), environment.code(package, DECIDES["benchmark"])]
    parts += [{file.name: sha256(file) for file in files}, repr(found)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def environment_facts() -> dict[str, str]:
    """Facts of machine, libraries, code and process, and the variables that change what TensorFlow does."""
    return environment.facts() | {f"flag.{name}": value for name, value in environment.flags().items()}
