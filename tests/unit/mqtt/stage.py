"""Sets an MQTT exporter up on a fleet of a test's own, with real time, a real ledger and whatever broker is given."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace

from prometheus_client import CollectorRegistry

from stratoscope.clock import SystemClock
from stratoscope.events import Event, Events
from stratoscope.exporter import AgentHealth, Context
from stratoscope.fleet import Fleet, RigSnapshot
from stratoscope.ledger import Outbox
from stratoscope.outside.broker import Account, Broker, Connection
from stratoscope_exporters.mqtt.counts import KINDS
from stratoscope_exporters.mqtt.publisher import Publisher
from stratoscope_exporters.mqtt.settings import Settings
from unit.mqtt.test_documents import rig


class Stage:
    """A publisher and what it reads from."""

    def __init__(
        self,
        connect: Account | Callable[[], Broker],
        *,
        outbox: Outbox | None = None,
        known=(),
        chance=0.02,
        **settings,
    ) -> None:
        self.fleet, self.events, self.health = Fleet(), Events(), AgentHealth(ready=True)
        self.outbox = outbox if outbox is not None else Outbox()
        self.registry, self.clock = CollectorRegistry(), SystemClock()
        context = Context(
            fleet=self.fleet,
            clock=self.clock,
            health=self.health,
            registry=self.registry,
            site="farm1",
            settings=None,
            events=self.events,
            outbox=self.outbox,
            known=lambda: known,
        )
        make = (lambda: Connection(connect)) if isinstance(connect, Account) else connect
        settings = {"site_interval": 1, "rate": 5000, **settings}
        self.publisher = Publisher(context, Settings(**settings), make, lambda: chance)
        self.counts = self.publisher.counts
        self.task: asyncio.Task[None] | None = None

    def poll(self, number: int = 0, **over) -> RigSnapshot:
        """Publish a new snapshot of a rig."""
        now = self.clock.time()
        over = {
            "rig": f"r{number}",
            "identity": f"mac:02:00:00:00:{number >> 8:02X}:{number & 255:02X}",
            "at": now,
            **over,
        }
        snapshot = rig(**over)
        self.fleet.publish(replace(snapshot, polling=replace(snapshot.polling, last_attempt=now)))
        return snapshot

    def happen(self, text: str, kind: str = "rig_down") -> str:
        """Let something happen and return its event id."""
        event = Event(kind=kind, at=self.clock.time(), text=text, rig="r0")
        self.events(event)
        return event.event_id

    async def start(self) -> "Stage":
        self.task = asyncio.create_task(self.publisher.run())
        await asyncio.sleep(0)  # it listens to events from its first step on
        return self

    async def until(self, condition, seconds: float = 20.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                assert self.task is None or not self.task.done(), self.task
                self.balanced()
                await asyncio.sleep(0.02)

    def balanced(self) -> None:
        """Check that no message is lost unseen."""
        assert {kind: self.counts.balance(kind) for kind in KINDS} == dict.fromkeys(KINDS, 0)

    @property
    def idle(self) -> bool:
        """Tell whether everything went out."""
        return self.counts.connected and not any(self.counts.waiting(kind) for kind in KINDS)

    async def stop(self) -> None:
        if self.task is not None:
            self.publisher._context.health.stopping = True  # as the agent does before it cancels
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.task
            self.balanced()
