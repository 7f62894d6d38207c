"""Defines the config section of Home Assistant discovery and validates it."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

TOPIC: Final = re.compile(r"[a-zA-Z0-9_-]+(/[a-zA-Z0-9_-]+)*")
MAX_RIGS: Final = 2000
"""With more devices, Home Assistant takes minutes to start."""


def _topic(text: str) -> str:
    if not TOPIC.fullmatch(text) or len(text) > 128:
        raise ValueError(f"{text[:40]!r} is not a topic: use letters, digits, _, - and /, for example homeassistant")
    return text


Topic = Annotated[str, AfterValidator(_topic)]


class HomeAssistantConfig(BaseModel):
    """The section `exporters.mqtt.homeassistant` of the config."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prefix: Topic = Field(default="homeassistant", description="Discovery prefix of Home Assistant.")
    birth_topic: Topic | None = Field(
        default=None, description="Topic of Home Assistant's birth message; default: PREFIX/status."
    )
    birth_payload: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        default="online", description="Payload of the birth message."
    )
    max_rigs: int = Field(
        default=200,
        ge=0,
        le=MAX_RIGS,
        description="Maximum number of announced rigs; the site's totals include all rigs.",
    )
    rigs: tuple[Annotated[str, Field(min_length=1, max_length=128)], ...] = Field(
        default=(),
        max_length=MAX_RIGS,
        description="Announce only these: names, topic ids, or patterns with * and ?. Default: all, up to max_rigs.",
    )

    @property
    def birth(self) -> str:
        """Return the topic of the birth message."""
        return self.birth_topic or f"{self.prefix}/status"
