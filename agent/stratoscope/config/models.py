"""Defines every section and key of the config, with defaults, limits and the reason for each limit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from stratoscope.config import addresses
from stratoscope.config.guard import Guard
from stratoscope.config.market import Market
from stratoscope.config.money import Economics
from stratoscope.config.mqtt import Mqtt
from stratoscope.config.pools import Pools
from stratoscope.config.problems import nearest, shown, wrong
from stratoscope.config.secret import Resolver, Secret
from stratoscope.config.section import Place, Section, Word, checked
from stratoscope.config.stratum import Stratum
from stratoscope.config.tariffs import TariffSection
from stratoscope.config.values import Count, Duration, Number, Size
from stratoscope.drivers import BY_NAME
from stratoscope.units import DAY, HOUR, MINUTE

MIB: Final = 1 << 20
DEFAULT_EXPORTERS: Final[Mapping[str, Mapping[str, Any]]] = {"prometheus": {}}


def _line(text: str) -> tuple[str, int | None]:
    """Parse "address[:port] [name]", the form of a line in a rig file."""
    return addresses.host_and_port(text.split(maxsplit=1)[0] if text.strip() else text)


def _driver(value: Any) -> str:
    if not isinstance(value, str) or value not in BY_NAME:
        raise wrong(f"is {shown(value)}, which is no driver: {nearest(str(value), BY_NAME)}")
    return value


Port = Annotated[int, BeforeValidator(Count(1, 65535))]
Interval = Annotated[
    float, BeforeValidator(Duration(5, DAY, "rigs answer one question at a time, on slow controllers"))
]


class Polling(Section):
    """How often rigs are asked, and what one exchange may cost."""

    interval: Interval = 30.0  # s
    connect_timeout: Annotated[float, BeforeValidator(Duration(0.1, 60))] = 3.0  # s
    timeout: Annotated[float, BeforeValidator(Duration(0.5, 120))] = 5.0  # s, over a whole exchange
    max_response: Annotated[int, BeforeValidator(Size(64 << 10, 16 * MIB))] = MIB  # bytes of one answer
    in_flight: Annotated[int, BeforeValidator(Count(1, 4096))] = 128  # exchanges at once with healthy rigs
    suspect_in_flight: Annotated[int, BeforeValidator(Count(1, 4096))] = 32  # with rigs that failed twice
    backoff_max: Annotated[float, BeforeValidator(Duration(30, HOUR))] = 300.0  # s between tries of a dark rig
    freshness: Annotated[float, BeforeValidator(Duration(10, HOUR))] = 90.0  # s, or 2.5 intervals if that is more

    @model_validator(mode="after")
    def _in_order(self) -> "Polling":
        if self.connect_timeout > self.timeout:
            raise wrong(
                f"has connect_timeout {self.connect_timeout:g} s above timeout {self.timeout:g} s: "
                "timeout covers connecting too, raise it"
            )
        return self


class Discovery(Section):
    """How addresses of ranges and CIDRs are tried while nothing has answered there yet."""

    interval: Annotated[float, BeforeValidator(Duration(MINUTE, 7 * DAY, "searching loads the network"))] = 300.0  # s
    rate: Annotated[float, BeforeValidator(Number(1, 50, "connections per second"))] = 50.0


class Power(Section):
    """What the operator knows of a rig's power that the rig does not report."""

    watts: Annotated[float, BeforeValidator(Number(1, 100_000, "W"))]


SOURCES: Final = ("address", "addresses", "range", "cidr", "file")


