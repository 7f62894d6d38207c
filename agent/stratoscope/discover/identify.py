"""Chooses the driver for a rig from its answers to a few cheap requests, cheapest first.

Evidence is collected in stages, and the drivers' own `matches` judge each stage; the first stage in which a specific
driver matches ends the search. The generic driver reads a rig with a CGMiner API that no other driver matches.
Nothing is guessed from the address, and nothing that changes a rig is ever sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stratoscope.drivers import BY_NAME, DRIVERS, braiins_graphql, braiins_rest
from stratoscope.drivers.driver import Command, Driver, Fingerprint, Replies, Via, WebPage
from stratoscope.errors import PollError, TimedOut, Unreachable, UsageError
from stratoscope.wire.client import Wire
from stratoscope.wire.target import Limits, RigSession, Target

GENERIC: Final = "generic-cgminer"
PORTS: Final = (4028, 4433, 80, 8080)
FIRST_VERBS: Final = ("version", "stats")
SECOND_VERBS: Final = ("summary", "devdetails", "get_version")
V3: Final = Command("get.device.info", "get.device.info", Via.WHATSMINER3, required=False)
PAGES: Final = (
    "/",
    "/api/system/info",
    "/api/v1/info",
    "/api/v1/system",
    "/cgi-bin/get_system_info.cgi",
    "/cgi-bin/get_system_info.php",
    "/cgi-bin/summary.cgi",
)
"""Pages requested on port 80, in this order: landing page, ESP-Miner, VNish, Proto, Antminer-like CGI, SealMiner,
Elphapex."""

BRAIINS: Final = ("bosminer", "boser", "braiins")
BRAIINS_PAGES: Final = (*braiins_rest.PAGES, braiins_graphql.IDENTITY)
"""Braiins OS reports more over REST (from 23.01) or GraphQL (before) than on 4028, so these are tried first."""

IDENTIFY_LIMITS: Final = Limits(connect=3.0, exchange=5.0)


@dataclass(frozen=True, slots=True)
class Identification:
    """The driver that matches, and the evidence for it."""

    driver: Driver
    fingerprint: Fingerprint


def first_match(fingerprint: Fingerprint, *, generic: bool) -> Driver | None:
    """Return the first driver of DRIVERS that matches; the generic one only if `generic`."""
    for driver in DRIVERS:
        if (generic or driver.name != GENERIC) and driver.matches(fingerprint):
            return driver
    return None


class EvidenceCollector:
    """Collects evidence from one rig."""

    def __init__(self, wire: Wire, target: Target, limits: Limits) -> None:
        self.wire = wire
        self.target = target
        self.limits = limits
        self.replies = Replies()
        self.pages: dict[str, WebPage] = {}
        self.ports: frozenset[int] = frozenset()
        self.session = RigSession(joins=False)
        self.failures: list[PollError] = []

    def fingerprint(self) -> Fingerprint:
        """Return all evidence so far."""
        return Fingerprint(self.replies, dict(self.pages), self.ports, login=self.target.user is not None)

    async def query(self, *commands: Command) -> None:
        """Send each command separately; refusals are evidence too (their description often names the firmware)."""
        for command in commands:
            try:
                answers = await self.wire.query(self.target, (command,), self.session, limits=self.limits)
            except PollError as error:
                self.failures.append(error)
                if isinstance(error, TimedOut | Unreachable):
                    return
                continue
            self.replies.update(answers.replies)
            self.replies.update(answers.errors)

    async def query_verbs(self, verbs: Sequence[str]) -> None:
        """Send CGMiner verbs."""
        await self.query(*(Command(verb, verb, required=False, joins=False) for verb in verbs))

    async def fetch_page(self, path: str, port: int = 80) -> None:
        """Fetch one page."""
        try:
            self.pages[path] = await self.wire.page(self.target, path, port=port, limits=self.limits)
        except PollError as error:
            self.failures.append(error)


async def identify(
    wire: Wire, target: Target, *, only: str | None = None, limits: Limits = IDENTIFY_LIMITS, asic_rs: bool = False
) -> Identification:
    """Return the driver for the rig at `target`; `only` names one instead of searching.

    With `asic_rs` the optional library reads a rig that answers but that no driver matches. Raises PollError: the
    reason of the first failure if nothing answered, `unidentified` if something answered but no driver matches.
    """
    if only is not None:
        if only not in BY_NAME:
            raise UsageError(f"unknown driver {only!r}; the drivers are: {', '.join(sorted(BY_NAME))}")
        return Identification(BY_NAME[only], Fingerprint(Replies()))
    evidence = EvidenceCollector(wire, target, limits)
    evidence.ports = await wire.open_ports(target, PORTS)
    for stage in (_whatsminer3, _cgminer_first, _cgminer_second, _web, _web_on_4028):
        await stage(evidence)
        driver = first_match(evidence.fingerprint(), generic=False)
        if driver is not None:
            return Identification(driver, evidence.fingerprint())
    driver = first_match(evidence.fingerprint(), generic=True)
    if driver is not None:
        return Identification(driver, evidence.fingerprint())
    if asic_rs and evidence.ports:
        return Identification(BY_NAME["asic-rs"], evidence.fingerprint())
    raise _identify_error(evidence)


async def _whatsminer3(evidence: EvidenceCollector) -> None:
    if 4433 in evidence.ports:
        await evidence.query(V3)


async def _cgminer_first(evidence: EvidenceCollector) -> None:
    # Also sent without any open port, so that the failure has its true reason.
    if 4028 in evidence.ports or not evidence.ports:
        await evidence.query_verbs(FIRST_VERBS)
        await _braiins(evidence)


async def _cgminer_second(evidence: EvidenceCollector) -> None:
    if evidence.replies:
        await evidence.query_verbs(SECOND_VERBS)


async def _web(evidence: EvidenceCollector) -> None:
    if 80 not in evidence.ports:
        return
    for path in PAGES:
        await evidence.fetch_page(path)
        if path == "/":
            await _braiins(evidence)
        if first_match(evidence.fingerprint(), generic=False) is not None:
            return


async def _braiins(evidence: EvidenceCollector) -> None:
    if not evidence.fingerprint().contains(*BRAIINS):
        return
    if "version" in evidence.replies:
        await evidence.query_verbs(("summary",))
    if 80 not in evidence.ports:
        return
    for path in BRAIINS_PAGES:
        if path not in evidence.pages:
            await evidence.fetch_page(path)
            page = evidence.pages.get(path)
            if page is not None and page.status == 200 and page.json is not None:
                return


async def _web_on_4028(evidence: EvidenceCollector) -> None:
    # ePIC's firmware serves HTTP on 4028. HTTP is sent there only if the CGMiner protocol failed, because a real
    # CGMiner treats an HTTP request as garbage commands.
    if 4028 in evidence.ports and not evidence.replies:
        await evidence.fetch_page("/summary", port=4028)


def _identify_error(evidence: EvidenceCollector) -> PollError:
    if not evidence.ports and evidence.failures:
        return evidence.failures[0]
    if not evidence.replies and not evidence.pages and evidence.failures:
        return evidence.failures[0]
    ports = ", ".join(str(evidence.target.port(port)) for port in sorted(evidence.ports))
    return PollError("unidentified", f"the rig answers on port {ports}, but no driver matches: set its `driver`")
