"""Simulates ePIC's PowerPlay: an HTTP API on CGMiner's port 4028, a landing page on port 80.

Based on: PowerPlay-BMS 1.5.13 on an S19 XP. Hashrates in MH/s, keys in plain words. HBs omits boards that are off.
"""

from urllib.parse import urlsplit

from stratoscope.simulate.families import antminer
from stratoscope.simulate.families.envelope import Row
from stratoscope.simulate.families.family import NOT_FOUND, SimulatedFamily, SimulatedPage, SimulatedRequest
from stratoscope.simulate.rig import Rig
from stratoscope.units import MH, MILLI, TH


def summary(rig: Rig) -> Row:
    """Compose /summary."""
    physics, spec = rig.physics, rig.spec
    state = "Idling" if physics.stopped else "Mining" if physics.hashrate else "Initializing"
    rpms: Row = {f"Fans Speed {number}": None for number in range(1, 13)}
    rpms.update({f"Fans Speed {number}": antminer.fan_rpm(rig, number) for number in range(1, spec.fans + 1)})
    return {
        "Status": {"Operating State": state, "Last Command": None, "Last Command Result": None, "Last Error": None},
        "Hostname": rig.hostname,
        "OS Type": "umcOS",
        "Software": "PowerPlay-BMS v1.5.13",
        "Overdrive": False,
        "PresetInfo": {"Target Power": round(spec.watts)},
        "Mining": {"Coin": "BTC", "Algorithm": "SHA-256"},
        "Stratum": _stratum(rig),
        "StratumConfigs": _configs(rig),
        "Session": _session(rig),
        "PerpetualTune": {
            "Running": True,
            "Algorithm": {"VoltageOptimizer": {"Target": round(spec.hashrate / TH), "Unit": "TH/s", "Optimized": True}},
        },
        "HBs": [_board(rig, index) for index, board in enumerate(physics.boards) if board.chips],
        "HBStatus": [
            {"Index": index, "Detected": board.chips > 0, "Enabled": board.chips > 0}
            for index, board in enumerate(physics.boards)
        ],
        "Fans": {
            "Fans Speed": round(100 * physics.fan),
            "Fan Mode": {"Auto": {"Idle Speed": 20, "Target Temperature": 60}},
        },
        "Fans Rpm": rpms,
        "Misc": {"Shutdown Temp": 85.0, "Critical Temp": 100.0, "Locate Miner State": False},
        "Power Supply Stats": {
            "Input Power": round(physics.power, 4),
            "Input Voltage": 230.0,
            "Input Current": round(physics.power / 230, 3),
            "Output Power": 0.0,
            "Output Voltage": spec.voltage,
            "Output Current": 0.0,
            "Target Voltage": round(spec.voltage / MILLI),
        },
        "HwConfig": {"Boards Target Clock": [{"Index": at, "Data": spec.frequency} for at in range(spec.boards)]},
    }


def _stratum(rig: Rig) -> Row:
    url, user = rig.pools[rig.physics.slot]
    return {
        "Current Pool": urlsplit(url).netloc,
        "Current User": user,
        "IsPoolConnected": True,
        "Average Latency": 0.038288616,
        "Config Id": rig.physics.slot,
        "Worker Unique Id": False,
        "Worker Unique Id Variant": "IpAddress",
    }


def _configs(rig: Rig) -> list[Row]:
    return [{"pool": url, "login": user, "password": "x"} for url, user in rig.pools]


