"""One measuring process: `python -m echo_rnn.benchmark.measure.process REQUEST.json RECORD.json`.

Progress is one JSON object on a line of the standard output for each slot that is prepared, `{"prepared": 1, "slots":
4, "slot": "dynamic"}`, and for each round, `{"round": 1, "of": 20}`. The record is written whole at the end or not at
all. With `--with-parent` the process ends when its standard input does, so that it never outlives who asked.
"""

import argparse
import json
import os
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from echo_rnn.benchmark.measure import request as requests
from echo_rnn.config.network import unroll_of
from echo_rnn.core.fused_loops import routine_bytes
from echo_rnn.core.startup import start_tensorflow
from echo_rnn.errors import one_sentence


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description="Measures one shape in this process.")
    parser.add_argument("request", type=Path)
    parser.add_argument("record", type=Path)
    parser.add_argument("--with-parent", action="store_true", help="end when the standard input ends")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _leave)
    if arguments.with_parent:
        threading.Thread(target=_end_with_input, daemon=True).start()
    with one_sentence():
        request = requests.read(arguments.request)
        labels = request.labels if request.memory is None else (request.memory,)
        limit = min(routine_bytes([request.shape.units], unroll_of(label)) for label in labels)
        start_tensorflow(request.shape.threads, routine_bytes=limit)
        from echo_rnn.benchmark.measure import session  # noqa: PLC0415 (TensorFlow has its threads now)

        session.run(request, _report).write(arguments.record)


def _report(progress: dict[str, Any]) -> None:
    print(json.dumps(progress), flush=True)


def _leave(number: int, frame: FrameType | None) -> None:
    # An exception, so that a file half written is removed.
    raise SystemExit(128 + number)


def _end_with_input() -> None:
    # Not `sys.stdin`, whose lock this thread would hold when the interpreter ends.
    while os.read(0, 4096):
        pass
    os._exit(1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
