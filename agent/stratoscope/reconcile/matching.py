"""Matches rigs with the workers that pools list, and reports the rigs and workers without a match.

The user of a rig's active pool slot is the worker name, such as "account.rig01"; pools list it with or without the
account. Case is ignored. The operator's map takes precedence. A rig that reports no user is matched by its own name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from stratoscope.fleet import RigId, RigSnapshot
from stratoscope.reading import PoolSlot, Reading

SEPARATORS: Final = "._/"
"""Characters that separate the account from the worker; nearly every pool uses the dot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolIdentity:
    """How to recognise the rigs of one configured pool.

    `account` is the start of their users: an account name or a payout address; None if unknown. `hosts` are its stratum
    servers (a domain includes all hosts in it); without them any server matches. `workers` maps worker names to rigs.
    """

    pool: str
    account: str | None = None
    hosts: tuple[str, ...] = ()
    workers: Mapping[str, RigId] = field(default_factory=dict)


class WorkerSlot(NamedTuple):
    """A worker at a pool, as the pool writes its name; "" if the pool lists no workers."""

    pool: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """Which rig is which worker.

    Unmatched workers have no rig; unmatched rigs mine at a pool that does not list their worker. Ambiguous rigs could
    be at several pools, or be several workers, which are the ambiguous workers. Other rigs mine `elsewhere`.
    """

    assignments: Mapping[RigId, WorkerSlot] = field(default_factory=dict)
    unmatched_workers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # pool → names
    ambiguous_workers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # pool → names
    unmatched_rigs: Mapping[str, tuple[RigId, ...]] = field(default_factory=dict)  # pool → rigs
    ambiguous_rigs: tuple[RigId, ...] = ()
    elsewhere: tuple[RigId, ...] = ()

    def rigs_of(self, pool: str) -> dict[str, list[RigId]]:
        """Return the rigs of each matched worker of a pool; several rigs can share a name."""
        found: dict[str, list[RigId]] = {}
        for rig, worker in self.assignments.items():
            if worker.pool == pool:
                found.setdefault(worker.name, []).append(rig)
        return found


def active_slot(reading: Reading) -> PoolSlot | None:
    """Return the pool slot that a rig uses: the active one, else the only one, else the first live one."""
    slots = reading.pools
    active = [slot for slot in slots if slot.active]
    if active:
        return active[0]
    if len(slots) == 1:
        return slots[0]
    return next((slot for slot in slots if slot.alive), None)


def worker_tail(name: str, account: str | None) -> str | None:
    """Return the worker's name without its account, in lower case; None if it belongs to another account.

    If the account is unknown, that is everything after the first dot. The tail of the account's own name is "".
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


def _listed_tail(name: str, account: str | None) -> str:
    """Return the tail of a name that the pool lists, with or without its account."""
    own = worker_tail(name, account)
    if own is not None:
        return own
    return name.strip().casefold()


class WorkerDirectory:
    """Finds the workers of one pool by any spelling of their name."""

    def __init__(self, identity: PoolIdentity, workers: Iterable[str] | None) -> None:
        self.identity = identity
        self.names = None if workers is None else tuple(workers)
        self.mapped = {name.casefold(): rig for name, rig in identity.workers.items()}
        self._exact = frozenset(self.names or ())
        self._full_names: dict[str, list[str]] = {}
        self._tails: dict[str, list[str]] = {}
        for name in self.names or ():
            self._full_names.setdefault(name.strip().casefold(), []).append(name)
            self._tails.setdefault(_listed_tail(name, identity.account), []).append(name)

    def mapped_rigs(self) -> dict[RigId, str]:
        """Return the operator's map as rig → worker name as the pool writes it."""
        found = {}
        for name in self.names or ():
            rig = self.mapped.get(name.casefold()) or self.mapped.get(_listed_tail(name, self.identity.account))
            if rig is not None:
                found[rig] = name
        return found

    def serves(self, slot: PoolSlot) -> bool:
        """Return whether a rig with this slot mines at this pool, by its user and server."""
        host = _host(slot.url)
        if self.identity.hosts and not any(_within(host, own) for own in self.identity.hosts):
            return False
        if self.identity.account is None:
            return bool(self.identity.hosts) or bool(self.by_user(slot.user or ""))
        return slot.user is not None and worker_tail(slot.user, self.identity.account) is not None

    def by_user(self, user: str) -> list[str]:
        """Return the workers that match a slot's user: the exact name, else ignoring case, else by tail."""
        if user in self._exact:
            return [user]
        full = self._full_names.get(user.strip().casefold())
        if full:
            return full
        own = worker_tail(user, self.identity.account)
        return [] if own is None else self._tails.get(own, [])

    def by_name(self, name: str) -> list[str]:
        """Return the workers whose tail is the rig's own name."""
        return self._tails.get(name.strip().casefold(), [])


