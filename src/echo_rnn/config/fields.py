"""What every part of the schema shares: strictness, sections with alternatives, and the kinds of numbers and texts."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    model_validator,
)
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema


class Section(BaseModel):
    """A mapping in the configuration: no unknown keys, no conversions, no infinities, nothing changed later.

    Sections have no defaults: each value lives once, in `conf/`.
    """

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _has_no_other_keys(cls, values: Any) -> Any:
        """Refuses what pydantic calls `extra_forbidden`, with the keys that there are."""
        known = list(cls.model_fields)
        error = PydanticCustomError("unknown_key", "unknown key", {"known": known})
        others = [str(key) for key in values if key not in known] if isinstance(values, dict) else []
        if others:
            details = [InitErrorDetails(type=error, loc=(key,), input=values) for key in others]
            raise ValidationError.from_exception_data(cls.__name__, details)
        return values


@dataclass(frozen=True)
class Alternatives:
    """In a field's annotation: a section that has further keys, which depend on the name that it gives.

    Attributes:
        base: The keys that all have.
        tag: The one of these that holds the name.
        options: The further keys of each name, with the types of their values; read when a value is validated.
    """

    base: type[Section]
    tag: str
    options: Callable[[], Mapping[str, Mapping[str, Any]]]

    @property
    def models(self) -> dict[str, type[Section]]:
        """The section of each name."""
        return {
            name: _section(self.base, name, ((self.tag, Literal[name]), *keys.items()))
            for name, keys in self.options().items()
        }

    def validate(self, values: Any) -> Any:
        """The section that `values` are.

        Raises:
            ValidationError: They are not as the schema wants them.
        """
        models = self.models
        # By itself, so that an unknown name is the only error.
        named = _section(BaseModel, self.base.__name__, ((self.tag, Literal[tuple(models)]),))
        name = getattr(named.model_validate(values), self.tag)
        return models[name].model_validate(values)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        """Called by pydantic."""
        return core_schema.no_info_plain_validator_function(self.validate)


# One class for the same keys: pydantic compares sections by their classes, too.
@lru_cache(maxsize=64)
def _section(base: type[BaseModel], name: str, keys: tuple[tuple[str, Any], ...]) -> Any:
    return create_model(name, __base__=base, **{key: (kind, ...) for key, kind in keys})  # type: ignore[call-overload]


def text(expected: Callable[[], str], fits: Callable[[str], Any], code: str = "wrong_type") -> AfterValidator:
    """Refuses texts that do not fit, with a code and what is `expected`, in words."""

    def validate(text: str) -> str:
        if not fits(text):
            raise PydanticCustomError("expected", "another text", {"expected": expected(), "code": code})
        return text

    return AfterValidator(validate)


def listed(value: Any) -> Any:
    """A single value as a list of one."""
    return value if isinstance(value, list) else [value]


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]*")
_NAME_WORDS = "letters, digits, spaces, dots, dashes and underscores, first a letter or a digit"
_IMPORT = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")

Size = Annotated[int, Field(ge=1, le=2**40)]
Count = Annotated[int, Field(ge=0, le=2**40)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
# pydantic refuses characters that cannot be encoded only where it measures a text.
Text = Annotated[str, Field(max_length=10_000)]
Name = Annotated[str, Field(min_length=1, max_length=100), text(lambda: _NAME_WORDS, _NAME.fullmatch)]
Import = Annotated[str, text(lambda: "package.module:Class", _IMPORT.fullmatch)]
Sizes = Annotated[list[Size], BeforeValidator(listed), Field(min_length=1)]
"""One size for all, written as a number, or a list with one size for each."""
