"""What the numbers of a training depend on: a training resumes from a checkpoint only where that is the same."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import echo_rnn
from echo_rnn import environment
from echo_rnn.boundaries import DECIDES

_PACKAGE = Path(echo_rnn.__file__).parent
_MOST_NAMED = 3


@dataclass(frozen=True)
class Fingerprint:
    """Texts by dotted names.

    Attributes:
        numbers: What decides the numbers: settings, data, code.
        bits: What may change their last bits only: threads, processor, libraries and their flags.
    """

    numbers: dict[str, str]
    bits: dict[str, str]


def fingerprint(settings: Mapping[str, Any], dataset_digest: str, threads: int) -> Fingerprint:
    """The fingerprint of a training in this process.

    Args:
        settings: The sections of the configuration that decide the numbers, as JSON values.
        dataset_digest: Digest of the dataset.
        threads: Threads of TensorFlow.
    """
    code = {f"code.{name}": digest[:12] for name, digest in environment.code(_PACKAGE, DECIDES["train"]).items()}
    numbers = dict(_flat(settings)) | {"dataset": dataset_digest} | code
    return Fingerprint(numbers, {"runtime.threads": str(threads)} | environment.arithmetic())


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """The differences as text, `name (old → new)`; empty where there are none."""
    names = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    named = [f"{name} ({before.get(name, 'nothing')} → {now.get(name, 'nothing')})" for name in names[:_MOST_NAMED]]
    more = [f"{len(names) - _MOST_NAMED} more"] if len(names) > _MOST_NAMED else []
    return ", ".join(named + more)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", json.dumps(value)
