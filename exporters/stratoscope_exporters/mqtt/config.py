"""Defines the config section of the MQTT exporter and validates it; the broker is in the section `mqtt`."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from stratoscope_exporters.homeassistant.config import HomeAssistantConfig

ROOT = re.compile(r"[A-Za-z0-9_-]{1,64}(?:/[A-Za-z0-9_-]{1,64}){0,4}")


def _root(text: str) -> str:
    if not ROOT.fullmatch(text):
        raise ValueError(
            f"{text!r} is not a topic root: use up to five levels of letters, digits, _ and -, such as mine/stratoscope"
        )
    return text


class MqttExporterConfig(BaseModel):
    """The section `exporters.mqtt` of the config."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    root: Annotated[str, AfterValidator(_root)] = Field(
        default="stratoscope", description="First levels of every topic; v1 and the site follow."
    )
    retain_state: bool = Field(
        default=False,
        description="Retain each rig's newest document: with MQTT 5 for three poll intervals, with 3.1.1 forever, even "
        "after the rig is removed.",
    )
    batch: bool = Field(
        default=False, description="Publish up to 100 rigs per message at batch/N, instead of one message per rig."
    )
    batch_interval: float = Field(default=30.0, ge=5, le=3600, description="Seconds between batches.")
    rate: int = Field(default=500, ge=10, le=5000, description="Maximum messages per second.")
    site_interval: float = Field(default=10.0, ge=1, le=3600, description="Seconds between documents of the site.")
    health_interval: float = Field(
        default=30.0, ge=5, le=3600, description="Seconds between health documents of the agent."
    )
    privacy: Literal["hidden", "full"] = Field(default="hidden", description="Worker names at pools: hidden or full.")
    windows: bool = Field(
        default=False, description="Also publish the hashrate over the firmware's own averaging windows."
    )
    pool_counters: bool = Field(default=False, description="Also publish shares per pool slot.")

    homeassistant: HomeAssistantConfig | None = Field(
        default=None, description="Announce rigs and site to Home Assistant: true, or a section with settings."
    )

    @field_validator("homeassistant", mode="before")
    @classmethod
    def _switch(cls, value: Any) -> Any:
        return {True: {}, False: None}[value] if isinstance(value, bool) else value

    @model_validator(mode="after")
    def _require_rig_documents(self) -> "MqttExporterConfig":
        if self.batch and self.homeassistant is not None:
            raise ValueError(
                "homeassistant needs one document per rig, which batch does not publish: disable one of them"
            )
        return self

    @property
    def options(self) -> frozenset[str]:
        """Return the optional families of the metric table that are enabled."""
        wanted = {"windows": self.windows, "pool_counters": self.pool_counters, "pool_users": self.privacy == "full"}
        return frozenset(name for name, on in wanted.items() if on)
