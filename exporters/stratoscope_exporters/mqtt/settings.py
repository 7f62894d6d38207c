"""Says what the operator may set for the MQTT exporter, and checks it; the broker is the config's section `mqtt`."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from stratoscope_exporters.homeassistant.settings import HomeAssistant

ROOT = re.compile(r"[A-Za-z0-9_-]{1,64}(?:/[A-Za-z0-9_-]{1,64}){0,4}")


def _root(text: str) -> str:
    if not ROOT.fullmatch(text):
        raise ValueError(f"{text!r} is no root of topics; write one to five levels such as mine/stratoscope")
    return text


class Settings(BaseModel):
    """The section `exporters.mqtt` of the config."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    root: Annotated[str, AfterValidator(_root)] = Field(
        default="stratoscope", description="What every topic begins with; v1 and the site follow."
    )
    retain_state: bool = Field(
        default=False,
        description="Let the broker keep each rig's newest document, with MQTT 5 for three poll intervals; with 3.1.1 "
        "it keeps it for ever, also when the rig is long gone.",
    )
    batch: bool = Field(
        default=False, description="Publish rigs a hundred at a time at batch/N, instead of one message each."
    )
    batch_interval: float = Field(default=30.0, ge=5, le=3600, description="Seconds between batches.")
    rate: int = Field(default=500, ge=10, le=5000, description="Messages a second at most.")
    site_interval: float = Field(default=10.0, ge=1, le=3600, description="Seconds between the site's documents.")
    health_interval: float = Field(default=30.0, ge=5, le=3600, description="Seconds between the agent's documents.")
    privacy: Literal["hidden", "full"] = Field(default="hidden", description="Worker names at pools: hidden, or full.")
    windows: bool = Field(default=False, description="Also the averages the firmware makes itself.")
    pool_counters: bool = Field(default=False, description="Also shares per pool slot.")

    homeassistant: HomeAssistant | None = Field(
        default=None, description="Announce rigs and site to Home Assistant: true, or settings of its own."
    )

    @field_validator("homeassistant", mode="before")
    @classmethod
    def _switch(cls, value: Any) -> Any:
        return {True: {}, False: None}[value] if isinstance(value, bool) else value

    @model_validator(mode="after")
    def _states_are_told(self) -> "Settings":
        if self.batch and self.homeassistant is not None:
            raise ValueError("batch publishes no document per rig, which homeassistant needs: switch one of them off")
        return self

    @property
    def options(self) -> frozenset[str]:
        """Return the optional families of the metric table that are switched on."""
        wanted = {"windows": self.windows, "pool_counters": self.pool_counters, "pool_users": self.privacy == "full"}
        return frozenset(name for name, on in wanted.items() if on)
