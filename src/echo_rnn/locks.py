"""Locks of the system on files: they end with their process, however that ends."""

from pathlib import Path
from typing import Any

from filelock import FileLock

from echo_rnn.errors import no_locks


class Lock(FileLock):
    """See `file_lock`."""

    def acquire(self, *arguments: Any, **options: Any) -> Any:
        """As a `FileLock`.

        Raises:
            UserError: The file system has no locks.
        """
        try:
            return super().acquire(*arguments, **options)
        except OSError as error:
            raise no_locks(self.lock_file, error) or error from None


def file_lock(path: Path | str, seconds: float = -1, **options: Any) -> Lock:
    """A lock that waits so long for another process; -1 is for ever.

    Where the system has none, `filelock` would take the file itself for one, which a killed process leaves.
    """
    return Lock(path, timeout=seconds, fallback_to_soft=False, **options)
