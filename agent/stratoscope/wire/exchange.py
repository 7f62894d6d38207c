"""Carries one exchange with one rig: orders the questions, asks them one after the other, sorts the answers."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from stratoscope.drivers.driver import Command, Login, Via
from stratoscope.errors import AuthRefused, Garbled, PollError, TimedOut, Unreachable
from stratoscope.units import HOUR, MINUTE
from stratoscope.wire import asic_rs, cgminer, repair, whatsminer3
from stratoscope.wire.connect import Deadline, resolved
from stratoscope.wire.dns import Names
from stratoscope.wire.http import Site, Web, WebAnswer
from stratoscope.wire.login import Door
from stratoscope.wire.target import Answers, Limits, Session, Target
from stratoscope.wire.verdict import explain, parted, refusal, whatsminer3_refusal

ASKED_AGAIN: Final = HOUR  # after a refusal
TRIED_AGAIN: Final = 5 * MINUTE  # after an optional question brought no connection or no sense: it may be booting
CGMINER, WHATSMINER3, HTTP = Via.CGMINER, Via.WHATSMINER3, Via.HTTP  # an enum's member and value cost a call each
REFUSALS: Final = frozenset({"refused_command", "denied", "auth"})
ORDER: Final = {CGMINER: 0, WHATSMINER3: 1, HTTP: 2, Via.ASIC_RS: 3}

Step = tuple[Command, ...]


class Exchange:
    """One visit to a rig. Never more than one connection at a time; needed questions before optional ones."""

    def __init__(
        self,
        target: Target,
        session: Session,
        login: Login | None,
        limits: Limits,
        names: Names,
        web: Web,
        deadline: Deadline,
        now: float,
        *,
        keep_raw: bool,
    ) -> None:
        self.answers = Answers()
        self._target = target
        self._session = session
        self._limits = limits
        self._names = names
        self._deadline = deadline
        self._now = now
        self._keep_raw = keep_raw
        self._web = web
        self._door: Door | None = None
        self._login = login
        self._dead: dict[int, PollError] = {}  # default ports that no connection can be had to, and why
        self._failure: PollError | None = None  # the first of an optional question that is no refusal
        self._steps: list[Step] = []

    async def run(self, commands: Sequence[Command]) -> None:
        """Ask `commands`, except those the rig refused lately. Raises PollError when a needed one fails."""
        refused = self._session.refused
        if refused:
            commands = [command for command in commands if refused.get(command.key, 0.0) <= self._now]
        self._steps = steps = _steps(commands, joins=self._session.joins)
        while steps:
            step = steps[0]
            try:
                await self._ask(step)
            except PollError as failure:
                self._forgive(step, failure)
            del steps[0]
        self._conclude()

    def run_out(self) -> None:
        """Take what came before the deadline passed; raises what that is when a needed answer is missing."""
        failure = self._deadline.failure()
        for at, step in enumerate(self._steps):
            missing = tuple(c for c in step if c.key not in self.answers.replies and c.key not in self.answers.refused)
            if any(command.needed for command in missing):
                raise failure
            for command in missing:
                self._refuse(command, failure.reason, TRIED_AGAIN if at == 0 else 0.0)
        self._failure = self._failure or failure
        self._conclude()

    def _forgive(self, step: Step, failure: PollError) -> None:
        """Note the failure of optional questions; raises it when one that is still unanswered was needed."""
        answers = self.answers
        missing = [c for c in step if c.key not in answers.replies and c.key not in answers.refused]
        if any(command.needed for command in missing):
            raise failure
        if isinstance(failure, Unreachable | TimedOut):
            self._dead.setdefault(_default_port(step[0]), failure)
        if failure.reason not in REFUSALS:
            self._failure = self._failure or failure
        for command in missing:
            self._refuse(command, failure.reason, ASKED_AGAIN if failure.reason in REFUSALS else TRIED_AGAIN)

    def _refuse(self, command: Command, reason: str, until: float) -> None:
        self.answers.refused[command.key] = reason
        if until:
            self._session.refused[command.key] = self._now + until

    def _conclude(self) -> None:
        """Raise what went wrong when nothing at all was answered, not even a refusal."""
        answers = self.answers
        if answers.replies or not answers.refused:
            return
        if set(answers.refused.values()) == {"denied"}:
            raise AuthRefused("denied", "every question was answered with Access denied")
        if self._failure is not None and not answers.errors:
            raise self._failure

    async def _ask(self, step: Step) -> None:
        command = step[0]
        if self._dead and _default_port(command) in self._dead:
            raise self._dead[_default_port(command)]
        if command.via is HTTP:
            await self._http(command)
        elif command.via is WHATSMINER3:
            await self._whatsminer3(step)
        elif command.via is Via.ASIC_RS:
            self._deadline.waiting(self._target.host, 0)  # the library connects by itself
            self.answers.replies.update((await asic_rs.fetch(self._target, self._limits)).replies)
        elif len(step) == 1:
            self._settle(command, cgminer.read(await self._cgminer(command.ask, command.param, step)))
        else:
            await self._joined(step)

    # CGMiner

    async def _cgminer(self, ask: str, param: str | None, step: Step) -> cgminer.Raw:
        port = self._target.port(_default_port(step[0]))
        raw = await cgminer.fetch(self._target.host, port, ask, param, self._limits.size, self._names, self._deadline)
        self._received(step, raw.body)
        return raw

    async def _joined(self, step: Step) -> None:
        """Ask several commands as one; where the rig refuses that, ask them singly and remember it."""
        verbs = [command.ask for command in step]
        failure: PollError | None = None
        try:
            parts = parted(cgminer.read(await self._cgminer("+".join(verbs), None, step)), verbs)
        except (Garbled, Unreachable) as error:
            if self._session.joined or error.reason not in ("reset", "decode", "truncated", "not_json"):
                raise
            parts, failure = None, error
        if parts is None:
            await self._singly(step, failure)
            return
        self._session.joined = True
        for command in step:
            self._settle(command, parts[command.ask])

    async def _singly(self, step: Step, failure: PollError | None) -> None:
        self._session.joins = False
        for command in sorted(step, key=_optional):
            try:
                await self._ask((command,))
            except PollError as error:
                if not self.answers.replies:  # nothing else worked either: joining was not the trouble
                    self._session.joins = True
                self._forgive((command,), failure if failure and not self.answers.replies else error)

    def _received(self, step: Step, raw: bytes) -> None:
        self.answers.received += len(raw)
        if self._keep_raw:
            for command in step:
                self.answers.raw[command.key] = raw

    def _settle(self, command: Command, answer: Any) -> None:
        """Put an answer where it belongs; raises AuthRefused or Garbled for a refused, needed command."""
        reason = refusal(answer) if command.via is not WHATSMINER3 else whatsminer3_refusal(answer)
        if reason is None:
            self.answers.replies[command.key] = answer
            return
        self.answers.errors[command.key] = answer
        if command.needed:
            kind = AuthRefused if reason == "denied" else Garbled
            raise kind(reason, f"{command.ask}: {explain(answer)}")
        self._refuse(command, reason, ASKED_AGAIN)

    # WhatsMiner v3

    async def _whatsminer3(self, step: Step) -> None:
        port = self._target.port(_default_port(step[0]))
        size = self._limits.size
        rig = whatsminer3.Whatsminer3(self._target.host, port, size, self._names, self._deadline)
        try:
            for command in step:
                try:
                    await self._framed(rig, command)
                except Garbled as failure:
                    self._forgive((command,), failure)
                    await rig.close()  # what follows a broken frame on this connection means nothing
        finally:
            await rig.close()

    async def _framed(self, rig: whatsminer3.Whatsminer3, command: Command) -> None:
        body = await rig.ask(command.ask, command.param)
        self._received((command,), body)
        self._settle(command, whatsminer3.read(body))

    # HTTP

    async def _http(self, command: Command) -> None:
        answer = await self._page(command)
        if answer.status >= 300:
            reason = "auth" if answer.status in (401, 403) else "refused_command"
            kind = AuthRefused if reason == "auth" else Garbled
            raise kind(reason, f"HTTP {answer.status} at {command.ask.partition('?')[0]}")
        self._received((command,), answer.body)
        if command.text:
            self.answers.replies[command.key] = answer.body.decode("utf-8", "replace")
            return
        try:
            value = repair.parse(answer.body)
        except Garbled as failure:
            reason = failure.reason if failure.reason == "truncated" else "not_json"
            raise Garbled(reason, failure.detail) from failure
        self._settle(command, value)

    async def _page(self, command: Command) -> WebAnswer:
        """Return the answer to a GET, logging in where the page is shut and there is a login to try."""
        target, limits, session = self._target, self._limits, self._session
        site = Site(target.host, target.port(_default_port(command)), limits.connect, limits.size)
        await resolved(site.host, self._names, self._deadline)
        self._deadline.waiting(site.host, site.port)
        if self._door is None:
            self._door = Door(self._web, target, session, self._login, self._now)
        door = self._door
        answer = await self._web.get(site, command.ask, session.headers, door.digest())
        if door.shut(answer):
            if await door.open(limits.size, limits.connect):
                answer = await self._web.get(site, command.ask, session.headers)
            if answer.status in (401, 403):
                door.refuse()
        return answer


def _default_port(command: Command) -> int:
    if command.port is not None:
        return command.port
    return 4028 if command.via is CGMINER else command.via.value


def _steps(commands: Iterable[Command], *, joins: bool) -> list[Step]:
    """Return the questions in the order of asking, those of one connection together, the needed ones first."""
    joined: dict[int, list[Command]] = {}
    framed: dict[int, list[Command]] = {}
    single: list[Step] = []
    for command in commands:
        if command.via is CGMINER and joins and command.joins and command.param is None:
            joined.setdefault(_default_port(command), []).append(command)
        elif command.via is WHATSMINER3:
            framed.setdefault(_default_port(command), []).append(command)
        else:
            single.append((command,))
    steps: list[Step] = [tuple(group) for group in joined.values()]
    steps += [tuple(sorted(group, key=_optional)) for group in framed.values()]
    steps += single
    if len(steps) > 1:
        steps.sort(key=lambda step: (all(not c.needed for c in step), ORDER[step[0].via]))
    return steps


def _optional(command: Command) -> bool:
    return not command.needed
