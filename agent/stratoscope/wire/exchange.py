"""Runs one exchange with one rig: orders the commands, sends them one after the other, sorts the answers."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from stratoscope.drivers.driver import Command, Login, Via
from stratoscope.errors import AuthRefused, Garbled, PollError, TimedOut, Unreachable
from stratoscope.units import HOUR, MINUTE
from stratoscope.wire import asic_rs, cgminer, repair, whatsminer3
from stratoscope.wire.connect import Deadline, resolve
from stratoscope.wire.dns import DnsResolver
from stratoscope.wire.http import WebClient, WebEndpoint, WebResponse
from stratoscope.wire.login import WebLogin
from stratoscope.wire.refusals import cgminer_refusal, refusal_text, split_joined, whatsminer3_refusal
from stratoscope.wire.target import Answers, Limits, RigSession, Target

RETRY_REFUSED_S: Final = HOUR
"""When a refused command is sent again."""

RETRY_FAILED_S: Final = 5 * MINUTE
"""When an optional command without a connection or a valid answer is sent again: the rig may be booting."""

CGMINER, WHATSMINER3, HTTP = Via.CGMINER, Via.WHATSMINER3, Via.HTTP  # reading an enum's member costs a call each
REFUSAL_REASONS: Final = frozenset({"refused_command", "denied", "auth"})
PROTOCOL_ORDER: Final = {CGMINER: 0, WHATSMINER3: 1, HTTP: 2, Via.ASIC_RS: 3}

Step = tuple[Command, ...]


class Exchange:
    """One exchange with a rig. Never more than one connection at a time; required commands before optional ones."""

    def __init__(
        self,
        target: Target,
        session: RigSession,
        login: Login | None,
        limits: Limits,
        resolver: DnsResolver,
        web: WebClient,
        deadline: Deadline,
        now: float,
        *,
        keep_raw: bool,
    ) -> None:
        self.answers = Answers()
        self._target = target
        self._session = session
        self._limits = limits
        self._resolver = resolver
        self._deadline = deadline
        self._now = now
        self._keep_raw = keep_raw
        self._web = web
        self._web_login: WebLogin | None = None
        self._login = login
        self._unreachable_ports: dict[int, PollError] = {}  # default ports without a connection, and why
        self._failure: PollError | None = None  # the first failure of an optional command that is not a refusal
        self._steps: list[Step] = []

    async def run(self, commands: Sequence[Command]) -> None:
        """Send `commands`, except those the rig refused recently. Raises PollError if a required one fails."""
        refused = self._session.refused
        if refused:
            commands = [command for command in commands if refused.get(command.key, 0.0) <= self._now]
        self._steps = steps = _steps(commands, joins=self._session.joins)
        while steps:
            step = steps[0]
            try:
                await self._query(step)
            except PollError as failure:
                self._note_failure(step, failure)
            del steps[0]
        self._raise_if_nothing_answered()

    def handle_timeout(self) -> None:
        """Keep what was answered before the deadline; raises the timeout if a required answer is missing."""
        failure = self._deadline.failure()
        for at, step in enumerate(self._steps):
            missing = tuple(c for c in step if c.key not in self.answers.replies and c.key not in self.answers.refused)
            if any(command.required for command in missing):
                raise failure
            for command in missing:
                self._mark_refused(command, failure.reason, RETRY_FAILED_S if at == 0 else 0.0)
        self._failure = self._failure or failure
        self._raise_if_nothing_answered()

    def _note_failure(self, step: Step, failure: PollError) -> None:
        """Record the failure of optional commands; raises it if one without an answer is required."""
        answers = self.answers
        missing = [c for c in step if c.key not in answers.replies and c.key not in answers.refused]
        if any(command.required for command in missing):
            raise failure
        if isinstance(failure, Unreachable | TimedOut):
            self._unreachable_ports.setdefault(_default_port(step[0]), failure)
        if failure.reason not in REFUSAL_REASONS:
            self._failure = self._failure or failure
        for command in missing:
            self._mark_refused(
                command, failure.reason, RETRY_REFUSED_S if failure.reason in REFUSAL_REASONS else RETRY_FAILED_S
            )

    def _mark_refused(self, command: Command, reason: str, until: float) -> None:
        self.answers.refused[command.key] = reason
        if until:
            self._session.refused[command.key] = self._now + until

    def _raise_if_nothing_answered(self) -> None:
        """Raise the failure if nothing at all was answered, not even a refusal."""
        answers = self.answers
        if answers.replies or not answers.refused:
            return
        if set(answers.refused.values()) == {"denied"}:
            raise AuthRefused(
                "denied", "the rig denies access to every command: allow this machine in its api-allow list"
            )
        if self._failure is not None and not answers.errors:
            raise self._failure

    async def _query(self, step: Step) -> None:
        command = step[0]
        if self._unreachable_ports and _default_port(command) in self._unreachable_ports:
            raise self._unreachable_ports[_default_port(command)]
        if command.via is HTTP:
            await self._query_http(command)
        elif command.via is WHATSMINER3:
            await self._query_whatsminer3(step)
        elif command.via is Via.ASIC_RS:
            self._deadline.start_wait(self._target.host, 0)  # the library opens its own connections
            self.answers.replies.update((await asic_rs.fetch(self._target, self._limits)).replies)
        elif len(step) == 1:
            self._store_answer(command, cgminer.read(await self._fetch_cgminer(command.request, command.param, step)))
        else:
            await self._query_joined(step)

    # CGMiner

    async def _fetch_cgminer(self, verb: str, param: str | None, step: Step) -> cgminer.RawAnswer:
        port = self._target.port(_default_port(step[0]))
        raw = await cgminer.fetch(
            self._target.host, port, verb, param, self._limits.size, self._resolver, self._deadline
        )
        self._count_received(step, raw.body)
        return raw

    async def _query_joined(self, step: Step) -> None:
        """Send several commands as one; if the rig refuses that, send them singly and remember it."""
        verbs = [command.request for command in step]
        failure: PollError | None = None
        try:
            parts = split_joined(cgminer.read(await self._fetch_cgminer("+".join(verbs), None, step)), verbs)
        except (Garbled, Unreachable) as error:
            if self._session.joined or error.reason not in ("reset", "decode", "truncated", "not_json"):
                raise
            parts, failure = None, error
        if parts is None:
            await self._query_singly(step, failure)
            return
        self._session.joined = True
        for command in step:
            self._store_answer(command, parts[command.request])

    async def _query_singly(self, step: Step, failure: PollError | None) -> None:
        self._session.joins = False
        for command in sorted(step, key=_optional):
            try:
                await self._query((command,))
            except PollError as error:
                if not self.answers.replies:  # nothing else worked either, so joining was not the cause
                    self._session.joins = True
                self._note_failure((command,), failure if failure and not self.answers.replies else error)

    def _count_received(self, step: Step, raw: bytes) -> None:
        self.answers.received += len(raw)
        if self._keep_raw:
            for command in step:
                self.answers.raw[command.key] = raw

    def _store_answer(self, command: Command, answer: Any) -> None:
        """Store an answer or a refusal; raises AuthRefused or Garbled if a required command is refused."""
        reason = cgminer_refusal(answer) if command.via is not WHATSMINER3 else whatsminer3_refusal(answer)
        if reason is None:
            self.answers.replies[command.key] = answer
            return
        self.answers.errors[command.key] = answer
        if command.required:
            kind = AuthRefused if reason == "denied" else Garbled
            raise kind(reason, f"the rig refused {command.request}: {refusal_text(answer)}")
        self._mark_refused(command, reason, RETRY_REFUSED_S)

    # WhatsMiner v3

    async def _query_whatsminer3(self, step: Step) -> None:
        port = self._target.port(_default_port(step[0]))
        size = self._limits.size
        rig = whatsminer3.Whatsminer3Client(self._target.host, port, size, self._resolver, self._deadline)
        try:
            for command in step:
                try:
                    await self._query_frame(rig, command)
                except Garbled as failure:
                    self._note_failure((command,), failure)
                    await rig.close()  # after a broken frame the rest of this connection is unusable
        finally:
            await rig.close()

    async def _query_frame(self, rig: whatsminer3.Whatsminer3Client, command: Command) -> None:
        body = await rig.query(command.request, command.param)
        self._count_received((command,), body)
        self._store_answer(command, whatsminer3.read(body))

    # HTTP

    async def _query_http(self, command: Command) -> None:
        answer = await self._get_page(command)
        if answer.status >= 300:
            reason = "auth" if answer.status in (401, 403) else "refused_command"
            kind = AuthRefused if reason == "auth" else Garbled
            raise kind(
                reason, f"HTTP {answer.status} at {command.request.partition('?')[0]}{self._login_remedy(reason)}"
            )
        self._count_received((command,), answer.body)
        if command.text:
            self.answers.replies[command.key] = answer.body.decode("utf-8", "replace")
            return
        try:
            value = repair.parse(answer.body)
        except Garbled as failure:
            reason = failure.reason if failure.reason == "truncated" else "not_json"
            raise Garbled(reason, failure.detail) from failure
        self._store_answer(command, value)

    def _login_remedy(self, reason: str) -> str:
        if reason != "auth" or self._login is None:
            return ""
        verb = "set" if self._target.password is None else "check"
        return f": {verb} `user` and `password` of this rig"

    async def _get_page(self, command: Command) -> WebResponse:
        """Return the response to a GET; log in if the page requires it and credentials are configured."""
        target, limits, session = self._target, self._limits, self._session
        site = WebEndpoint(target.host, target.port(_default_port(command)), limits.connect, limits.size)
        await resolve(site.host, self._resolver, self._deadline)
        self._deadline.start_wait(site.host, site.port)
        if self._web_login is None:
            self._web_login = WebLogin(self._web, target, session, self._login, self._now)
        web_login = self._web_login
        answer = await self._web.get(site, command.request, session.headers, web_login.digest())
        if web_login.requires_login(answer):
            if await web_login.log_in(limits.size, limits.connect):
                answer = await self._web.get(site, command.request, session.headers)
            if answer.status in (401, 403):
                web_login.mark_refused()
        return answer


def _default_port(command: Command) -> int:
    if command.port is not None:
        return command.port
    return 4028 if command.via is CGMINER else command.via.value


def _steps(commands: Iterable[Command], *, joins: bool) -> list[Step]:
    """Return the commands in sending order: those of one connection together, required ones first."""
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
        steps.sort(key=lambda step: (all(not c.required for c in step), PROTOCOL_ORDER[step[0].via]))
    return steps


def _optional(command: Command) -> bool:
    return not command.required
