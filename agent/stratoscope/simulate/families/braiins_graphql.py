"""Simulates Braiins OS of 2021 to 2023: GraphQL for all data except the MAC, which LuCI reports.

Based on: BOS 22.08. GraphQL queries need no login; /cgi-bin/luci pages require the session cookie. A response has
exactly the selected fields, `null` for one that does not exist. Mutations are refused.
"""

import re
from typing import Any
from urllib.parse import parse_qs

import orjson

from stratoscope.simulate.families import antminer, braiins_cgminer
from stratoscope.simulate.families.envelope import Row
from stratoscope.simulate.families.family import NOT_FOUND, SimulatedFamily, SimulatedPage, SimulatedRequest
from stratoscope.simulate.rig import Rig
from stratoscope.units import MH

_VERSION = "2022-09-13-0-11012d53-22.08-plus"
_TOKEN = re.compile(r'\.\.\.|[{}():]|"(?:\\.|[^"\\])*"|\w+')
_MAX_DEPTH = 32

Selection = list[tuple[str, str, "Selection | None"]]


def query_tree(rig: Rig) -> Row:
    """Return all data that a query can select from."""
    physics, spec = rig.physics, rig.spec
    fans = [
        {"name": str(index), "rpm": antminer.fan_rpm(rig, index + 1), "speed": round(100 * physics.fan)}
        for index in range(spec.fans)
    ]
    solvers = [
        {
            "name": str(index + 1),
            "nominalMhs": board.full / MH,
            "realHashrate": {"mhs5S": board.hashrate / MH},
            "hwDetails": {"chips": board.chips, "frequencyMhz": spec.frequency, "voltageV": spec.voltage},
            "temperatures": [
                {"name": "Board", "degreesC": round(board.temperature, 3)},
                {"name": "Chip", "degreesC": round(board.chip, 3)},
            ],
        }
        for index, board in enumerate(physics.boards)
    ]
    pools = [
        {
            "url": url,
            "user": user,
            "active": active,
            "status": "ALIVE" if alive else "DEAD",
            "shares": {"acceptedSolutions": slot.accepted, "rejectedSolutions": slot.rejected},
        }
        for _, url, user, slot, alive, active in rig.slots
    ]
    power = {"approxConsumptionW": round(physics.power), "limitW": round(spec.watts)}
    nominal = sum(board.full for board in physics.boards) / MH
    real = {
        "mhs5S": physics.windows["5s"] / MH,
        "mhs1M": physics.windows["1m"] / MH,
        "mhs15M": physics.windows["15m"] / MH,
        "mhs24H": physics.windows["24h"] / MH,
        "mhsAv": physics.average / MH,
    }
    tuning = {"mode": "POWER_TARGET", "powerTarget": round(spec.watts), "hashrateTarget": None}
    return {
        "bos": {
            "hostname": rig.hostname,
            "faultLight": False,
            "uptime": {"durationS": int(physics.uptime)},
            "info": {"version": {"full": _VERSION}},
        },
        "bosminer": {
            "config": {"groups": [{"id": "0", "strategy": {"quota": 1}}], "autotuning": tuning},
            "info": {
                "modelName": f"Antminer {spec.model}",
                "fans": fans,
                "summary": {"power": power},
                "poolGroups": [{"name": "Default", "pools": pools}],
                "workSolver": {"nominalMhs": nominal, "realHashrate": real, "childSolvers": solvers},
            },
        },
    }


def parse_query(query: str) -> Selection | None:
    """Parse the selection sets of a query: aliases, arguments (ignored), inline fragments. None: not a valid query."""
    tokens = _TOKEN.findall(query)
    try:
        return _parse_fields(tokens, tokens.index("{") + 1, 0)[0]
    except (ValueError, IndexError):
        return None


