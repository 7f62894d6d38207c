"""Spreads the `rigs` section of a config into one entry per address, reading the files it names."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from stratoscope.config import addresses, rig_file
from stratoscope.config.entry import RigEntry, ports_for
from stratoscope.config.models import SOURCES, Config, Rigs
from stratoscope.config.problems import MISSING, InvalidConfig, Loc, Where, nearest, sentences, shown
from stratoscope.config.secret import INLINE, Resolver, is_reference


class _RowPlace(Where):
    """The place of one row of a rig file, and what stands there."""

    def __init__(self, name: str, settings: dict[str, Any]) -> None:
        super().__init__(name)
        self.settings = settings

    def value(self, loc: Loc) -> Any:
        return self.settings.get(str(loc[0]), MISSING) if len(loc) == 1 else MISSING


def expand(config: Config) -> list[RigEntry]:
    """Return one entry per address of `config.rigs`, reading the files it names anew.

    A rig listed by itself wins over a range or CIDR that holds its address too; listed twice it is a problem.
    Raises InvalidConfig with all problems.
    """
    return Expansion(config, Where(str(config.path or "config")), config.resolver()).entries()


class Expansion:
    """One pass over `rigs`: first those listed themselves, then the members of ranges that are not."""

    def __init__(self, config: Config, where: Where, resolver: Resolver) -> None:
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
            for place, single in self._singles(rigs, ("rigs", at)):
                self._add(place, single)
        members = 0
        for at, rigs in enumerate(self.config.rigs):
            ends = _ends(rigs)
            if ends is None:
                continue
            members += addresses.size(ends)
            if members > addresses.MOST:
                self.problems.append(
                    f"{self.where.place(('rigs', at))}: rigs[{at}] brings the addresses in ranges "
                    f"and CIDRs to {members}, the most is {addresses.MOST}: narrow them"
                )
                break
            self._tariff(self.where.place(("rigs", at)), rigs)
            self._spread(rigs, ends)
        if self.problems:
            raise InvalidConfig(self.problems)
        return list(self.found.values())

    def _singles(self, rigs: Rigs, loc: Loc) -> Iterator[tuple[str, Rigs]]:
        """Yield every rig listed by itself: where it is written, and its settings with one `address`."""
        if rigs.address is not None:
            yield self.where.place((*loc, "address")), rigs
        for at, line in enumerate(rigs.addresses or ()):
            address, *name = line.split(maxsplit=1)
            change = {"address": address, "name": name[0].strip() if name else None}
            yield self.where.place((*loc, "addresses", at)), rigs.model_copy(update=change)
        if rigs.file is not None:
            yield from self._listed(rigs)

    def _listed(self, rigs: Rigs) -> Iterator[tuple[str, Rigs]]:
        """Yield the rigs of a file; a row's own settings win over the group's."""
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
                yield place, Rigs.model_validate(settings, context=self.resolver)
            except ValidationError as error:
                self.problems += sentences(error, Rigs, _RowPlace(place, row.settings))

    def _add(self, place: str, rigs: Rigs) -> None:
        self._tariff(place, rigs)
        entry = self._entry(rigs)
        first = self.places.get(entry.key)
        if first is not None:
            self.problems.append(f"{place}: {entry.key} is listed twice, first at {first}: keep one of them")
            return
        if entry.name is not None and entry.name in self.names:
            self.problems.append(
                f"{place}: the name {entry.name} is given twice, first at {self.names[entry.name]}: "
                "names tell rigs apart, change one"
            )
            return
        self.found[entry.key] = entry
        self.places[entry.key] = place
        if entry.name is not None:
            self.names[entry.name] = place

    def _spread(self, rigs: Rigs, ends: tuple[addresses.Address, addresses.Address]) -> None:
        hosts = {entry.address for entry in self.found.values()}
        for address in addresses.between(ends):
            if address not in hosts:
                entry = self._entry(rigs, address)
                self.found[entry.key] = entry

    def _tariff(self, place: str, rigs: Rigs) -> None:
        group, tariffs = rigs.tariff_group, self.config.tariffs
        if group is not None and tariffs and group not in tariffs:
            self.problems.append(f"{place}: tariff_group {shown(group)} is not in tariffs: {nearest(group, tariffs)}")

    def _entry(self, rigs: Rigs, member: str | None = None) -> RigEntry:
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


def _ends(rigs: Rigs) -> tuple[addresses.Address, addresses.Address] | None:
    if rigs.range is not None:
        return addresses.ends_of_range(rigs.range)
    return addresses.ends_of_cidr(rigs.cidr) if rigs.cidr is not None else None
