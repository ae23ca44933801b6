"""The garbage collector, kept from what lasts as long as the process.

TensorFlow and MLflow make more than half a million objects that are never garbage. Python's collector looks through
them again and again while they are imported, and three times more when the process ends.
"""

import atexit
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lasting() -> Iterator[None]:
    """Around what brings TensorFlow and MLflow in: what there is after the block is never looked through again.

    Nor is anything when the process ends and the system takes all memory back; what must happen then belongs in a
    `with` block or in `atexit`, and not in a destructor. Where TensorFlow has been imported before, this does nothing:
    what an earlier training left is garbage.
    """
    if "tensorflow" in sys.modules:
        yield
        return
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()
        atexit.register(gc.freeze)