def _parse_fields(tokens: list[str], at: int, depth: int) -> tuple[Selection, int]:
    if depth > _MAX_DEPTH:
        raise ValueError("too deep")
    fields: Selection = []
    while tokens[at] != "}":
        if tokens[at] == "...":
            at += 3 if tokens[at + 1] == "on" else 1
            if tokens[at] == "{":
                inner, at = _parse_fields(tokens, at + 1, depth + 1)
                fields += inner
            continue
        alias = name = tokens[at]
        at += 1
        if tokens[at] == ":":
            name, at = tokens[at + 1], at + 2
        if tokens[at] == "(":
            at = tokens.index(")", at) + 1
        inner_fields: Selection | None = None
        if tokens[at] == "{":
            inner_fields, at = _parse_fields(tokens, at + 1, depth + 1)
        fields.append((alias, name, inner_fields))
    return fields, at + 1


def select_fields(value: Any, fields: Selection) -> Any:
    """Return only the selected fields of `value`; merge a field that is selected twice."""
    if isinstance(value, list):
        return [select_fields(item, fields) for item in value]
    if not isinstance(value, dict):
        return value
    result: Row = {}
    for alias, name, inner in fields:
        selected = value.get(name)
        if inner is not None and selected is not None:
            selected = select_fields(selected, inner)
        earlier = result.get(alias)
        result[alias] = (
            {**earlier, **selected} if isinstance(earlier, dict) and isinstance(selected, dict) else selected
        )
    return result


def _graphql(rig: Rig, request: SimulatedRequest) -> SimulatedPage:
    if request.method == "POST":
        try:
            payload = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            payload = {}
        query = str(payload.get("query", "")) if isinstance(payload, dict) else ""
    else:
        query = parse_qs(request.query).get("query", [""])[0]
    if "login" in query and "password" in query:
        result = {"auth": {"login": {"void": None, "__typename": "VoidResult"}}}
        return SimulatedPage({"data": result}, headers={"Set-Cookie": f"session_id={rig.token}; Path=/"}, login=True)
    if query.lstrip().startswith("mutation"):
        return SimulatedPage({"data": None, "errors": [{"message": "Unauthorized"}]}, privileged=True)
    fields = parse_query(query)
    if fields is None:
        return SimulatedPage({"data": None, "errors": [{"message": "Syntax error"}]}, 400)
    return SimulatedPage({"data": select_fields(query_tree(rig), fields)})


def _luci(rig: Rig, request: SimulatedRequest) -> SimulatedPage:
    if request.method == "POST" and request.path == "/cgi-bin/luci":
        form = parse_qs(request.body.decode("latin-1"))
        if (form.get("luci_username"), form.get("luci_password")) == ([rig.user], [rig.password]):
            return SimulatedPage(
                "", 302, {"Set-Cookie": f"sysauth={rig.token}; path=/cgi-bin/luci", "Location": "/"}, login=True
            )
        return SimulatedPage("403 Forbidden", 403, login=True)
    if request.method != "GET":
        return SimulatedPage("403 Forbidden", 403, privileged=True)
    if rig.token not in request.headers.get("cookie", ""):
        return SimulatedPage("403 Forbidden", 403)
    if request.path in ("/cgi-bin/luci/admin/network/iface_status/lan", "/cgi-bin/luci/net_conf"):
        return SimulatedPage([{"macaddr": rig.mac}])
    return NOT_FOUND


def serve(rig: Rig, request: SimulatedRequest) -> SimulatedPage:
    """Handle GraphQL and LuCI requests."""
    if request.path == "/graphql":
        return _graphql(rig, request)
    if request.path.startswith("/cgi-bin/luci"):
        return _luci(rig, request)
    if request.method != "GET":
        return SimulatedPage("403 Forbidden", 403, privileged=True)
    return SimulatedPage("<html><title>Braiins OS</title></html>") if request.path == "/" else NOT_FOUND


FAMILY = SimulatedFamily(
    name="braiins-graphql",
    ports={80: "http", 4028: "cgminer"},
    description=braiins_cgminer.DESCRIPTION,
    verbs={"version": braiins_cgminer.version},
    serve=serve,
)
