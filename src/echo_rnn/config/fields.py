"""What every part of the schema shares: strictness and the kinds of numbers."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Section(BaseModel):
    """A mapping in the configuration: no unknown keys, no conversions, no infinities, nothing changed later.

    Sections have no defaults: each value lives once, in `conf/`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Size = Annotated[int, Field(ge=1, le=2**40)]
Count = Annotated[int, Field(ge=0, le=2**40)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$")]
Sizes = Annotated[list[Size], BeforeValidator(_listed), Field(min_length=1)]
"""One size for all, written as a number, or a list with one size for each."""
