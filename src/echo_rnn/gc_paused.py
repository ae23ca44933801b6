"""The garbage collector, paused while large libraries are imported.

TensorFlow and MLflow make more than half a million objects that live as long as the process. Python's collector walks
over them again and again while they are imported, and three times more when the process ends.
"""

import atexit
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pauses the collector in the block, and excludes what exists after it from every later collection.

    At the end of the process nothing is collected either, because the system takes all memory back: clean-up belongs in
    a `with` block or in `atexit`, not in a destructor. Does nothing where TensorFlow has been imported before: what an
    earlier training made is garbage, which must be found.
    """
    if "tensorflow" in sys.modules:
        yield
        return
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
        atexit.register(gc.freeze)