class Rigs(Section):
    """One rig or a group of rigs with the same settings; exactly one of SOURCES says where they are."""

    address: Annotated[str, BeforeValidator(checked(addresses.host_and_port))] | None = None
    addresses: tuple[Annotated[str, BeforeValidator(checked(_line))], ...] | None = None
    range: (
        Annotated[str, BeforeValidator(checked(lambda t: addresses.bounded(addresses.ends_of_range(t), t)))] | None
    ) = None
    cidr: Annotated[str, BeforeValidator(checked(lambda t: addresses.bounded(addresses.ends_of_cidr(t), t)))] | None = (
        None
    )
    file: Place | None = None
    name: Word | None = None
    driver: Annotated[str, BeforeValidator(_driver)] | None = None
    port: Port | None = None
    ports: Mapping[Port, Port] = Field(default_factory=dict)
    user: Word | None = None
    password: Secret | None = None
    interval: Interval | None = None
    power: Power | None = None
    tariff_group: Word | None = None
    tags: Mapping[Word, Word] = Field(default_factory=dict)
    group: Word | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare_address(cls, value: Any) -> Any:
        return {"address": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_source(self) -> "Rigs":
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none of them"
            raise wrong(f"has {found}: exactly one of {', '.join(SOURCES)} says where the rigs are")
        if self.name is not None and self.address is None:
            raise wrong("has a name for several rigs: names go with `address`, or into addresses as `10.0.0.7 rig-7`")
        if self.password is not None and self.user is None:
            raise wrong("has a password without a user: add `user:`")
        return self


class Logging(Section):
    """What is logged, and in which form."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"


class Config(Section):
    """The whole config. `site` names the place; it becomes a label of every scraped target."""

    site: Word = "default"
    polling: Polling = Polling()
    rigs: tuple[Rigs, ...] = ()
    discovery: Discovery = Discovery()
    market: Market | None = None
    stratum: Stratum | None = None
    pools: Pools = ()
    tariffs: Mapping[Word, TariffSection] = Field(default_factory=dict)
    economics: Economics = Economics()
    guard: Guard = Guard()
    mqtt: Mqtt | None = None
    state_dir: Place = Path("state")
    logging: Logging = Logging()
    exporters: Mapping[str, Mapping[str, Any] | None] = Field(default_factory=lambda: dict(DEFAULT_EXPORTERS))
    asic_rs: bool = False

    _path: Path | None = PrivateAttr(None)
    _environ: Mapping[str, str] = PrivateAttr(default_factory=dict)
    _warnings: tuple[str, ...] = PrivateAttr(())
    _files: frozenset[Path] = PrivateAttr(frozenset())
    _settings: Mapping[str, Any] = PrivateAttr(default_factory=dict)

    def loaded(self, path: Path, resolver: Resolver, warnings: list[str], settings: Mapping[str, Any]) -> "Config":
        """Return this config knowing what it was made from; called by the loader."""
        self._path, self._environ = path, resolver.environ
        self._warnings = tuple(dict.fromkeys(warnings))
        self._files = frozenset({path, *resolver.files})
        self._settings = settings
        return self

    def resolver(self) -> Resolver:
        """Return what resolves paths and secrets as they were when this config was loaded."""
        return Resolver(self._path.parent if self._path else Path(), self._environ)

    @model_validator(mode="before")
    @classmethod
    def _without_empty_sections(cls, value: Any) -> Any:
        """Take a section all of whose keys are commented out as absent."""
        if not isinstance(value, dict):
            return value
        sections = (
            "polling",
            "rigs",
            "discovery",
            "market",
            "stratum",
            "pools",
            "tariffs",
            "economics",
            "guard",
            "mqtt",
            "logging",
            "exporters",
        )
        return {key: item for key, item in value.items() if item is not None or key not in sections}

    @property
    def path(self) -> Path | None:
        """Return the file this config was loaded from; None when it was made in code."""
        return self._path

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what is allowed but unwise, one sentence each."""
        return self._warnings

    @property
    def files(self) -> frozenset[Path]:
        """Return every file the config depends on: itself, lists of rigs, secrets."""
        return self._files

    def exporter_settings(self, name: str) -> Any:
        """Return the validated settings of exporter `name`: an instance of its `Settings`, else the plain section."""
        return self._settings.get(name, self.exporters.get(name) or {})
