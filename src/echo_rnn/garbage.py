"""The garbage collector, kept from what lasts as long as the process.

TensorFlow and MLflow make more than half a million objects that are never garbage. Python's collector looks through
them again and again while they are imported, and three times more when the process ends.
"""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lasting() -> Iterator[None]:
    """Around imports, once or twice in a process: what there is after the block is never looked through again.

    Nor is anything when the process ends and the system takes all memory back; what must happen then belongs into a
    `with` block or into `atexit`, and not into a destructor.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()
        atexit.register(gc.freeze)
