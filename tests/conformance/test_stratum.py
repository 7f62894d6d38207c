"""Decodes every job and verifies every accepted share of the recorded sessions."""

import json
from pathlib import Path

import pytest

from fakes.stratum_recording import iter_recording
from stratoscope.stratum.jobs.header import (
    block_header,
    display_hash,
    merkle_root,
    roll_version,
    sha256d,
    share_difficulty,
)
from stratoscope.stratum.jobs.template import decode_job, share_coinbase, share_merkle_root
from stratoscope.stratum.protocol.messages import (
    InvalidMessage,
    Notify,
    SetDifficulty,
    StratumReply,
    StratumRequest,
    parse_line,
    parse_notify,
    parse_rolling_mask,
    parse_subscription,
)
from stratoscope.stratum.protocol.values import parse_hex, parse_hex_word

pytestmark = pytest.mark.shelf
SESSIONS = ("stratum_ckpool-lhr_core.jsonl", "errprobe_ckpool-lhr.jsonl", "errprobe_public-pool.jsonl")
HASHPRICE = {"J1": 286409.3, "J2": 306779.3, "J3": 1220913080.3, "J5": 47138.6, "J7": 8871268.2}
TAG = {
    "J1": "/slush/",
    "J2": "/slush/",
    "J3": "/Tangpool/panzhibiao/aksk/",
    "J5": "/poolin.com/fp/966",
    "J7": "bitnode.cc // Mine BCH, Buy BTC",
}


@pytest.fixture(scope="module")
def sessions(shelf: Path) -> Path:
    return shelf / "captures-stratum"


@pytest.mark.parametrize("name", sorted(TAG))
def test_real_job_decodes_to_its_known_values(sessions, name):
    known = json.loads((sessions / "real_notify_jobs.json").read_text())
    case = next(value for key, value in known.items() if key.startswith(name))
    truth, job = case["decoded"], parse_notify(case["params"])
    seen = decode_job(job)
    assert (seen.height, seen.prev_hash, f"{seen.nbits:08x}") == (truth["height"], truth["prev"], truth["nbits"])
    assert seen.network_difficulty == pytest.approx(truth["diff"], rel=1e-15)
    assert (seen.ntime, f"{seen.version:08x}", seen.clean) == (truth["ntime"], truth["version"], truth["clean"])
    assert (seen.coinbase_value_sat, seen.subsidy_sat) == (truth["total"], truth["subsidy"])
    assert (seen.fees_sat, seen.under_claimed_sat) == (truth["fees"], 0)
    assert seen.transactions == tuple(truth["max_txs"])
    assert seen.extranonce_size == case["en2_size"] + len(case["en1"]) // 2
    for output, (sat, address) in zip(seen.outputs, truth["outs"], strict=True):
        assert output.sat == sat
        assert output.address == (address if sat else None)
    assert (seen.tag, seen.empty, seen.defects) == (TAG[name], False, ())
    assert seen.chain == ("BCH" if name == "J7" else "BTC")
    assert seen.hashprice_sats_per_ph_day == pytest.approx(HASHPRICE[name], abs=0.05)


@pytest.mark.parametrize("name", sorted(TAG))
def test_real_job_has_its_known_merkle_root_and_transaction_id(sessions, name):
    known = json.loads((sessions / "real_notify_jobs.json").read_text())
    case = next(value for key, value in known.items() if key.startswith(name))
    job = parse_notify(case["params"])
    extranonce = bytes.fromhex(case["en1"]) + bytes(case["en2_size"])
    assert share_merkle_root(job, extranonce).hex() == case["decoded"]["merkle0"]
    assert display_hash(sha256d(share_coinbase(job, extranonce))) == case["decoded"]["cbtxid"]


