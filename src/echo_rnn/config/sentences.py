"""Errors of the configuration: the key, what was expected, what was got, the file to change, and a code."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from echo_rnn.config.fields import Alternatives
from echo_rnn.config.schema import Config
from echo_rnn.config.sources import Find
from echo_rnn.errors import UserError
from echo_rnn.redact import redact

# The code and what is expected, by the type of pydantic's error, with names from its context.
_KINDS = {
    "missing": ("missing", "a value"),
    "expected": ("{code}", "{expected}"),
    "greater_than": ("out_of_range", "a number greater than {gt}"),
    "greater_than_equal": ("out_of_range", "a number at least {ge}"),
    "less_than": ("out_of_range", "a number less than {lt}"),
    "less_than_equal": ("out_of_range", "a number at most {le}"),
    "int_type": ("wrong_type", "a whole number"),
    "int_from_float": ("wrong_type", "a whole number"),
    "float_type": ("wrong_type", "a number"),
    "finite_number": ("wrong_type", "a finite number"),
    "bool_type": ("wrong_type", "true or false"),
    "string_type": ("wrong_type", "a text"),
    "string_unicode": ("wrong_type", "a text without broken characters"),
    "list_type": ("wrong_type", "a list"),
    "dict_type": ("wrong_type", "a group of keys"),
    "model_type": ("wrong_type", "a group of keys"),
    "string_too_short": ("wrong_type", "a text that is not empty"),
    "string_too_long": ("wrong_type", "a shorter text"),
    "too_short": ("wrong_type", "a list that is not empty"),
}
RENAMED = {
    "task.rows": "task.batch_size",
    "sweep.grids.rows": "sweep.grids.batch_size",
    "benchmark.again": "benchmark.remeasure",
}
"""Keys of earlier versions, and their names now."""
RENAMED_VALUES = {
    ("trainer.compile", "lanes"): "xla, with trainer.shards = 2 for each thread",
    ("sweep.grids.compile", "lanes"): "xla, with shards in the grid",
}
"""Values of earlier versions, and what takes their place."""
_LONGEST = 100


def sentence(error: ValidationError, find: Find) -> UserError:
    """The first thing wrong, in one sentence, with the number of further ones.

    Args:
        error: What pydantic found.
        find: Where a person would change keys, see `Sources.find`.
    """
    # A misspelt key is also a missing one, and says more.
    details = sorted(error.errors(), key=lambda detail: detail["type"] == "missing")
    more = len({_key(detail) for detail in details}) - 1
    first = _one(details[0], find)
    return UserError(f"{first} ({more} more after this one)", first.code) if more else first


def refused(key: str, expected: str, got: str, place: str, code: str = "config.not_composable") -> UserError:
    """The form of every error."""
    key, got = key if key.strip() else repr(key), got if got.strip() else "nothing"
    return UserError(" ".join(f"{key}: expected {expected}, got {got}; change it in {place}".split()), code)


def unknown_key(path: Sequence[str], place: str, names: Sequence[str] | None = None) -> UserError:
    """The error for a key that the schema does not have.

    Args:
        path: Its parts.
        place: Where it was written.
        names: The keys that its section has; if left out, those of all options of the section.
    """
    *section, last = path
    whole, known = ".".join(path), known_keys()
    if whole in RENAMED:
        return refused(whole, f"its new name, {RENAMED[whole]}", "the old one", place, "config.renamed_key")
    if names is None:
        names = [key for *above, key in (name.split(".") for name in known) if above == section]
    elsewhere = [key for key in known if key.rpartition(".")[2] == last]
    if section and last in Config.model_fields:
        hint = " (the first line of a file that speaks about all groups is `# @package _global_`)"
    elif last in known and "." in last:
        hint = " (did you mean the same, nested?)"
    elif whole in known:
        hint = " (another option of the group has it)"
    elif len(elsewhere) == 1:
        hint = f" (did you mean {elsewhere[0]}?)"
    else:
        hint = closest(last, names)
    expected = f"one of the keys {', '.join(names)}" if names else "a single value"
    return refused(whole, expected, f"an unknown key{hint}", place, "config.unknown_key")


def unknown_option(key: str, options: Iterable[str], got: Any, place: str) -> UserError:
    """The error for a value that is not in a list."""
    options = list(options)
    shown_got = f"{shown(got)}{closest(str(got), options)}"
    return refused(key, f"one of {', '.join(options)}", shown_got, place, "config.unknown_option")


def closest(word: str, choices: Iterable[str]) -> str:
    """` (did you mean …?)` with the nearest of `choices`, or nothing."""
    near = difflib.get_close_matches(word, list(choices), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def shown(value: Any) -> str:
    """A value in one line without passwords, scalars as YAML writes them."""
    words = {None: "null", True: "true", False: "false"}
    text = words[value] if value is None or isinstance(value, bool) else repr(value)
    return shortened(redact(text), _LONGEST)


def shortened(text: str, most: int = 500) -> str:
    """The beginning of a text."""
    return text if len(text) <= most else text[:most] + "…"


def known_keys() -> list[str]:
    """Every key of the schema, dotted, those of alternative sections included."""
    return list(dict.fromkeys(_dotted(Config)))


def _one(detail: ErrorDetails, find: Find) -> UserError:
    context, kind, key, got = detail.get("ctx", {}), detail["type"], _key(detail), detail["input"]
    if kind == "conflict":
        # Any of the sides may change; the likeliest is the one that a person set last.
        key, expected, got = max(context["sides"], key=lambda side: find(side[0], False)[0])
        # An option that another key excludes gives way to another option.
        choice = key in (f"{section}.{tag}" for section, tag in _tags().items())
        return refused(key, expected, shown(got), find(key, choice)[1], "config.conflict")
    rank, place = find(key, False)
    path = _path(detail)
    if len(path) == 2 and kind in ("unknown_key", "missing") and (tag := _tags().get(path[0])):
        name = f"{path[0]}.{tag}"
        rank_of_name, place_of_name = find(name, False)
        if rank_of_name > rank:
            # A value renamed the option while its other keys are still those of the chosen file.
            expected = f"the option that the group's file names (choose another file of {path[0]}/ instead)"
            return refused(name, expected, shown(got[tag]), place_of_name, "config.unknown_option")
    if kind == "unknown_key":
        return unknown_key(path, place, context["known"])
    if isinstance(got, str) and (new := RENAMED_VALUES.get((key, got))):
        return refused(key, new, f"{got!r}, an old value", place, "config.renamed_key")
    if kind == "literal_error":
        options = context["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return unknown_option(key, options, got, place)
    code, expected = _KINDS.get(kind, ("wrong_type", detail["msg"]))
    given = {name: f"{value:g}" if isinstance(value, float) else value for name, value in context.items()}
    code, expected = (words.format(**given) for words in (code, expected))
    return refused(key or place, expected, "nothing" if kind == "missing" else shown(got), place, f"config.{code}")


def _key(detail: ErrorDetails) -> str:
    return str(detail["ctx"]["sides"][0][0]) if detail["type"] == "conflict" else ".".join(_path(detail))


def _path(detail: ErrorDetails) -> list[str]:
    """The parts of the key without positions in lists."""
    return [part for part in detail["loc"] if isinstance(part, str)]


def _tags() -> dict[str, str]:
    """The sections with several options, and the key of each that names the option."""
    items = [(name, item) for name, field in Config.model_fields.items() for item in field.metadata]
    return {name: item.tag for name, item in items if isinstance(item, Alternatives)}


def _dotted(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield prefix + name
        for inner in _models(field):
            yield from _dotted(inner, f"{prefix}{name}.")


def _models(field: Any) -> list[type[BaseModel]]:
    """The sections that can stand in a field, also within lists."""
    for item in getattr(field, "metadata", ()):
        if isinstance(item, Alternatives):
            return list(item.models.values())
    annotation = getattr(field, "annotation", field)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models(inner)]
