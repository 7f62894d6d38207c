"""Tells which worker of which pool each rig is, and which workers and rigs find no counterpart.

What the rig itself says decides: the user of the pool slot it mines with is the worker's name, "account.rig01", of
which pools show the whole or only the tail. Upper and lower case are the same. The operator's map goes before
everything; a rig that tells no user is matched by its own name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from stratoscope.fleet import RigId, RigSnapshot
from stratoscope.reading import PoolSlot, Reading

SEPARATORS: Final = "._/"
"""What stands between an account and a worker; a dot nearly everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One configured pool as rigs know it.

    `account` is what their users begin with: an account's name or a payout address; None where it is not known.
    `hosts` are names of its stratum servers (a domain stands for every host in it); without them any server will do.
    `workers` maps worker names to rigs.
    """

    pool: str
    account: str | None = None
    hosts: tuple[str, ...] = ()
    workers: Mapping[str, RigId] = field(default_factory=dict)


class Seat(NamedTuple):
    """Where a rig mines: the pool, and the worker as the pool writes it; "" where the pool lists no workers."""

    pool: str
    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """Who is who at one moment."""

    seats: Mapping[RigId, Seat] = field(default_factory=dict)
    unmatched_workers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # pool → workers that no rig is
    ambiguous_workers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # pool → names that one rig could be
    unmatched_rigs: Mapping[str, tuple[RigId, ...]] = field(default_factory=dict)  # pool → rigs without a worker there
    ambiguous_rigs: tuple[RigId, ...] = ()  # could be at several pools or be several workers
    elsewhere: tuple[RigId, ...] = ()  # at no configured pool

    def rigs_of(self, pool: str) -> dict[str, list[RigId]]:
        """Return the rigs of every matched worker of a pool: several where they share a name."""
        found: dict[str, list[RigId]] = {}
        for rig, seat in self.seats.items():
            if seat.pool == pool:
                found.setdefault(seat.worker, []).append(rig)
        return found


def active_slot(reading: Reading) -> PoolSlot | None:
    """Return the slot a rig mines with: the active one, else the only one, else the first that is alive."""
    slots = reading.pools
    active = [slot for slot in slots if slot.active]
    if active:
        return active[0]
    if len(slots) == 1:
        return slots[0]
    return next((slot for slot in slots if slot.alive), None)


def tail(name: str, account: str | None) -> str | None:
    """Return the part of a worker's name after its account, in lower case; None where it is another account's.

    Without a known account that is everything after the first dot. A name that is the account itself has the tail "".
    """
    name = name.strip().casefold()
    if account is None:
        return name.split(".", 1)[1] if "." in name else name
    account = account.casefold()
    if name == account:
        return ""
    if name.startswith(account) and name[len(account)] in SEPARATORS:
        return name[len(account) + 1 :]
    return None


def _worker_tail(name: str, account: str | None) -> str:
    """Return a worker's tail as the pool lists it, with or without its account."""
    own = tail(name, account)
    if own is not None:
        return own
    return name.strip().casefold()


class Directory:
    """The workers of one pool by every name they go by."""

    def __init__(self, place: Place, workers: Iterable[str] | None) -> None:
        self.place = place
        self.names = None if workers is None else tuple(workers)
        self.mapped = {name.casefold(): rig for name, rig in place.workers.items()}
        self._exact = frozenset(self.names or ())
        self._whole: dict[str, list[str]] = {}
        self._tails: dict[str, list[str]] = {}
        for name in self.names or ():
            self._whole.setdefault(name.strip().casefold(), []).append(name)
            self._tails.setdefault(_worker_tail(name, place.account), []).append(name)

    def mapped_to(self) -> dict[RigId, str]:
        """Return the operator's map by rig, with the names as the pool writes them."""
        found = {}
        for name in self.names or ():
            rig = self.mapped.get(name.casefold()) or self.mapped.get(_worker_tail(name, self.place.account))
            if rig is not None:
                found[rig] = name
        return found

    def serves(self, slot: PoolSlot) -> bool:
        """Tell whether a rig with this slot mines here, as far as its user and server say."""
        host = _host(slot.url)
        if self.place.hosts and not any(_within(host, own) for own in self.place.hosts):
            return False
        if self.place.account is None:
            return bool(self.place.hosts) or bool(self.by_user(slot.user or ""))
        return slot.user is not None and tail(slot.user, self.place.account) is not None

    def by_user(self, user: str) -> list[str]:
        """Return the workers that a slot's user could be: the exact name, else any case, else the same tail."""
        if user in self._exact:
            return [user]
        whole = self._whole.get(user.strip().casefold())
        if whole:
            return whole
        own = tail(user, self.place.account)
        return [] if own is None else self._tails.get(own, [])

    def by_name(self, name: str) -> list[str]:
        """Return the workers whose tail is a rig's own name."""
        return self._tails.get(name.strip().casefold(), [])


