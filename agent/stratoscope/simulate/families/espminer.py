"""Simulates ESP-Miner on a Bitaxe: one JSON page with all values.

Based on: AxeOS 2.9 (windows _1m, _10m, _1h; expectedHashrate). Hashrates in GH/s, voltages in mV, pool host and port
in separate keys.
"""

from urllib.parse import urlsplit

from stratoscope.simulate.families.envelope import Row
from stratoscope.simulate.families.family import NOT_FOUND, SimulatedFamily, SimulatedPage, SimulatedRequest
from stratoscope.simulate.rig import Rig
from stratoscope.units import GH, MEGA, MILLI

_CORES = {"BM1370": 2040, "BM1368": 1276, "BM1366": 894}
_BOARDS = {"BM1370": "601", "BM1368": "401", "BM1366": "204"}


def info(rig: Rig) -> Row:
    """Compose /api/system/info."""
    physics, spec = rig.physics, rig.spec
    board = physics.boards[0]
    used = physics.slots[physics.slot]
    main, spare = (urlsplit(rig.pools[at][0]) for at in (0, 1))
    nominal = spec.hashrate / GH
    return {
        "power": physics.power,
        "voltage": 5080.0,
        "current": physics.power / 5.08 / MILLI,
        "temp": board.chip,
        "temp2": -1,
        "vrTemp": round(board.chip + 4),
        "maxPower": 40,
        "nominalVoltage": 5,
        "hashRate": physics.windows["5s"] / GH,
        "hashRate_1m": physics.windows["1m"] / GH,
        "hashRate_10m": physics.windows["15m"] / GH,
        "hashRate_1h": physics.windows["1h"] / GH,
        "expectedHashrate": nominal,
        "errorPercentage": 0.3,
        "bestDiff": physics.difficulty * 7001,
        "bestSessionDiff": physics.difficulty * 301,
        "poolDifficulty": physics.difficulty,
        "isUsingFallbackStratum": physics.slot,
        "poolConnectionInfo": "IPv4",
        "isPSRAMAvailable": 1,
        "freeHeap": 8443612,
        "coreVoltage": round(spec.voltage / MILLI),
        "coreVoltageActual": round(spec.voltage / MILLI) - 4,
        "frequency": spec.frequency,
        "ssid": "",
        "macAddr": rig.mac.upper(),
        "hostname": rig.hostname,
        "ipv4": "",
        "wifiStatus": "Connected!",
        "wifiRSSI": -58,
        "apEnabled": 0,
        "sharesAccepted": used.accepted,
        "sharesRejected": used.rejected,
        "sharesRejectedReasons": [{"message": "Job not found", "count": used.rejected}] if used.rejected else [],
        "uptimeSeconds": int(physics.uptime),
        "smallCoreCount": _CORES[spec.code],
        "ASICModel": spec.code,
        "asicCount": board.chips,
        "stratumURL": main.hostname,
        "stratumPort": main.port,
        "stratumUser": rig.pools[0][1],
        "fallbackStratumURL": spare.hostname,
        "fallbackStratumPort": spare.port,
        "fallbackStratumUser": rig.pools[1][1],
        "responseTime": 21.4,
        "version": "v2.9.0",
        "axeOSVersion": "v2.9.0",
        "idfVersion": "v5.4.1",
        "boardVersion": _BOARDS[spec.code],
        "deviceModel": spec.model,
        "runningPartition": "ota_0",
        "overheat_mode": int(physics.stopped),
        "overclockEnabled": 0,
        "rotation": 0,
        "invertscreen": 0,
        "displayTimeout": -1,
        "autofanspeed": 1,
        "fanspeed": round(100 * physics.fan),
        "manualFanSpeed": 100,
        "minFanSpeed": 25,
        "temptarget": 60,
        "fanrpm": round(physics.fan * spec.rpm),
        "statsFrequency": 0,
        "totalHashes": physics.hashes / MEGA,
        "blockFound": 0,
    }


def asic(rig: Rig) -> Row:
    """Compose /api/system/asic."""
    spec = rig.spec
    return {
        "ASICModel": spec.code,
        "deviceModel": spec.model,
        "swarmColor": "purple",
        "asicCount": spec.chips,
        "defaultFrequency": spec.frequency,
        "frequencyOptions": [spec.frequency],
        "defaultVoltage": round(spec.voltage / MILLI),
        "voltageOptions": [round(spec.voltage / MILLI)],
    }


def serve(rig: Rig, request: SimulatedRequest) -> SimulatedPage:
    """Handle AxeOS API requests; every method except GET would change the rig."""
    if request.method != "GET":
        return SimulatedPage({"error": "forbidden"}, 403, privileged=True)
    if request.path == "/":
        return SimulatedPage("<html><head><title>AxeOS</title></head></html>")
    page = {"/api/system/info": info, "/api/system/asic": asic}.get(request.path)
    return SimulatedPage(page(rig)) if page else NOT_FOUND


FAMILY = SimulatedFamily(name="espminer", ports={80: "http"}, description="AxeOS", serve=serve)
