"""Errors of the configuration as sentences: the key, what was expected, what came, the file to change."""

import difflib
from collections.abc import Callable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

# How pydantic names a limit in an error's context, and how a person does.
_LIMITS = {"gt": "greater than", "ge": "at least", "lt": "less than", "le": "at most"}
_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "a text",
    "list_type": "a list",
    "model_type": "a group of keys",
    "model_attributes_type": "a group of keys",
    "string_too_short": "a text that is not empty",
    "string_too_long": "a shorter text",
    "too_short": "a list that is not empty",
    "string_pattern_mismatch": "letters, digits, spaces, dots, dashes and underscores, first a letter or a digit",
}


def sentence(error: ValidationError, schema: type[BaseModel], where: Callable[[str], str]) -> str:
    """The first thing wrong, in one sentence, with the number of further ones.

    Args:
        error: What pydantic found.
        schema: The root of the schema, for suggestions.
        where: From the dotted key to the place that a person would change.
    """
    details = error.errors()
    first, keys = details[0], {_key(detail) for detail in details}
    key = _key(first)
    more = f" ({len(keys) - 1} more after this one)" if len(keys) > 1 else ""
    if first["type"] == "extra_forbidden":
        hint = _suggestion(key, schema, where)
        return f"{key}: unknown key{hint}, got {first['input']!r}; change it in {where(key)}{more}"
    return f"{key}: expected {_expected(first)}, got {_came(first)}; change it in {where(key)}{more}"


def closest(word: str, choices: Mapping[str, Any] | list[str]) -> str:
    """` (did you mean …?)` with the nearest of `choices`, or nothing."""
    near = difflib.get_close_matches(word, list(choices), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _key(detail: ErrorDetails) -> str:
    """The dotted key without the tags that pydantic adds for unions."""
    if detail["type"] == "conflict":
        return str(detail["ctx"]["key"])
    parts = [part for part in detail["loc"] if isinstance(part, str)]  # without positions in lists
    # `optimizer.adagrad.epsilon`: the name of the chosen option stands right after its section.
    if len(parts) > 1 and parts[0] in ("model", "unroll", "optimizer", "schedule", "clipping"):
        del parts[1]
    key = ".".join(parts)
    if detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
        key += "." + str(detail["ctx"]["discriminator"]).strip("'")
    return key


def _came(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    if detail["type"] in ("missing", "union_tag_not_found"):
        return "nothing"
    return repr(context.get("came", context.get("tag", detail["input"])))


def _expected(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    kind = detail["type"]
    if kind == "conflict":
        return str(context["expected"])
    if kind == "missing":
        return "a value"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return "one of " + str(context.get("expected_tags", "the names in conf/")).replace("'", "")
    if kind == "literal_error":
        return "one of " + str(context["expected"]).replace("'", "").replace(" or ", ", ")
    for name, words in _LIMITS.items():
        if name in context:
            return f"a number {words} {context[name]}"
    return _KINDS.get(kind, detail["msg"])


def _suggestion(key: str, schema: type[BaseModel], where: Callable[[str], str]) -> str:
    *path, last = key.split(".")
    models: list[type[BaseModel]] = [schema]
    for part in path:
        models = [
            inner for model in models if part in model.model_fields for inner in _models(model.model_fields[part])
        ]
    names = {name for model in models for name in model.model_fields}
    return closest(last, sorted(names))


def _models(field: Any) -> list[type[BaseModel]]:
    annotation = getattr(field, "annotation", field)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models(inner)]
