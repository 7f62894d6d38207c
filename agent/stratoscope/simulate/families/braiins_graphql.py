"""Answers like Braiins OS of 2021 to 2023: GraphQL for everything, LuCI for the MAC.

Seen: BOS 22.08. Reading needs no login over GraphQL; /cgi-bin/luci pages want the session cookie. A query gets exactly
the fields it selects, `null` for one that does not exist; mutations are refused.
"""

import re
from typing import Any
from urllib.parse import parse_qs

import orjson

from stratoscope.simulate.families import antminer, braiins_cgminer
from stratoscope.simulate.families.envelope import Row
from stratoscope.simulate.families.family import NOT_FOUND, Family, Page, Request
from stratoscope.simulate.rig import Rig
from stratoscope.units import MH

_VERSION = "2022-09-13-0-11012d53-22.08-plus"
_TOKEN = re.compile(r'\.\.\.|[{}():]|"(?:\\.|[^"\\])*"|\w+')
_DEPTH = 32

Selection = list[tuple[str, str, "Selection | None"]]


def tree(rig: Rig) -> Row:
    """Return everything that a query can select from."""
    physics, spec = rig.physics, rig.spec
    fans = [
        {"name": str(index), "rpm": antminer.fan(rig, index + 1), "speed": round(100 * physics.fan)}
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


def select(query: str) -> Selection | None:
    """Read the selection sets of a query: aliases, arguments (skipped), inline fragments. None: not a query."""
    tokens = _TOKEN.findall(query)
    try:
        return _fields(tokens, tokens.index("{") + 1, 0)[0]
    except (ValueError, IndexError):
        return None


def _fields(tokens: list[str], at: int, depth: int) -> tuple[Selection, int]:
    if depth > _DEPTH:
        raise ValueError("too deep")
    fields: Selection = []
    while tokens[at] != "}":
        if tokens[at] == "...":
            at += 3 if tokens[at + 1] == "on" else 1
            if tokens[at] == "{":
                inner, at = _fields(tokens, at + 1, depth + 1)
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
            inner_fields, at = _fields(tokens, at + 1, depth + 1)
        fields.append((alias, name, inner_fields))
    return fields, at + 1


def project(value: Any, fields: Selection) -> Any:
    """Return only the selected fields of `value`; the same field selected twice is merged."""
    if isinstance(value, list):
        return [project(item, fields) for item in value]
    if not isinstance(value, dict):
        return value
    chosen: Row = {}
    for alias, name, inner in fields:
        part = value.get(name)
        if inner is not None and part is not None:
            part = project(part, inner)
        earlier = chosen.get(alias)
        chosen[alias] = {**earlier, **part} if isinstance(earlier, dict) and isinstance(part, dict) else part
    return chosen


def _graphql(rig: Rig, request: Request) -> Page:
    if request.method == "POST":
        try:
            given = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            given = {}
        query = str(given.get("query", "")) if isinstance(given, dict) else ""
    else:
        query = parse_qs(request.query).get("query", [""])[0]
    if "login" in query and "password" in query:
        done = {"auth": {"login": {"void": None, "__typename": "VoidResult"}}}
        return Page({"data": done}, headers={"Set-Cookie": f"session_id={rig.token}; Path=/"}, login=True)
    if query.lstrip().startswith("mutation"):
        return Page({"data": None, "errors": [{"message": "Unauthorized"}]}, privileged=True)
    fields = select(query)
    if fields is None:
        return Page({"data": None, "errors": [{"message": "Syntax error"}]}, 400)
    return Page({"data": project(tree(rig), fields)})


def _luci(rig: Rig, request: Request) -> Page:
    if request.method == "POST" and request.path == "/cgi-bin/luci":
        form = parse_qs(request.body.decode("latin-1"))
        if (form.get("luci_username"), form.get("luci_password")) == ([rig.user], [rig.password]):
            return Page(
                "", 302, {"Set-Cookie": f"sysauth={rig.token}; path=/cgi-bin/luci", "Location": "/"}, login=True
            )
        return Page("403 Forbidden", 403, login=True)
    if request.method != "GET":
        return Page("403 Forbidden", 403, privileged=True)
    if rig.token not in request.headers.get("cookie", ""):
        return Page("403 Forbidden", 403)
    if request.path in ("/cgi-bin/luci/admin/network/iface_status/lan", "/cgi-bin/luci/net_conf"):
        return Page([{"macaddr": rig.mac}])
    return NOT_FOUND


def serve(rig: Rig, request: Request) -> Page:
    """Answer GraphQL and LuCI."""
    if request.path == "/graphql":
        return _graphql(rig, request)
    if request.path.startswith("/cgi-bin/luci"):
        return _luci(rig, request)
    if request.method != "GET":
        return Page("403 Forbidden", 403, privileged=True)
    return Page("<html><title>Braiins OS</title></html>") if request.path == "/" else NOT_FOUND


FAMILY = Family(
    name="braiins-graphql",
    ports={80: "http", 4028: "cgminer"},
    description=braiins_cgminer.DESCRIPTION,
    verbs={"version": braiins_cgminer.version},
    serve=serve,
)
