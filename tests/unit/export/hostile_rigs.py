"""A rig with a hostile text in every string."""

from stratoscope.fleet import Judged, PollStatus, RigSnapshot
from stratoscope.reading import Defect, Fault, PoolSlot, Reading
from stratoscope.units import TH

NOW = 1_760_000_000.0


def hostile(rig: str, text: str) -> RigSnapshot:
    """Return a rig whose every word is `text`."""
    reading = Reading(
        driver="cgminer",
        make=text,
        model=text,
        firmware=text,
        firmware_version=text,
        hostname=text,
        serial=text,
        hashrate={"avg": 9 * TH},
        pools=(PoolSlot(index=0, url=text, user=text, active=True),),
        faults=(Fault(code=text, component=text, message=text),),
        defects=(Defect(text, text, text),),
    )
    return RigSnapshot(
        rig=rig,
        state="hashing",
        at=NOW,
        reading=reading,
        judged=Judged(hashrate=9 * TH, reasons=(text,)),
        polling=PollStatus(
            address=text, interval=30.0, polls={"ok": 1}, last_success=NOW, last_reason="ok", last_error=text
        ),
        tags={"group": text},
    )
