"""Says what the operator may set for Home Assistant's discovery, and checks it."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

TOPIC: Final = re.compile(r"[a-zA-Z0-9_-]+(/[a-zA-Z0-9_-]+)*")
MOST_RIGS: Final = 2000
"""Home Assistant takes minutes to start with that many devices."""


def _topic(text: str) -> str:
    if not TOPIC.fullmatch(text) or len(text) > 128:
        raise ValueError(f"{text[:40]!r} must be levels of letters, digits, _ and -, such as homeassistant")
    return text


Topic = Annotated[str, AfterValidator(_topic)]


class HomeAssistant(BaseModel):
    """The section `exporters.mqtt.homeassistant` of the config."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prefix: Topic = Field(default="homeassistant", description="Home Assistant's own discovery prefix.")
    birth_topic: Topic | None = Field(
        default=None, description="Where Home Assistant tells that it has started; default: PREFIX/status."
    )
    birth_payload: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        default="online", description="What it says there."
    )
    max_rigs: int = Field(
        default=200, ge=0, le=MOST_RIGS, description="Rigs announced at most; the site's sums stand for all of them."
    )
    rigs: tuple[Annotated[str, Field(min_length=1, max_length=128)], ...] = Field(
        default=(),
        max_length=MOST_RIGS,
        description="Announce only these: names, topic ids, or patterns with * and ?. Default: all, up to max_rigs.",
    )

    @property
    def birth(self) -> str:
        """Return the topic of the birth message."""
        return self.birth_topic or f"{self.prefix}/status"
