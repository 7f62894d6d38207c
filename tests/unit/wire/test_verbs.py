"""Tests that only requests of the allow-list are ever sent to a rig (S01, S02)."""

import ast
import asyncio
import contextlib
import json
import pathlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stratoscope
from fakes.rig import FakeRig, FakeWeb, FakeWhatsminer3, cgminer_object
from stratoscope.clock import SystemClock
from stratoscope.drivers.driver import Command, Login, LoginScheme, Via
from stratoscope.errors import PollError
from stratoscope.wire import paths, verbs
from stratoscope.wire.client import Wire
from stratoscope.wire.target import RigSession
from stratoscope.wire.verbs import ForbiddenCommand

# Privileged in the command tables of cgminer 4.11 and bfgminer 5.5, LuxOS, BTMiner and Bitmain's own additions.
WRITES = str.split("""
addpool switchpool enablepool disablepool removepool poolpriority poolquota save quit privileged restart failover-only
debug setconfig pgaset pgaenable pgadisable pgaidentify ascset ascenable ascdisable ascidentify zero hotplug lockstats
gpurestart gpuintensity gpumem gpuengine gpufan gpuvddc gpuenable gpudisable devscan procset procenable procdisable
procidentify logon logoff kill curtail rebootdevice resetminer atmset fanset frequencyset voltageset profileset ledset
immersionswitch powertargetset tempctrlset netset autotunerset healthchipset set_led power_on power_off set_high_power
set_low_power reboot factory_reset update_pwd update_pools restart_btminer get_token set_target_freq
adjust_power_limit set.miner.pools set.system.reboot bitmain_set
""")
NUMBERS = re.compile(r"[0-9]{1,3}")


@pytest.mark.parametrize("verb", WRITES)
def test_s01_commands_that_change_a_rig_are_forbidden(verb):
    for ask in (verb, f"summary+{verb}", f"{verb}+summary", verb.upper(), f" {verb}", f"{verb}|0"):
        with pytest.raises(ForbiddenCommand):
            verbs.cgminer_request(ask)
        with pytest.raises(ForbiddenCommand):
            verbs.whatsminer3_request(ask)


VERB = st.sampled_from(sorted(verbs.CGMINER_VERBS)) | st.sampled_from(WRITES) | st.text(max_size=12)
ASK = st.lists(VERB, min_size=1, max_size=3).map("+".join) | st.text(max_size=30)
PARAM = st.none() | st.integers(-5, 2000).map(str) | st.sampled_from(["0,", "0|restart", "١", "summary"]) | st.text()


@given(ASK, PARAM)
@settings(max_examples=500, deadline=None)
def test_s01_no_other_string_becomes_a_cgminer_request(ask, param):
    try:
        sent = json.loads(verbs.cgminer_request(ask, param))
    except ForbiddenCommand:
        return
    assert set(sent["command"].split("+")) <= verbs.CGMINER_VERBS
    if "parameter" in sent:
        assert sent["command"] in verbs.NUMBERED_VERBS
        assert NUMBERS.fullmatch(sent["parameter"])
        assert sent["parameter"].isascii()
    assert set(sent) <= {"command", "parameter"}


@given(
    st.sampled_from(sorted(verbs.WHATSMINER3_COMMANDS)) | st.text(), st.none() | st.text() | st.just("summary+pools")
)
def test_s01_no_other_string_becomes_a_whatsminer_request(ask, param):
    try:
        sent = json.loads(verbs.whatsminer3_request(ask, param)[4:])
    except ForbiddenCommand:
        return
    assert sent["cmd"].startswith("get.")
    assert set(sent.get("param", "summary").split("+")) <= {
        "summary",
        "pools",
        "edevs",
        "network",
        "miner",
        "system",
        "error-code",
        "power",
    }


BAD_PATHS = str.split("""
/cgi-bin/reboot.cgi /cgi-bin/set_miner_conf.cgi /cgi-bin/get_miner_conf.cgi /cgi-bin/upgrade.cgi
/cgi-bin/reset_conf.cgi /cgi-bin/do_stop_miner.cgi /api/v1/system/reboot /api/v1/mining/stop /api/v1/settings
/api/v1/find-miner /api/v1/../settings /api/v1/info/../settings /api/system/restart /api/system/OTA
/api/v1/actions/reboot //evil/api/v1/info /\\evil @evil/summary summary http://evil/summary /summary#x /summary%00
/cgi-bin/luci/admin/system/reboot /graphql /graphql?query=mutation{bosminer{stop{__typename}}}
/graphql?query={a}mutation{b} /graphql?query=%6dutation{b} /graphql?query={a}&query=mutation{b}
/graphql?query=subscription{a} /mcb/cgminer?cgminercmd=restart /mcb/cgminer?cgminercmd=devs&cgminercmd=quit
/mcb/restart /mcb/cgminer /token /power_off
""")