def test_share_of_a_real_job_has_its_published_difficulty(sessions):
    known = json.loads((sessions / "real_notify_jobs.json").read_text())
    params = next(value for key, value in known.items() if key.startswith("J1"))["params"]
    job = parse_notify([*params[:2], params[2] + "12905085617eff8e", *params[3:]])
    extranonce = bytes.fromhex("01000000" + "00000000")
    root = merkle_root(job.coinbase1 + extranonce + job.coinbase2, job.branches)
    assert root.hex() == "5bdc1968499c3393873edf8e07a1c3a50a97fc3a9d1a376bbf77087dd63778eb"
    whole = block_header(job.version, job.prev_hash, root, job.ntime, job.nbits, 0x0A029ED1)
    assert share_difficulty(whole) == pytest.approx(683.5109, abs=5e-5)


@pytest.mark.parametrize("session", SESSIONS)
def test_every_pool_line_is_valid_and_every_job_decodes(sessions, session):
    jobs = 0
    for line in iter_recording(sessions / session):
        message = parse_line(line.raw)
        if line.from_pool:
            assert not isinstance(message, InvalidMessage), line
        if isinstance(message, Notify):
            jobs += 1
            seen = decode_job(message)
            assert seen.chain == "regtest"
            assert seen.defects == ()
            assert seen.payout[0].address == "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
            assert seen.fees_sat is not None
            assert seen.tag in ("/mined by test-ckpool/", "Public-Pool")
    assert jobs >= 3


def test_first_block_of_the_recording_has_the_fees_of_its_mempool(sessions):
    seen = next(
        decode_job(message)
        for line in iter_recording(sessions / SESSIONS[0])
        if isinstance(message := parse_line(line.raw), Notify)
    )
    assert (seen.height, seen.coinbase_value_sat, seen.fees_sat, seen.transactions) == (121, 5000033439, 33439, (5, 8))


class Connection:
    """What one connection agreed on so far."""

    def __init__(self) -> None:
        self.jobs: dict[str, tuple[Notify, float]] = {}
        self.extranonce1, self.difficulty, self.mask = b"", 0.0, 0
        self.asked: dict[object, StratumRequest] = {}

    def verify(self, request: StratumRequest) -> float:
        """Return how many times the share reaches its job's difficulty."""
        _, job_id, extranonce2, ntime, nonce, *bits = request.params
        job, wanted = self.jobs[job_id]
        root = share_merkle_root(job, self.extranonce1 + parse_hex(extranonce2))
        version = roll_version(job.version, parse_hex_word(bits[0]), self.mask) if bits else job.version
        return (
            share_difficulty(
                block_header(version, job.prev_hash, root, parse_hex_word(ntime), job.nbits, parse_hex_word(nonce))
            )
            / wanted
        )

    def take(self, from_pool: bool, message) -> float | None:
        """Follow one message; return the verdict on a share that was accepted."""
        if isinstance(message, StratumRequest) and not from_pool:
            self.asked[message.id] = message
        elif isinstance(message, SetDifficulty):
            self.difficulty = message.difficulty
        elif isinstance(message, Notify):
            self.jobs[message.job_id] = message, self.difficulty
        elif isinstance(message, StratumReply) and from_pool and message.id in self.asked:
            request = self.asked.pop(message.id)
            self.mask = parse_rolling_mask(message.result) or self.mask
            granted = parse_subscription(message.result) if request.method == "mining.subscribe" else None
            self.extranonce1 = granted.extranonce1 if granted is not None else self.extranonce1
            if request.method == "mining.submit" and message.ok:
                return self.verify(request)
        return None


def test_every_accepted_share_reaches_the_difficulty_of_its_job(sessions):
    connections: dict[str, Connection] = {}
    reached = []
    for line in iter_recording(sessions / SESSIONS[0]):
        at = connections.setdefault(line.connection, Connection())
        verdict = at.take(line.from_pool, parse_line(line.raw))
        if verdict is not None:
            reached.append(verdict)
    assert len(reached) == 101
    assert min(reached) >= 1