class _Matcher:
    def __init__(self, directories: list[Directory]) -> None:
        self.directories = directories
        self.seats: dict[RigId, Seat] = {}
        self.unmatched: dict[str, list[RigId]] = {}
        self.doubtful: dict[str, set[str]] = {}
        self.ambiguous: list[RigId] = []
        self.elsewhere: list[RigId] = []
        self._mapped = {rig: Seat(d.place.pool, name) for d in directories for rig, name in d.mapped_to().items()}
        self._taken = set(self._mapped.values())

    def place(self, snapshot: RigSnapshot) -> None:
        """Find the seat of one rig."""
        rig, reading = snapshot.rig, snapshot.reading
        if rig in self._mapped:
            self.seats[rig] = self._mapped[rig]
            return
        if reading is None:
            return
        slot = active_slot(reading)
        if slot is None or slot.user is None:
            self._by_name(rig)
            return
        at = [directory for directory in self.directories if directory.serves(slot)]
        if not at:
            self.elsewhere.append(rig)
        elif len(at) > 1:
            self.ambiguous.append(rig)
        else:
            self._sit(rig, at[0], [] if at[0].names is None else at[0].by_user(slot.user))

    def _by_name(self, rig: RigId) -> None:
        found = [(directory, directory.by_name(rig)) for directory in self.directories]
        found = [(directory, names) for directory, names in found if names]
        if not found:
            self.elsewhere.append(rig)
        elif len(found) > 1:
            self.ambiguous.append(rig)
        else:
            self._sit(rig, *found[0])

    def _sit(self, rig: RigId, directory: Directory, names: list[str]) -> None:
        pool = directory.place.pool
        names = [name for name in names if Seat(pool, name) not in self._taken]
        if directory.names is None:
            self.seats[rig] = Seat(pool, "")
        elif len(names) == 1:
            self.seats[rig] = Seat(pool, names[0])
        elif names:
            self.ambiguous.append(rig)
            self.doubtful.setdefault(pool, set()).update(names)
        else:
            self.unmatched.setdefault(pool, []).append(rig)


def match(
    places: Iterable[Place], workers: Mapping[str, Iterable[str] | None], rigs: Iterable[RigSnapshot]
) -> Matching:
    """Match rigs with workers. `workers` are the names that each pool lists now; None: it lists none at all.

    A rig that is not heard keeps no seat: nothing is known of where it mines.
    """
    directories = [Directory(place, workers.get(place.pool)) for place in places]
    matcher = _Matcher(directories)
    for snapshot in rigs:
        matcher.place(snapshot)
    taken: dict[str, set[str]] = {}
    for seat in matcher.seats.values():
        taken.setdefault(seat.pool, set()).add(seat.worker)
    left = {d.place.pool: _left(d, taken.get(d.place.pool, set()), matcher.doubtful) for d in directories}
    return Matching(
        seats=matcher.seats,
        unmatched_workers={pool: names for pool, names in left.items() if names},
        ambiguous_workers={pool: tuple(sorted(names)) for pool, names in matcher.doubtful.items()},
        unmatched_rigs={pool: tuple(rigs) for pool, rigs in matcher.unmatched.items()},
        ambiguous_rigs=tuple(matcher.ambiguous),
        elsewhere=tuple(matcher.elsewhere),
    )


def _left(directory: Directory, taken: set[str], doubtful: Mapping[str, set[str]]) -> tuple[str, ...]:
    other = doubtful.get(directory.place.pool, set())
    return tuple(name for name in directory.names or () if name not in taken and name not in other)


def _host(url: str | None) -> str:
    """Return the host of a slot's URL in lower case, "" where there is none; rigs write it with and without scheme."""
    if not url:
        return ""
    try:
        return (urlsplit(url if "://" in url else f"//{url}").hostname or "").lower().rstrip(".")
    except ValueError:
        return ""


def _within(host: str, domain: str) -> bool:
    domain = domain.lower().strip(".")
    return host == domain or host.endswith(f".{domain}")