def _session(rig: Rig) -> Row:
    physics = rig.physics
    accepted, rejected = physics.total("accepted"), physics.total("rejected")
    last = max((rig.last_share(slot) for slot in physics.slots), default=0)
    return {
        "Startup Timestamp": int(rig.when - physics.uptime),
        "Uptime": int(physics.uptime),
        "Accepted": accepted,
        "Rejected": rejected,
        "Submitted": accepted + rejected,
        "Difficulty": physics.difficulty,
        "Average MHs": round(physics.average / MH, 1),
        "Active HBs": sum(1 for b in physics.boards if b.chips),
        "LastAverageMHs": {"Hashrate": round(physics.windows["1h"] / MH, 1), "Timestamp": rig.when // 3600 * 3600},
        "Last Accepted Share Timer": rig.when - last if last else 0,
        "Last Accepted Share Timestamp": last,
        "Last Work Timestamp": rig.when,
        "Last Work Timer": 0,
        "WorkReceived": int(physics.uptime / 36),
    }


def _board(rig: Rig, index: int) -> Row:
    board, spec = rig.physics.boards[index], rig.spec
    rate, percent = round(board.hashrate / MH, 1), round(100 * board.hashrate / board.full, 2)
    return {
        "Index": index,
        "Hashrate": [rate, percent, 0.0],
        "Core Clock": [],
        "Core Clock Avg": spec.frequency,
        "Temperature": round(board.temperature, 1),
        "Input Voltage": spec.voltage,
        "Input Power": 0.0,
        "Input Current": 0.0,
        "Output Voltage": 0.0,
        "Output Power": 0.0,
        "Output Current": 0.0,
    }


def capabilities(rig: Rig) -> Row:
    """Compose /capabilities."""
    spec = rig.spec
    return {
        "Model": f"AntMiner {spec.model}",
        "Model Subtype": "BHB56801",
        "Coins": ["BTC"],
        "Max HBs": spec.boards,
        "Default Clock": spec.frequency,
        "Default Hashrate": round(spec.hashrate / TH),
        "Default Voltage": round(spec.voltage / MILLI),
        "Temp Sensor Info": {"Type": "Board", "Count": 2},
        "Performance Estimator": {"Chip Count": spec.chips, "Hashes Per Second Per Chip": 894.0},
        "Board Serial Numbers": [f"{rig.serial}B{at}" for at in range(spec.boards)],
        "Control Board Version": {"cpuHardware": "STM32 (Device Tree Support)", "cpuSerial": rig.serial},
    }


def network(rig: Rig) -> Row:
    """Compose /network."""
    return {
        "dhcp": {"address": "", "netmask": "255.255.255.0", "gateway": "", "dns": "", "mac_address": rig.mac.upper()}
    }


def _table(rig: Rig, cells: dict[int, list[float]]) -> list[Row]:
    return [
        {"Index": index, "Data": data, "Total": 0.0} for index, data in cells.items() if rig.physics.boards[index].chips
    ]


def temps(rig: Rig) -> list[Row]:
    """Compose /temps: inlet and outlet temperature of each board."""
    boards = rig.physics.boards
    return _table(rig, {at: [round(b.temperature - 14, 3), round(b.temperature, 3)] for at, b in enumerate(boards)})


def clocks(rig: Rig) -> list[Row]:
    """Compose /clocks: the frequency of each chip in MHz."""
    spec = rig.spec
    return _table(rig, {at: [spec.frequency] * spec.chips for at in range(spec.boards)})


def chip_temps(rig: Rig) -> list[Row]:
    """Compose /temps/chip: all zeros, because this board has no chip sensors."""
    return _table(rig, {at: [0.0] * rig.spec.chips for at in range(rig.spec.boards)})


def hashrate(rig: Rig) -> list[Row]:
    """Compose /hashrate: the hashrate of each chip in MH/s."""
    rows: list[Row] = []
    for index, board in enumerate(rig.physics.boards):
        if board.chips:
            total = board.hashrate / MH
            rows.append(
                {
                    "Index": index,
                    "Data": [[round(total / board.chips, 2), 100.0, 0.0]] * board.chips,
                    "Total": [round(total, 1), 100.0, 0.0],
                }
            )
    return rows


_PAGES = {
    "/summary": summary,
    "/capabilities": capabilities,
    "/network": network,
    "/temps": temps,
    "/clocks": clocks,
    "/hashrate": hashrate,
    "/temps/chip": chip_temps,
    "/voltages": chip_temps,
}


def serve(rig: Rig, request: SimulatedRequest) -> SimulatedPage:
    """Handle requests on both ports; every method except GET would change the rig."""
    if request.method != "GET":
        return SimulatedPage({"result": False, "error": "Incorrect password"}, 403, privileged=True)
    if request.path == "/":
        return SimulatedPage("<html><title>Miner Web Dashboard</title></html>")
    page = _PAGES.get(request.path)
    return SimulatedPage(page(rig)) if page else NOT_FOUND


FAMILY = SimulatedFamily(name="epic", ports={4028: "http", 80: "http"}, description="PowerPlay", serve=serve)
