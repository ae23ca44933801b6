"""What the numbers of a training depend on: a checkpoint is gone on from only where that is the same."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import echo_rnn
from echo_rnn import environment

_PACKAGE = Path(echo_rnn.__file__).parent
_CODE = (*environment.COMPUTES, "evaluation")
_MOST_NAMED = 3


@dataclass(frozen=True)
class Fingerprint:
    """Texts by dotted names.

    Attributes:
        numbers: What decides the numbers: settings, data, code.
        bits: What they hardly depend on, though their last bits may: threads, processor, libraries and their flags.
    """

    numbers: dict[str, str]
    bits: dict[str, str]

    def stated(self) -> dict[str, dict[str, str]]:
        """As JSON values."""
        return asdict(self)


def fingerprint(settings: Mapping[str, Any], dataset_digest: str, threads: int) -> Fingerprint:
    """The fingerprint of a training in this process.

    Args:
        settings: The sections of the configuration that decide the numbers, as JSON values.
        dataset_digest: What is trained on.
        threads: Of TensorFlow.
    """
    code = {f"code.{name}": digest[:12] for name, digest in environment.code(_PACKAGE, _CODE).items()}
    numbers = dict(_flat(settings)) | {"dataset": dataset_digest} | code
    return Fingerprint(numbers, {"runtime.threads": str(threads)} | environment.arithmetic())


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What differs, in words, old before new; empty where nothing does."""
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
