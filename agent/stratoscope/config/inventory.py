"""Expands the `rigs` section of a config into one entry per address, including the rig files."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from stratoscope.config import addresses, rig_file
from stratoscope.config.entry import RigEntry, ports_for
from stratoscope.config.models import SOURCES, Config, RigsConfig
from stratoscope.config.problems import MISSING, InvalidConfig, Loc, Locator, nearest, sentences, shown
from stratoscope.config.secret import INLINE, Resolver, is_reference


class _RowPlace(Locator):
    """Locates the values in one row of a rig file."""

    def __init__(self, name: str, settings: dict[str, Any]) -> None:
        super().__init__(name)
        self.settings = settings

    def value(self, loc: Loc) -> Any:
        return self.settings.get(str(loc[0]), MISSING) if len(loc) == 1 else MISSING


def expand(config: Config) -> list[RigEntry]:
    """Return one entry per address of `config.rigs`, reading the rig files again.

    A rig listed by address takes precedence over a range or CIDR that contains it; a rig listed twice is a problem.
    Raises InvalidConfig with all problems.
    """
    return InventoryBuilder(config, Locator(str(config.path or "config")), config.resolver()).entries()


class InventoryBuilder:
    """Builds the inventory in one pass: first the rigs listed by address, then the other members of ranges."""

    def __init__(self, config: Config, where: Locator, resolver: Resolver) -> None:
        self.config = config
        self.where = where
        self.resolver = resolver
        self.problems: list[str] = []
        self.found: dict[str, RigEntry] = {}
        self.places: dict[str, str] = {}
        self.names: dict[str, str] = {}

    def entries(self) -> list[RigEntry]:
        """Return all entries in the order of the config; raise InvalidConfig with all problems."""
        for at, rigs in enumerate(self.config.rigs):
            for place, single in self._iter_listed(rigs, ("rigs", at)):
                self._add(place, single)
        members = 0
        for at, rigs in enumerate(self.config.rigs):
            ends = _ends(rigs)
            if ends is None:
                continue
            members += addresses.size(ends)
            if members > addresses.MAX_ADDRESSES:
                self.problems.append(
                    f"{self.where.place(('rigs', at))}: rigs[{at}] brings the addresses in ranges "
                    f"and CIDRs to {members}, the maximum is {addresses.MAX_ADDRESSES}: narrow them"
                )
                break
            self._check_tariff(self.where.place(("rigs", at)), rigs)
            self._add_members(rigs, ends)
        if self.problems:
            raise InvalidConfig(self.problems)
        return list(self.found.values())

    def _iter_listed(self, rigs: RigsConfig, loc: Loc) -> Iterator[tuple[str, RigsConfig]]:
        """Yield the place and the settings of every rig that is listed by address."""
        if rigs.address is not None:
            yield self.where.place((*loc, "address")), rigs
        for at, line in enumerate(rigs.addresses or ()):
            address, *name = line.split(maxsplit=1)
            change = {"address": address, "name": name[0].strip() if name else None}
            yield self.where.place((*loc, "addresses", at)), rigs.model_copy(update=change)
        if rigs.file is not None:
            yield from self._iter_file(rigs)

    def _iter_file(self, rigs: RigsConfig) -> Iterator[tuple[str, RigsConfig]]:
        """Yield the rigs of a file; the settings of a row override those of the group."""
        path = rigs.file
        if path is None:
            return
        self.resolver.files.add(path)
        try:
            rows = rig_file.read(path)
        except InvalidConfig as error:
            self.problems += error.problems
            return
        shared = rigs.model_dump(exclude_none=True, exclude=set(SOURCES))
        for row in rows:
            place = f"{path}:{row.line}"
            settings = {**shared, **row.settings, "tags": {**rigs.tags, **row.settings.get("tags", {})}}
            if "password" in row.settings and not is_reference(row.settings["password"]):
                self.resolver.warnings.append(f"{place}: password {INLINE}")
            try:
                yield place, RigsConfig.model_validate(settings, context=self.resolver)
            except ValidationError as error:
                self.problems += sentences(error, RigsConfig, _RowPlace(place, row.settings))

    def _add(self, place: str, rigs: RigsConfig) -> None:
        self._check_tariff(place, rigs)
        entry = self._entry(rigs)
        first = self.places.get(entry.key)
        if first is not None:
            self.problems.append(f"{place}: {entry.key} is listed twice, first at {first}: remove one of them")
            return
        if entry.name is not None and entry.name in self.names:
            self.problems.append(
                f"{place}: the name {entry.name} is used twice, first at {self.names[entry.name]}: "
                "names must be unique, change one of them"
            )
            return
        self.found[entry.key] = entry
        self.places[entry.key] = place
        if entry.name is not None:
            self.names[entry.name] = place

    def _add_members(self, rigs: RigsConfig, ends: tuple[addresses.Address, addresses.Address]) -> None:
        hosts = {entry.address for entry in self.found.values()}
        for address in addresses.iter_addresses(ends):
            if address not in hosts:
                entry = self._entry(rigs, address)
                self.found[entry.key] = entry

    def _check_tariff(self, place: str, rigs: RigsConfig) -> None:
        group, tariffs = rigs.tariff_group, self.config.tariffs
        if group is not None and tariffs and group not in tariffs:
            self.problems.append(f"{place}: tariff_group {shown(group)} is not in tariffs: {nearest(group, tariffs)}")

    def _entry(self, rigs: RigsConfig, member: str | None = None) -> RigEntry:
        host, port = (member, None) if member is not None else addresses.host_and_port(rigs.address or "")
        port = rigs.port if port is None else port
        return RigEntry(
            address=host,
            ports={**ports_for(port, rigs.driver), **rigs.ports},
            name=rigs.name,
            driver=rigs.driver,
            user=rigs.user,
            password=rigs.password.get_secret_value() if rigs.password else None,
            interval=rigs.interval or self.config.polling.interval,
            power_watts=rigs.power.watts if rigs.power else None,
            tariff_group=rigs.tariff_group,
            tags=dict(rigs.tags),
            group=rigs.group,
            expected=member is None,
        )


def _ends(rigs: RigsConfig) -> tuple[addresses.Address, addresses.Address] | None:
    if rigs.range is not None:
        return addresses.ends_of_range(rigs.range)
    return addresses.ends_of_cidr(rigs.cidr) if rigs.cidr is not None else None
