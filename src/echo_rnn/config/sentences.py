"""Errors of the configuration: the key, what was expected, what was got, the file to change, and a code."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from echo_rnn.config.fields import PATTERNS, Alternatives
from echo_rnn.config.sources import Places
from echo_rnn.errors import UserError

# How pydantic names a limit in an error's context, and how a person does.
_LIMITS = {"gt": "greater than", "ge": "at least", "lt": "less than", "le": "at most"}
_KINDS = {
    "missing": "a value",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "a text",
    "string_unicode": "a text without broken characters",
    "list_type": "a list",
    "dict_type": "a group of keys",
    "model_type": "a group of keys",
    "model_attributes_type": "a group of keys",
    "string_too_short": "a text that is not empty",
    "string_too_long": "a shorter text",
    "too_short": "a list that is not empty",
}
RENAMED = {
    "task.rows": "task.batch_size",
    "sweep.grids.rows": "sweep.grids.batch_size",
    "benchmark.again": "benchmark.remeasure",
}
"""Keys of earlier versions, and their names now."""
RENAMED_VALUES = {
    ("trainer.compile", "'lanes'"): "xla, with trainer.shards = 2 for each thread",
    ("sweep.grids.compile", "'lanes'"): "xla, with shards in the grid",
}
"""Values of earlier versions, and what takes their place."""
_UNKNOWN = ("extra_forbidden", "invalid_key")
_NO_OPTION = ("union_tag_invalid", "union_tag_not_found")
_LONGEST = 100


def sentence(error: ValidationError, schema: type[BaseModel], places: Places) -> UserError:
    """The first thing wrong, in one sentence, with the number of further ones.

    Args:
        error: What pydantic found.
        schema: The root of the schema.
        places: Where a person would change keys.
    """
    # A misspelt key is also a missing one, and says more.
    details = sorted(error.errors(), key=lambda detail: detail["type"] == "missing")
    more = len({_key(detail, schema) for detail in details}) - 1
    first = _one(details[0], schema, places)
    return UserError(f"{first} ({more} more after this one)", first.code) if more else first


def refused(key: str, expected: str, came: str, place: str, code: str = "config.not_composable") -> UserError:
    """The form of every error."""
    key = key if key.strip() else repr(key)
    return UserError(" ".join(f"{key}: expected {expected}, got {came}; change it in {place}".split()), code)


def unknown_key(path: Sequence[str], schema: type[BaseModel], place: str) -> UserError:
    """The error for a key that the schema does not have.

    Args:
        path: Its parts; the name of a chosen option may stand after its section.
        schema: The root of the schema.
        place: Where it was written.
    """
    *section, last = path
    names = list(dict.fromkeys(name for model in _sections(section, schema) for name in model.model_fields))
    whole = ".".join(_without_option(path, schema))
    if whole in RENAMED:
        return refused(whole, f"its new name, {RENAMED[whole]}", "the old one", place, "config.renamed_key")
    known = list(_dotted(schema))
    elsewhere = [key for key in known if key != whole and key.rpartition(".")[2] == last]
    if section and last in schema.model_fields:
        hint = " (the first line of a file that speaks about all groups is `# @package _global_`)"
    elif last in known and "." in last:
        hint = " (did you mean the same, nested?)"
    elif len(elsewhere) == 1:
        hint = f" (did you mean {elsewhere[0]}?)"
    elif last in names:
        hint = " (another option of the group has it)"
    else:
        hint = closest(last, names)
    expected = f"one of the keys {', '.join(names)}" if names else "a single value"
    return refused(whole, expected, f"an unknown key{hint}", place, "config.unknown_key")


def unknown_option(key: str, options: Iterable[str], came: str, place: str) -> UserError:
    """The error for a name that is not in a list."""
    options = list(options)
    got = f"{shown(came)}{closest(came, options)}"
    return refused(key, f"one of {', '.join(options)}", got, place, "config.unknown_option")


def closest(word: str, choices: Iterable[str]) -> str:
    """` (did you mean …?)` with the nearest of `choices`, or nothing."""
    near = difflib.get_close_matches(word, list(choices), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def shown(value: Any) -> str:
    """A value in one line, scalars as YAML writes them."""
    words = {None: "null", True: "true", False: "false"}
    text = words[value] if value is None or isinstance(value, bool) else repr(value)
    return shortened(text, _LONGEST)


def shortened(text: str, most: int = 500) -> str:
    """The beginning of a text."""
    return text if len(text) <= most else text[:most] + "…"


def _one(detail: ErrorDetails, schema: type[BaseModel], places: Places) -> UserError:  # noqa: PLR0911
    context, kind = detail.get("ctx", {}), detail["type"]
    key, path = _key(detail, schema), [str(part) for part in detail["loc"]]
    if kind == "conflict":
        # Any of the sides may change; the likeliest is the one that a person set last.
        side = max(context["sides"], key=lambda side: places.rank(side["key"]))
        place = places.choice_of(side["key"].split(".")[0]) if side["choice"] else places.of(side["key"])
        return refused(side["key"], side["expected"], shown(side["came"]), place, "config.conflict")
    if len(path) > 1 and (kind in _UNKNOWN or kind == "missing") and path[0] in (tags := _tags(schema)):
        tag = f"{path[0]}.{tags[path[0]]}"
        if places.rank(tag) > places.rank(key):
            # A value renamed the option while its other keys are still those of the chosen file.
            expected = f"the option that the group's file names (choose another file of {path[0]}/ instead)"
            return refused(tag, expected, shown(path[1]), places.of(tag), "config.unknown_option")
    if kind in _UNKNOWN:
        return unknown_key(path, schema, places.of(key))
    if kind in _NO_OPTION:
        names = str(context["expected_tags"]).replace("'", "").split(", ") if "expected_tags" in context else []
        if not names:
            names = [name for model in _sections(path, schema) for name in _options(model)]
        if kind == "union_tag_invalid":
            return unknown_option(key, names, str(context["tag"]), places.of(key))
        return refused(key, f"one of {', '.join(names)}", "nothing", places.of(key), "config.missing")
    came = "nothing" if kind == "missing" else shown(detail["input"])
    if new := RENAMED_VALUES.get((key, came)):
        return refused(key, new, f"{came}, an old value", places.of(key), "config.renamed_key")
    return refused(key, _expected(detail), came, places.of(key), f"config.{_code(kind, context)}")


def _code(kind: str, context: dict[str, Any]) -> str:
    """The kind of an error of one value."""
    if kind in ("literal_error", "expected"):
        return "unknown_option"
    if kind == "missing":
        return "missing"
    return "out_of_range" if any(limit in context for limit in _LIMITS) else "wrong_type"


def _key(detail: ErrorDetails, schema: type[BaseModel]) -> str:
    """The dotted key without what pydantic adds for unions and without positions in lists."""
    if detail["type"] == "conflict":
        return str(detail["ctx"]["sides"][0]["key"])
    wanted = (str, int) if detail["type"] == "invalid_key" else str
    parts = _without_option([str(part) for part in detail["loc"] if isinstance(part, wanted)], schema)
    if detail["type"] in _NO_OPTION:
        parts.append(_tags(schema)[parts[0]])
    return ".".join(parts)


def _without_option(path: Sequence[str], schema: type[BaseModel]) -> list[str]:
    """`optimizer.adagrad.epsilon` as `optimizer.epsilon`."""
    parts = list(path)
    if len(parts) > 1 and parts[0] in _tags(schema) and parts[1] in _options_of(schema, parts[0]):
        del parts[1]
    return parts


def _expected(detail: ErrorDetails) -> str:
    context, kind = detail.get("ctx", {}), detail["type"]
    if kind == "expected":
        return str(context["expected"])
    if kind == "literal_error":
        return "one of " + str(context["expected"]).replace("'", "").replace(" or ", ", ")
    if kind == "string_pattern_mismatch":
        return PATTERNS[context["pattern"]]
    for name, words in _LIMITS.items():
        if name in context:
            return f"a number {words} {context[name]:{'g' if isinstance(context[name], float) else 'd'}}"
    return _KINDS.get(kind, detail["msg"])


def _tags(schema: type[BaseModel]) -> dict[str, str]:
    """The sections with several options, and the key of each that names the option."""
    tags = {name: _alternatives(field) for name, field in schema.model_fields.items()}
    fixed = {name: str(field.discriminator) for name, field in schema.model_fields.items() if field.discriminator}
    return fixed | {name: found.tag for name, found in tags.items() if found}


def _alternatives(field: Any) -> Alternatives | None:
    return next((item for item in getattr(field, "metadata", ()) if isinstance(item, Alternatives)), None)


def _options_of(schema: type[BaseModel], section: str) -> list[str]:
    return [name for model in _models(schema.model_fields[section]) for name in _options(model)]


def _options(model: type[BaseModel]) -> tuple[str, ...]:
    """The names under which a section's model is chosen."""
    field = model.model_fields.get("name") or model.model_fields.get("cell")
    return get_args(field.annotation) if field else ()


def _sections(path: Sequence[str], schema: type[BaseModel]) -> list[type[BaseModel]]:
    """The models that can stand at a path."""
    models = [schema]
    for part in path:
        inner = [found for model in models for found in _models(model.model_fields.get(part))]
        models = inner or [model for model in models if part in _options(model)]
    return models


def _dotted(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every key of the schema, those of alternative sections included, each once."""
    keys: dict[str, None] = {}
    for name, field in model.model_fields.items():
        keys[prefix + name] = None
        for inner in _models(field):
            keys.update(dict.fromkeys(_dotted(inner, f"{prefix}{name}.")))
    yield from keys


def _models(field: Any) -> list[type[BaseModel]]:
    if listed := _alternatives(field):
        return list(listed.models)
    annotation = getattr(field, "annotation", field)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models(inner)]
