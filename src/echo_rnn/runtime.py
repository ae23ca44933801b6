"""Starting TensorFlow: without its greeting, and with what must be pinned so that a run repeats to the bit."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from echo_rnn.errors import UserError


def start_tensorflow(threads: int) -> float:
    """Imports TensorFlow and starts it with `threads` threads within an operation and between operations.

    Returns:
        The seconds that took, near 0 where it had started before.

    Raises:
        UserError: It has already started in this process with another number of threads.
    """
    start = time.perf_counter()
    with _held_back():
        import keras  # noqa: F401, PLC0415
        import tensorflow as tf  # noqa: PLC0415

        _pin(tf.config.threading, threads)
        tf.config.list_logical_devices()
    return time.perf_counter() - start


def _pin(threading: object, threads: int) -> None:
    for kind in ("intra_op", "inter_op"):
        try:
            getattr(threading, f"set_{kind}_parallelism_threads")(threads)
        except RuntimeError:
            started = getattr(threading, f"get_{kind}_parallelism_threads")()
            raise UserError(
                f"runtime.threads: expected {started}, with which TensorFlow has started in this process, got "
                f"{threads}; leave it the same for all jobs of a sweep or use hydra/launcher=joblib"
            ) from None


@contextmanager
def _held_back() -> Iterator[None]:
    """Keeps what is written to the error output, and shows it only when the block fails.

    TensorFlow's C++ parts greet in a dozen lines before they read the setting that stops them later. With
    TF_CPP_MIN_LOG_LEVEL=0 a person sees all.
    """
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2") == "0":
        yield
        return
    sys.stderr.flush()
    errors = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(errors, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(errors, 2)
            os.close(errors)
