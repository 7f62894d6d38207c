"""Defines the whole config: the sections `polling`, `rigs`, `discovery` and `logging`, and all others by reference.

A key is declared once, as a field: its type has the limits and the unit, the field the default and the description.
`config/docs.py` generates the tables of docs/configuration.md from the fields. Also add a new key to
config.example.yaml.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from stratoscope.config.addresses import check_size, ends_of_cidr, ends_of_range, host_and_port
from stratoscope.config.guard import GuardConfig
from stratoscope.config.market import MarketConfig
from stratoscope.config.money import EconomicsConfig
from stratoscope.config.mqtt import MqttConfig
from stratoscope.config.pools import Pools
from stratoscope.config.problems import nearest, shown, wrong
from stratoscope.config.secret import Resolver, Secret
from stratoscope.config.section import ConfigPath, ConfigSection, Name, checked
from stratoscope.config.stratum import StratumConfig
from stratoscope.config.tariffs import TariffConfig
from stratoscope.config.values import Duration, Number, Size
from stratoscope.drivers import BY_NAME
from stratoscope.units import DAY, HOUR, MINUTE

MIB: Final = 1 << 20
DEFAULT_EXPORTERS: Final[Mapping[str, Mapping[str, Any]]] = {"prometheus": {}}


def _rig_line(text: str) -> tuple[str, int | None]:
    """Parse "address[:port] [name]", the form of a line in a rig file."""
    return host_and_port(text.split(maxsplit=1)[0] if text.strip() else text)


def _range(text: str) -> None:
    check_size(ends_of_range(text), text)


def _cidr(text: str) -> None:
    check_size(ends_of_cidr(text), text)


def _driver(value: Any) -> str:
    if not isinstance(value, str) or value not in BY_NAME:
        raise wrong(f"is {shown(value)}, which is not a driver: {nearest(str(value), BY_NAME)}")
    return value


Port = Annotated[int, Number(1, 65535)]
Interval = Annotated[float, Duration(5, DAY, "rigs answer one request at a time, on slow controllers")]


class PollingConfig(ConfigSection):
    """How often rigs are polled, and the limits of one exchange with a rig."""

    interval: Interval = Field(30.0, description="How often each rig is polled.")
    connect_timeout: Annotated[float, Duration(0.1, 60)] = Field(
        3.0, description="Timeout of one connection; not above `timeout`."
    )
    timeout: Annotated[float, Duration(0.5, 120)] = Field(
        5.0, description="Timeout of the whole exchange with a rig, over all its requests."
    )
    max_response: Annotated[int, Size(64 << 10, 16 * MIB)] = Field(
        MIB, description="Maximum size of one response; a longer one is rejected."
    )
    in_flight: Annotated[int, Number(1, 4096)] = Field(128, description="Concurrent exchanges with rigs that respond.")
    suspect_in_flight: Annotated[int, Number(1, 4096)] = Field(
        32, description="Concurrent exchanges with rigs that failed twice in a row."
    )
    backoff_max: Annotated[float, Duration(30, HOUR)] = Field(
        300.0, description="Longest wait between polls of a rig that does not respond."
    )
    freshness: Annotated[float, Duration(10, HOUR)] = Field(
        90.0, description="A reading older than this, or than 2.5 intervals if that is more, is no longer exported."
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.connect_timeout > self.timeout:
            raise wrong(
                f"has connect_timeout {self.connect_timeout:g} s above timeout {self.timeout:g} s: "
                "timeout includes connecting, raise it"
            )
        return self


class DiscoveryConfig(ConfigSection):
    """How addresses in ranges and CIDRs are tried until a rig responds there."""

    interval: Annotated[float, Duration(MINUTE, 7 * DAY, "scans load the network")] = Field(
        300.0, description="How often an address of a range or CIDR is tried while nothing has responded there."
    )
    rate: Annotated[float, Number(1, 50, "connections per second")] = Field(
        50.0, description="Rate of new connections to such addresses."
    )


class PowerConfig(ConfigSection):
    """The power of a rig that does not report it."""

    watts: Annotated[float, Number(1, 100_000, "W")] = Field(description="Power at the wall.")


# Python 3.14 evaluates annotations after the class body, so none may use a name that is also a field, such as a module
# called `addresses`.
SOURCES: Final = ("address", "addresses", "range", "cidr", "file")


class RigsConfig(ConfigSection):
    """One rig or a group of rigs with the same settings; exactly one of SOURCES gives their addresses."""

    address: Annotated[str, BeforeValidator(checked(host_and_port))] | None = Field(
        None, description="One rig: `10.0.0.7`, `10.0.0.7:4029`, `[fd00::7]:4028` or a host name."
    )
    addresses: tuple[Annotated[str, BeforeValidator(checked(_rig_line))], ...] | None = Field(
        None, description="Several rigs, each with an optional name after a space: `10.0.0.7 hall-b-07`."
    )
    range: Annotated[str, BeforeValidator(checked(_range))] | None = Field(
        None, description="A range of addresses: `10.0.0.10-10.0.0.90`, also `10.0.0.10-90`."
    )
    cidr: Annotated[str, BeforeValidator(checked(_cidr))] | None = Field(None, description="A network: `10.0.0.0/24`.")
    file: ConfigPath | None = Field(
        None,
        description="A file with one `address[:port] [name]` per line and `#` comments, or CSV with a header. Read "
        "again when it changes.",
    )
    name: Name | None = Field(None, description="The rig's name; only with `address`.")
    driver: Annotated[str, BeforeValidator(_driver)] | None = Field(
        None, description="Use this driver instead of detecting it; [supported-rigs.md](supported-rigs.md) lists them."
    )
    port: Port | None = Field(None, description="Port of the rig's main protocol; by default the driver's first port.")
    ports: Mapping[Port, Port] = Field(
        default_factory=dict,
        description="Several ports: default port → the one in use, as `{4028: 14028, 80: 8080}`.",
    )
    user: Name | None = Field(None, description="User of the rig's web API.")
    password: Secret | None = Field(None, description="Its password.")
    interval: Interval | None = Field(None, description="Replaces `polling.interval`.")
    power: PowerConfig | None = Field(
        None, description="`{watts: 3250}`: power at the wall of a rig that does not report it."
    )
    tariff_group: Name | None = Field(None, description="Tariff group of the rigs, a key of `tariffs`.")
    tags: Mapping[Name, Name] = Field(
        default_factory=dict,
        description='Your own tags, as `{hall: b, rack: "12"}`; exported by `mining_rig_tag_info`.',
    )
    group: Name | None = Field(None, description="Your own group name.")

    @model_validator(mode="before")
    @classmethod
    def _from_address_alone(cls, value: Any) -> Any:
        return {"address": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none of them"
            raise wrong(f"has {found}: give exactly one of {', '.join(SOURCES)}")
        if self.name is not None and self.address is None:
            raise wrong("has a name for several rigs: use `address`, or put names into addresses as `10.0.0.7 rig-7`")
        if self.password is not None and self.user is None:
            raise wrong("has a password without a user: add `user:`")
        return self


class LoggingConfig(ConfigSection):
    """What is logged, and in which format."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Lowest level that is logged.")
    format: Literal["auto", "console", "json"] = Field(
        "auto", description="`auto` is `console` on a terminal, else `json`."
    )