@pytest.mark.parametrize("path", [*BAD_PATHS, "", "/summary ", "/summary\r\nX: y", "/summary\n"])
def test_s02_paths_outside_the_list_are_forbidden(path):
    with pytest.raises(ForbiddenCommand):
        paths.http_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/cgi-bin/stats.cgi",
        "/api/v1/info",
        "/api/v1/telemetry?level=miner,psu",
        "/graphql?query={bos{hostname}}",
        "/graphql?query=query%7Ba%7D",
        "/temps/chip",
        "/cgi-bin/get_system_info.php",
        "/mcb/cgminer?cgminercmd=devs",
        "/api/system/info",
    ],
)
def test_s02_paths_that_read_are_allowed(path):
    assert paths.http_path(path) == path


@given(st.text() | st.sampled_from(BAD_PATHS))
def test_s02_only_login_paths_accept_a_post(path):
    if path in paths.LOGIN_PATHS:
        return
    with pytest.raises(ForbiddenCommand):
        paths.login_path(path)


async def test_s01_forbidden_command_opens_no_connection(wire):
    session, login = RigSession(), Login(LoginScheme.BEARER, "/api/v1/system/reboot", {"p": "{password}"})
    async with FakeRig({}) as rig, FakeWhatsminer3({}) as framed, FakeWeb(lambda request: (401, {}, b"")) as web:
        for command in (
            Command("r", "restart"),
            Command("r", "restart", joins=False),
            Command("a", "ascset", param="0"),
        ):
            with pytest.raises(ForbiddenCommand):
                await wire.query(rig.target(), [command], session)
        with pytest.raises(ForbiddenCommand):
            await wire.query(rig.target(), [Command("s", "summary"), Command("r", "restart")], session)
        with pytest.raises(ForbiddenCommand):
            await wire.query(framed.target(4433), [Command("r", "set.system.reboot", Via.WHATSMINER3)], session)
        with pytest.raises(ForbiddenCommand):
            await wire.query(web.target(80), [Command("r", "/cgi-bin/reboot.cgi", Via.HTTP)], session)
        with pytest.raises(ForbiddenCommand):
            await wire.page(web.target(80), "/cgi-bin/reboot.cgi")
        assert (rig.connections, framed.connections, web.connections) == (0, 0, 0)
        target = web.target(80, user="u", password="p")
        with pytest.raises(ForbiddenCommand):
            await wire.query(target, [Command("i", "/api/v1/info", Via.HTTP)], session, login=login)
        assert web.posts == []


@given(ask=ASK, param=PARAM)
@settings(max_examples=150, deadline=None)
def test_s01_rig_receives_nothing_outside_the_list(ask, param):
    async def play():
        wire = Wire(clock=SystemClock())
        async with FakeRig({"summary": cgminer_object("summary", x=1)}) as rig:
            with contextlib.suppress(ForbiddenCommand, PollError):
                await wire.query(rig.target(), [Command("k", ask, param=param), Command("s", "summary")], RigSession())
            await wire.close()
            return rig.asked

    for command in asyncio.run(play()):
        assert set(command.split("+")) <= verbs.CGMINER_VERBS


OPENERS = {
    "create_connection",
    "open_connection",
    "create_datagram_endpoint",
    "ClientSession",
    "TCPConnector",
    "sock_connect",
    "socket",
    "create_unix_connection",
    "open_unix_connection",
    "start_tls",
    "HTTPConnection",
    "HTTPSConnection",
    "urlopen",
    "Telnet",
}
MAY_TALK = ("wire", "outside", "pools", "stratum", "simulate")


def opened_in(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in OPENERS:
                yield name


def test_s01_only_the_wire_opens_connections_to_rigs():
    root = pathlib.Path(stratoscope.__file__).parent
    talking = {}
    for file in sorted(root.rglob("*.py")):
        names = sorted(opened_in(ast.parse(file.read_text())))
        if names:
            talking[file.relative_to(root).as_posix()] = names
    outside = {file: names for file, names in talking.items() if not file.startswith(MAY_TALK)}
    assert outside == {}
    assert {file for file in talking if file.startswith("wire/")} == {"wire/connect.py", "wire/http.py"}


def test_s01_bytes_are_checked_in_the_line_that_writes_them():
    root = pathlib.Path(stratoscope.__file__).parent / "wire"
    writes = [
        (file.name, ast.unparse(node.args[0]).split("(")[0])
        for file in sorted(root.glob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("write", "writelines", "sendall", "send")
    ]
    assert writes == [("cgminer.py", "cgminer_request"), ("whatsminer3.py", "whatsminer3_request")]
