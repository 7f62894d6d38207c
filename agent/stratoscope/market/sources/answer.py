"""Reads answers of market sources strictly: numbers or numerals, never booleans, within what can be true."""

import math
import re
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from stratoscope.errors import SourceError
from stratoscope.outside.document import document

NUMERAL: Final = re.compile(r"[0-9]{1,30}(?:\.[0-9]{1,30})?")
EARLIEST: Final = 1_230_768_000.0  # 2009, the first block
LATEST: Final = 5e9
"""UTC seconds up to the year 2128: what is more was milliseconds."""

HIGHEST: Final = 1e8
"""No chain will come to this height: it is not seconds, not satoshis."""

T = TypeVar("T")


def number(value: Any) -> float:
    """Return a number from a number or an unsigned plain numeral; raise ValueError otherwise."""
    if isinstance(value, str) and NUMERAL.fullmatch(value):
        return float(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise ValueError("not a number")


def whole(value: Any) -> int:
    """Return a whole number from a number or a plain numeral; raise ValueError otherwise."""
    found = number(value)
    if found != int(found):
        raise ValueError("not a whole number")
    return int(found)


Number = Annotated[float, BeforeValidator(number)]
Positive = Annotated[float, BeforeValidator(number), Field(gt=0, lt=1e12)]
Difficulty = Annotated[float, BeforeValidator(number), Field(ge=1, lt=1e24)]
Hashrate = Annotated[float, BeforeValidator(number), Field(gt=0, lt=1e33)]
Height = Annotated[int, BeforeValidator(whole), Field(ge=0, lt=HIGHEST)]
Satoshis = Annotated[int, BeforeValidator(whole), Field(ge=0, lt=2_100_000_000_000_000)]
Moment = Annotated[float, BeforeValidator(number), Field(gt=EARLIEST, lt=LATEST)]
Compact = Annotated[int, BeforeValidator(whole), Field(ge=0, lt=1 << 32)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Bits = Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")]


MISSING: Final = -1.0
PRICE: Final = TypeAdapter(Number)
POSITIVE: Final = TypeAdapter(Positive)


class Answer(BaseModel):
    """An answer of which only the named fields matter; a value is never part of an error's text."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, hide_input_in_errors=True)


def read(kind: TypeAdapter[T], body: bytes) -> T:
    """Return `body` as `kind`; raise SourceError naming the fields that are wrong."""
    return checked(kind, document(body))


def checked(kind: TypeAdapter[T], value: Any) -> T:
    """Return the JSON `value` as `kind`; raise SourceError naming the fields that are wrong."""
    try:
        return kind.validate_python(value)
    except ValidationError as error:
        wrong = {".".join(str(part)[:30] for part in one["loc"]) or "the whole" for one in error.errors()}
        raise SourceError("schema", f"not as documented: {', '.join(sorted(wrong)[:4])}") from None


def price_in(value: Any, currency: str) -> float:
    """Return the price under the key `currency` of the JSON object `value`; -1 is mempool's word for missing."""
    if not isinstance(value, dict) or currency not in value:
        raise SourceError("schema", f"no price in {currency}")
    found = checked(PRICE, value[currency])
    if found == MISSING:
        raise SourceError("refused", f"the price in {currency} is missing at present")
    return checked(POSITIVE, found)
