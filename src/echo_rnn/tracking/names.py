"""Names that cannot leave the folder they belong to, nor confuse a page that shows them."""

import re

from echo_rnn.errors import UserError

MOST_CHARACTERS = 200
_RUN_ID = r"[A-Za-z0-9]{1,64}"
# Letters of any language; nothing that a path, an address or a terminal reads as more than a letter.
_PART = r"[\w(][\w .,=@+()\-]*"
_SHOWN = 40


def require_artifact(path: str) -> None:
    """Raises a `UserError` unless `path` is a relative one whose parts are plain names; '' is the run itself."""
    if path and not all(_is(part, _PART) for part in path.split("/")):
        raise _refused("artifact", path, "names below the run's folder, such as figures/curves.png")


def require_label(kind: str, name: str) -> None:
    """Raises a `UserError` unless `name` can name an experiment or a run; slashes and dots are nothing special."""
    if not 0 < len(name) <= MOST_CHARACTERS or not name.isprintable():
        raise _refused(kind, name, f"1 to {MOST_CHARACTERS} printable characters")


def is_run_id(text: str) -> bool:
    """Whether `text` looks like a run of MLflow."""
    return _is(text, _RUN_ID)


def _is(text: str, pattern: str) -> bool:
    return len(text) <= MOST_CHARACTERS and re.fullmatch(pattern, text) is not None


def _refused(kind: str, name: str, expected: str) -> UserError:
    shown = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"
    return UserError(f"name of the {kind}: expected {expected}, got {shown!r}; choose another one")
