"""The error output while XLA loads programs that were compiled before, without what it logs about each of them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# TensorFlow first tries to read a program as a text, and two "features" of the machine that a program was compiled for
# are preferences, which no processor reports. A feature that is really missing is not among these lines.
_NOISE = (
    r"text_format\.cc.* Error parsing text-format tensorflow\.XlaSerializedCacheEntry",
    r"cpu_aot_loader\.cc.* Target machine feature \+prefer-",
)
_END_SECONDS = 2
_expected = False


def expect_loading() -> None:
    """From now on programs may be loaded in this process."""
    global _expected  # noqa: PLW0603 (as is XLA's cache)
    _expected = True


def is_expected() -> bool:
    """Whether programs may be loaded in this process."""
    return _expected


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Inside the block those lines do not reach the error output.

    `grep` passes all others on: it does so at once, and to the last one of a process that crashes.
    """
    if not _expected:
        yield
        return
    sys.stderr.flush()
    errors = os.dup(2)
    try:
        command = ["grep", "-a", "-v", "-E", "--line-buffered", "|".join(_NOISE)]
        # In a group of its own, so that Ctrl-C does not end it before the program has said its last word.
        grep = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=errors, process_group=0)
    except OSError:
        os.close(errors)
        yield
        return
    assert grep.stdin is not None
    os.dup2(grep.stdin.fileno(), 2)
    grep.stdin.close()
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(errors, 2)
        os.close(errors)
        with suppress(subprocess.TimeoutExpired):  # somebody started a program meanwhile, which has the pipe, too
            grep.wait(_END_SECONDS)