class Config(ConfigSection):
    """The whole config."""

    site: Name = Field("default", description="Name of this site; `/sd` attaches it to every target as label `site`.")
    polling: PollingConfig = PollingConfig()
    rigs: tuple[RigsConfig, ...] = Field((), description="Rigs and groups of rigs, see [Rigs](#rigs).")
    discovery: DiscoveryConfig = DiscoveryConfig()
    market: MarketConfig | None = Field(
        None,
        description="Where difficulty, fees and price come from, see [Market](#market). Without it no outside "
        "service is queried.",
    )
    stratum: StratumConfig | None = Field(
        None, description="Which stratum endpoints are watched, see [Stratum](#stratum). Without it none is."
    )
    pools: Pools = Field((), description="Which pools to query; see [Pools](#pools). Without an entry none is queried.")
    tariffs: Mapping[Name, TariffConfig] = Field(
        default_factory=dict, description="What power costs, by tariff group, see [Tariffs](#tariffs)."
    )
    economics: EconomicsConfig = EconomicsConfig()
    guard: GuardConfig = GuardConfig()
    mqtt: MqttConfig | None = Field(None, description="The MQTT broker, see [MQTT](#mqtt). Without it none is used.")
    state_dir: ConfigPath = Field(
        Path("state"),
        description="Directory of identities, counters, market days and events; created with mode 0700.",
    )
    logging: LoggingConfig = LoggingConfig()
    exporters: Mapping[str, Mapping[str, Any] | None] = Field(
        default_factory=lambda: dict(DEFAULT_EXPORTERS),
        description="Exporters to run, by name, each with its own settings.",
    )
    asic_rs: bool = Field(
        default=False,
        description="Read rigs that no driver supports with the optional package `pyasic-rs` (extra `asic-rs`).",
    )

    _path: Path | None = PrivateAttr(None)
    _environ: Mapping[str, str] = PrivateAttr(default_factory=dict)
    _warnings: tuple[str, ...] = PrivateAttr(())
    _files: frozenset[Path] = PrivateAttr(frozenset())
    _settings: Mapping[str, Any] = PrivateAttr(default_factory=dict)

    def record_source(
        self, path: Path, resolver: Resolver, warnings: list[str], settings: Mapping[str, Any]
    ) -> "Config":
        """Record what this config was loaded from and return it; for the loader only."""
        self._path, self._environ = path, resolver.environ
        self._warnings = tuple(dict.fromkeys(warnings))
        self._files = frozenset({path, *resolver.files})
        self._settings = settings
        return self

    def resolver(self) -> Resolver:
        """Return a resolver with the directory and the environment this config was loaded with."""
        return Resolver(self._path.parent if self._path else Path(), self._environ)

    @model_validator(mode="before")
    @classmethod
    def _without_empty_sections(cls, value: Any) -> Any:
        """Treat a section whose keys are all commented out as absent."""
        if not isinstance(value, dict):
            return value
        fields = cls.model_fields
        single = {key for key in fields if fields[key].annotation in (str, bool, Path)}
        return {key: item for key, item in value.items() if item is not None or key in single or key not in fields}

    @property
    def path(self) -> Path | None:
        """Return the file this config was loaded from; None if it was created in code."""
        return self._path

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return the warnings about risky settings, one sentence each."""
        return self._warnings

    @property
    def files(self) -> frozenset[Path]:
        """Return every file the config depends on: itself, lists of rigs, secrets."""
        return self._files

    def exporter_settings(self, name: str) -> Any:
        """Return the validated settings of exporter `name`: an instance of its model, or the plain section."""
        return self._settings.get(name, self.exporters.get(name) or {})
