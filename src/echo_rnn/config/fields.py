"""What every part of the schema shares: strictness and the kinds of numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


class Section(BaseModel):
    """A mapping in the configuration: no unknown keys, no conversions, no infinities, nothing changed later.

    Sections have no defaults: each value lives once, in `conf/`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Alternatives:
    """In a field's annotation: one of several sections, which are listed when a value is validated.

    Attributes:
        tag: The key that names the one that is chosen.
        listed: The sections, and what validates any of them.
    """

    tag: str
    listed: Callable[[], Any]

    @property
    def models(self) -> tuple[type[Section], ...]:
        """The sections."""
        models: tuple[type[Section], ...] = self.listed()[0]
        return models

    def _validate(self, value: Any) -> Any:
        return self.listed()[1].validate_python(value)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        """Called by pydantic."""
        return core_schema.no_info_plain_validator_function(self._validate)


def one_of(options: Callable[[], str], known: Callable[[str], bool]) -> AfterValidator:
    """Refuses texts that are not `known`, with the `options` that are, in words."""

    def validate(text: str) -> str:
        if not known(text):
            raise PydanticCustomError("expected", "one of a list", {"expected": options()})
        return text

    return AfterValidator(validate)


def listed(value: Any) -> Any:
    """A single value as a list of one."""
    return value if isinstance(value, list) else [value]


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("string_unicode", "") from None
    return text


_NAME = r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$"
_IMPORT = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"
PATTERNS = {
    _NAME: "letters, digits, spaces, dots, dashes and underscores, first a letter or a digit",
    _IMPORT: "package.module:Class",
}
"""The patterns of texts, in words."""

Size = Annotated[int, Field(ge=1, le=2**40)]
Count = Annotated[int, Field(ge=0, le=2**40)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Text = Annotated[str, AfterValidator(_encodable)]
FilledText = Annotated[str, Field(min_length=1), AfterValidator(_encodable)]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=_NAME)]
Import = Annotated[str, Field(pattern=_IMPORT)]
Sizes = Annotated[list[Size], BeforeValidator(listed), Field(min_length=1)]
"""One size for all, written as a number, or a list with one size for each."""
