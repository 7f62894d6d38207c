"""Parses responses of market sources strictly: numbers or numerals, never booleans, within plausible limits."""

import math
import re
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from stratoscope.errors import SourceError
from stratoscope.outside.document import document

NUMERAL: Final = re.compile(r"[0-9]{1,30}(?:\.[0-9]{1,30})?")
MIN_TIME_S: Final = 1_230_768_000.0  # the first block, 2009
MAX_TIME_S: Final = 5e9
"""The year 2128: a larger number is in milliseconds."""

MAX_HEIGHT: Final = 1e8
"""Above any block height: a larger number is a time or an amount."""

T = TypeVar("T")


def number(value: Any) -> float:
    """Return the value of a number or of a plain unsigned numeral; raise ValueError otherwise."""
    if isinstance(value, str) and NUMERAL.fullmatch(value):
        return float(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise ValueError("not a number")


def whole_number(value: Any) -> int:
    """Return the value of a whole number or of its numeral; raise ValueError otherwise."""
    found = number(value)
    if found != int(found):
        raise ValueError("not a whole number")
    return int(found)


Number = Annotated[float, BeforeValidator(number)]
Positive = Annotated[float, BeforeValidator(number), Field(gt=0, lt=1e12)]
Difficulty = Annotated[float, BeforeValidator(number), Field(ge=1, lt=1e24)]
Hashrate = Annotated[float, BeforeValidator(number), Field(gt=0, lt=1e33)]
Height = Annotated[int, BeforeValidator(whole_number), Field(ge=0, lt=MAX_HEIGHT)]
Satoshis = Annotated[int, BeforeValidator(whole_number), Field(ge=0, lt=2_100_000_000_000_000)]
UtcSeconds = Annotated[float, BeforeValidator(number), Field(gt=MIN_TIME_S, lt=MAX_TIME_S)]
Compact = Annotated[int, BeforeValidator(whole_number), Field(ge=0, lt=1 << 32)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Bits = Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")]

MISSING: Final = -1.0
"""How mempool writes a missing price."""
PRICE: Final = TypeAdapter(Number)
POSITIVE: Final = TypeAdapter(Positive)


class SourceAnswer(BaseModel):
    """A response; unknown fields are ignored, and errors never contain values."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, hide_input_in_errors=True)


def parse_answer(kind: TypeAdapter[T], body: bytes) -> T:
    """Return the JSON in `body` as `kind`; raise SourceError with the names of the wrong fields."""
    return validate(kind, document(body))


def validate(kind: TypeAdapter[T], value: Any) -> T:
    """Return the JSON `value` as `kind`; raise SourceError with the names of the wrong fields."""
    try:
        return kind.validate_python(value)
    except ValidationError as error:
        wrong = {".".join(str(part)[:30] for part in one["loc"]) or "the document" for one in error.errors()}
        raise SourceError("schema", f"not as documented: {', '.join(sorted(wrong)[:4])}") from None


def price_in_currency(value: Any, currency: str) -> float:
    """Return the price under the key `currency` of the JSON object `value`; raise SourceError if it is missing (-1)."""
    if not isinstance(value, dict) or currency not in value:
        raise SourceError("schema", f"no price in {currency}")
    found = validate(PRICE, value[currency])
    if found == MISSING:
        raise SourceError("refused", f"the price in {currency} is currently missing")
    return validate(POSITIVE, found)
