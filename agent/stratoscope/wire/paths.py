"""Lists every HTTP path for a GET or a login, and refuses all others.

The lists contain pages that change nothing. Pages that show a configuration are excluded: they contain the pool
passwords.
"""

import re
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qs, unquote_plus

from stratoscope.wire.verbs import CGMINER_VERBS, ForbiddenCommand


def _under(prefix: str, names: str, suffix: str = "") -> frozenset[str]:
    return frozenset(f"{prefix}{name}{suffix}" for name in names.split())


CGI: Final = (
    "get_system_info get_network_info get_miner_status get_miner_type miner_type get_blink_status get_power "
    "get_psu_status get_psu_info get_fan_status get_chart get_home get_minerinfo minerinfo get_factory_info "
    "stats summary pools chart miner_psu_status miner-psu-status miner_status miner-status"
)
VNISH: Final = "info summary perf-summary status model chips chains factory-info layout metrics autotune/presets"
BRAIINS: Final = (
    "version version/ miner/details miner/stats miner/errors miner/hw/hashboards cooling/state pools pools/ network "
    "network/ performance/tuner-state performance/mode performance/target-profiles"
)
PROTO: Final = (
    "system system/status system/tag mining mining/status mining/target hardware hardware/psus hashboards cooling "
    "errors telemetry hashrate temperature power efficiency psu psus"
)
ESP_MINER: Final = "info asic statistics statistics/dashboard scoreboard"
EPIC: Final = "summary network capabilities hashrate clocks voltages temps temps/chip history"
FLUXOS: Final = (
    "version summary devs edevs devdetails pools stats estats psu fan temperature voltage frequency mode ipreport led "
    "asccount"
)

READ_PATHS: Final = frozenset[str]().union(
    {"/", "/index.html", "/api/info_v1", "/cgi-bin/luci/net_conf", "/cgi-bin/luci/admin/network/iface_status/lan"},
    _under("/cgi-bin/", CGI, ".cgi"),  # Antminer, Hammer, Elphapex, Avalon
    _under("/", CGI, ".cgi"),
    _under("/cgi-bin/", CGI, ".php"),  # SealMiner
    _under("/api/v1/", f"{VNISH} {BRAIINS} {PROTO}"),
    _under("/api/system/", ESP_MINER),
    _under("/", f"{EPIC} {FLUXOS}"),
    _under("/kaonsu/v1/", "brief overview details hashboards fans pools"),  # MARA
    _under("/mcb/", "status pools newstats version"),  # Goldshell
)
"""Paths allowed for a GET."""

LOGIN_PATHS: Final = frozenset(
    {
        "/api/v1/unlock",  # VNish
        "/api/v1/auth/login",  # Braiins OS REST, Proto
        "/token",  # FluxOS
        "/cgi-bin/luci",  # Braiins OS LuCI
        "/cgi-bin/login.php",  # SealMiner
        "/admin/login",  # MSK
    }
)
"""The only paths allowed for a POST."""

QUERY: Final = re.compile(r"[A-Za-z0-9_.,=&-]{0,200}")
GRAPHQL_QUERY: Final = re.compile(r"\s*(?:query\b[^{}]{0,80})?\{")
GRAPHQL_WRITES: Final = re.compile(r"\b(?:mutation|subscription)\b", re.IGNORECASE)


@lru_cache(maxsize=4096)
def http_path(path_and_query: str) -> str:
    """Return a path with its query if a GET may request it; raises ForbiddenCommand for any other."""
    path, _, query = path_and_query.partition("?")
    if path in READ_PATHS and QUERY.fullmatch(query):
        return path_and_query
    if (path == "/graphql" and _is_graphql_read(query)) or (path == "/mcb/cgminer" and _is_read_verb(query)):
        return path_and_query
    raise ForbiddenCommand(f"HTTP path {path_and_query[:200]!r}")


def login_path(path: str) -> str:
    """Return `path` if a login may POST to it; raises ForbiddenCommand for any other."""
    if path not in LOGIN_PATHS:
        raise ForbiddenCommand(f"POST to {path[:200]!r}")
    return path


def _is_graphql_read(query: str) -> bool:
    """Return whether a GraphQL request is exactly one query."""
    if not query.startswith("query=") or not query.isascii() or "&" in query or "#" in query or ";" in query:
        return False
    text = unquote_plus(query[6:])
    return bool(GRAPHQL_QUERY.match(text)) and not GRAPHQL_WRITES.search(text)


def _is_read_verb(query: str) -> bool:
    """Return whether a request to Goldshell's web bridge has exactly one CGMiner verb that only reads."""
    fields = parse_qs(query, keep_blank_values=True)
    return (
        bool(QUERY.fullmatch(query))
        and list(fields) == ["cgminercmd"]
        and CGMINER_VERBS.issuperset(fields["cgminercmd"])
    )
