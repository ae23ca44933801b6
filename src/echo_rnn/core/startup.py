"""Starting TensorFlow: without its log lines, and with pinned threads, so that a run repeats to the bit."""

import functools
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from echo_rnn.core.compilation import WINDOWS_BYTES, XLA_BYTES
from echo_rnn.core.deferred_imports import defer_imports
from echo_rnn.core.errors import UserError
from echo_rnn.core.loading import expect_loading

_ROUTINE_OPTION = "xla_cpu_small_while_loop_byte_threshold"

# Keras imports them where they are installed, for wrappers and galleries that nothing here uses; that takes a quarter
# of its start. To use those parts of Keras, import the library before the start.
_UNUSED = ("sklearn", "matplotlib")

_CACHE_OPTION = "tf_xla_persistent_cache_directory"


def import_tensorflow() -> None:
    """Imports TensorFlow and Keras, and starts nothing: what is left can be set, and the process can be forked."""
    defer_imports()
    with _quiet(), _without(*_UNUSED):
        # Keras reads a person's settings for other programs where these are not set.
        os.environ["KERAS_BACKEND"] = "tensorflow"
        import keras  # noqa: F401, PLC0415
        import tensorflow  # noqa: F401, PLC0415
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] != "0":
        logging.getLogger("tensorflow").setLevel(logging.WARNING)  # each export would name a temporary folder


def start_tensorflow(
    threads: int, *, fused_loop_bytes: int = XLA_BYTES, compiled_programs: Path | None = None
) -> float:
    """Imports TensorFlow and starts it with `threads` threads within an operation and between operations.

    Args:
        threads: How many.
        fused_loop_bytes: Which loops are fused under XLA; see `core.compilation`. The first start
            in a process decides.
        compiled_programs: A folder from which XLA loads programs that were compiled before, and in which it keeps what
            it compiles; the first start in a process decides. It must hold no file that is not as XLA wrote it.

    Returns:
        The seconds that took, near 0 where it had started before.

    Raises:
        UserError: It has already started in this process with another number of threads.
    """
    start = time.perf_counter()
    with _quiet(), _without(*_UNUSED), _fused_loops(fused_loop_bytes), _kept_in(compiled_programs):
        import_tensorflow()
        import keras  # noqa: PLC0415
        import tensorflow as tf  # noqa: PLC0415

        keras.config.set_floatx("float32")
        keras.config.set_epsilon(1e-7)
        _pin(tf.config.threading, threads)
        tf.config.list_logical_devices()
        if compiled_programs is not None:
            expect_loading()
        _compile_first()
    return time.perf_counter() - start


@functools.cache
def _compile_first() -> None:
    """XLA reads its flags when it first compiles."""
    import tensorflow as tf  # noqa: PLC0415

    tf.function(lambda: tf.constant(0), jit_compile=True)()


def _pin(threading: object, threads: int) -> None:
    for kind in ("intra_op", "inter_op"):
        try:
            getattr(threading, f"set_{kind}_parallelism_threads")(threads)
        except RuntimeError:
            started = getattr(threading, f"get_{kind}_parallelism_threads")()
            raise UserError(
                f"runtime.threads: expected {started}, with which TensorFlow has started in this process, got "
                f"{threads}; use one value for all jobs of a sweep, or hydra/launcher=joblib",
                "runtime.threads",
            ) from None


@contextmanager
def _fused_loops(limit: int) -> Iterator[None]:
    """Sets XLA's option inside the block, unless a person has."""
    ours = f"--xla_backend_extra_options={_ROUTINE_OPTION}={limit}" if limit else ""
    if limit >= WINDOWS_BYTES:
        # Fused loops are faster with a processor's longest vectors; XLA's own choice is at most 256 bits.
        ours += " --xla_cpu_prefer_vector_width=512"
    with _flags("XLA_FLAGS", ours, _ROUTINE_OPTION):
        yield


@contextmanager
def _kept_in(folder: Path | None) -> Iterator[None]:
    """Inside the block XLA reads and writes compiled programs in `folder`, unless a person has set one."""
    with _flags("TF_XLA_FLAGS", "" if folder is None else f"--{_CACHE_OPTION}={folder}", _CACHE_OPTION):
        yield


@contextmanager
def _flags(variable: str, ours: str, option: str) -> Iterator[None]:
    """Puts flags before a person's, unless these have the option, and removes them again: no child inherits them."""
    theirs = os.environ.get(variable)
    flags = theirs or ""
    # A value that does not begin with a dash is for XLA the name of a file of flags; it then reads nothing else.
    if ours and option not in flags and (not flags or flags.lstrip().startswith("-")):
        # The last one counts.
        os.environ[variable] = f"{ours} {flags}".strip()
    try:
        yield
    finally:
        if theirs is None:
            os.environ.pop(variable, None)
        else:
            os.environ[variable] = theirs


@contextmanager
def _without(*libraries: str) -> Iterator[None]:
    """Inside the block, libraries that are not imported yet cannot be: a module that is `None` cannot be imported."""
    hidden = [name for name in libraries if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type] # which the standard library documents
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def _quiet() -> Iterator[None]:
    """Captures the error output, and prints it only when the block fails.

    TensorFlow's C++ parts log a dozen lines before they read the setting that stops them later. With
    TF_CPP_MIN_LOG_LEVEL=0 all of them are printed, and with flags of a person, too: XLA ends the process at one that it
    does not know, and what was captured would be lost.
    """
    shown = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2") == "0"
    if shown or os.environ.get("XLA_FLAGS") or os.environ.get("TF_XLA_FLAGS"):
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
