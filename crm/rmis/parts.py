"""What the shapes of RMIS are made of: exact numbers, keys, and a strict base. Knows no Django."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints, WithJsonSchema

VERSION = "1.0"


class Shape(BaseModel):
    """Strict and closed: no field is coerced, none is unknown. Null says that the source does not say; it is not 0."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def exact(places: int, description: str, *, least: int = 2) -> Any:
    """A decimal number as text, so that nothing rounds: "12.50", never 12.5.

    `places` digits behind the point are the most that are read, `least` the fewest that are written.
    """
    pattern = rf"^-?[0-9]{{1,14}}(\.[0-9]{{1,{places}}})?$"
    digits = re.compile(pattern)

    def read(value: Any) -> Decimal:
        if isinstance(value, Decimal):
            value = format(value, "f")
        if not isinstance(value, str) or not digits.fullmatch(value):
            raise ValueError(f"must be a decimal number as text with at most {places} digits behind the point")
        return Decimal(value)

    def write(number: Decimal) -> str:
        whole, _, rest = format(number, "f").partition(".")
        rest = rest.rstrip("0").ljust(least, "0")
        return f"{whole}.{rest}" if rest else whole

    schema = {"type": "string", "pattern": pattern, "description": description}
    return Annotated[Decimal, BeforeValidator(read), PlainSerializer(write, return_type=str), WithJsonSchema(schema)]


Key = Annotated[str, StringConstraints(min_length=1, max_length=120)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), Field(description="ISO 4217 code")]
Gtin14 = Annotated[str, StringConstraints(pattern=r"^\d{14}$"), Field(description="GS1 GTIN-14, with leading zeros")]
Count = Annotated[int, Field(ge=0, description="A whole number of events")]
Money = exact(6, "Money in the unit of `currency`, exact to the micro")
Price = exact(2, "Money in the unit of `currency`, exact to the cent")
Quantity = exact(4, "A number of orders or units; networks that model them report fractions", least=0)