class _Matcher:
    """Assigns rigs one by one and collects those that cannot be assigned."""

    def __init__(self, directories: list[WorkerDirectory]) -> None:
        self.directories = directories
        self.assignments: dict[RigId, WorkerSlot] = {}
        self.unmatched_rigs: dict[str, list[RigId]] = {}
        self.ambiguous_workers: dict[str, set[str]] = {}
        self.ambiguous_rigs: list[RigId] = []
        self.elsewhere: list[RigId] = []
        self._mapped = {
            rig: WorkerSlot(directory.identity.pool, name)
            for directory in directories
            for rig, name in directory.mapped_rigs().items()
        }
        self._taken = set(self._mapped.values())

    def assign(self, snapshot: RigSnapshot) -> None:
        """Assign one rig to its worker, or record why that is not possible."""
        rig, reading = snapshot.rig, snapshot.reading
        if rig in self._mapped:
            self.assignments[rig] = self._mapped[rig]
            return
        if reading is None:
            return
        slot = active_slot(reading)
        if slot is None or slot.user is None:
            self._assign_by_name(rig)
            return
        candidates = [directory for directory in self.directories if directory.serves(slot)]
        if not candidates:
            self.elsewhere.append(rig)
        elif len(candidates) > 1:
            self.ambiguous_rigs.append(rig)
        else:
            self._assign_to(rig, candidates[0], candidates[0].by_user(slot.user))

    def _assign_by_name(self, rig: RigId) -> None:
        found = [(directory, directory.by_name(rig)) for directory in self.directories]
        found = [(directory, names) for directory, names in found if names]
        if not found:
            self.elsewhere.append(rig)
        elif len(found) > 1:
            self.ambiguous_rigs.append(rig)
        else:
            self._assign_to(rig, *found[0])

    def _assign_to(self, rig: RigId, directory: WorkerDirectory, names: list[str]) -> None:
        pool = directory.identity.pool
        names = [name for name in names if WorkerSlot(pool, name) not in self._taken]
        if directory.names is None:
            self.assignments[rig] = WorkerSlot(pool, "")
        elif len(names) == 1:
            self.assignments[rig] = WorkerSlot(pool, names[0])
        elif names:
            self.ambiguous_rigs.append(rig)
            self.ambiguous_workers.setdefault(pool, set()).update(names)
        else:
            self.unmatched_rigs.setdefault(pool, []).append(rig)


def match_rigs(
    identities: Iterable[PoolIdentity], workers: Mapping[str, Iterable[str] | None], rigs: Iterable[RigSnapshot]
) -> Matching:
    """Match rigs with workers. `workers` is pool → names that it lists; None: the pool does not list workers.

    An unreachable rig is not assigned, unless by the operator's map: its current pool is unknown.
    """
    directories = [WorkerDirectory(identity, workers.get(identity.pool)) for identity in identities]
    matcher = _Matcher(directories)
    for snapshot in rigs:
        matcher.assign(snapshot)
    taken: dict[str, set[str]] = {}
    for worker in matcher.assignments.values():
        taken.setdefault(worker.pool, set()).add(worker.name)
    unmatched = {
        directory.identity.pool: _unmatched(
            directory, taken.get(directory.identity.pool, set()), matcher.ambiguous_workers
        )
        for directory in directories
    }
    return Matching(
        assignments=matcher.assignments,
        unmatched_workers={pool: names for pool, names in unmatched.items() if names},
        ambiguous_workers={pool: tuple(sorted(names)) for pool, names in matcher.ambiguous_workers.items()},
        unmatched_rigs={pool: tuple(rigs) for pool, rigs in matcher.unmatched_rigs.items()},
        ambiguous_rigs=tuple(matcher.ambiguous_rigs),
        elsewhere=tuple(matcher.elsewhere),
    )


def _unmatched(directory: WorkerDirectory, taken: set[str], ambiguous: Mapping[str, set[str]]) -> tuple[str, ...]:
    doubtful = ambiguous.get(directory.identity.pool, set())
    return tuple(name for name in directory.names or () if name not in taken and name not in doubtful)


def _host(url: str | None) -> str:
    """Return the lower-case host of a slot's URL, with or without a scheme; "" if there is none."""
    if not url:
        return ""
    try:
        return (urlsplit(url if "://" in url else f"//{url}").hostname or "").lower().rstrip(".")
    except ValueError:
        return ""


def _within(host: str, domain: str) -> bool:
    domain = domain.lower().strip(".")
    return host == domain or host.endswith(f".{domain}")
