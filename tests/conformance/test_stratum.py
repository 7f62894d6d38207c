"""Every job and every accepted share of the recorded sessions decodes and verifies exactly."""

import json
from pathlib import Path

import pytest

from fakes.stratum_recording import recorded
from stratoscope.stratum.jobs.header import header, merkle_root, rolled, sha256d, share_difficulty, shown
from stratoscope.stratum.jobs.template import coinbase_of, decode, root_of
from stratoscope.stratum.protocol.messages import (
    Noise,
    Notify,
    Reply,
    Request,
    SetDifficulty,
    parse,
    parse_notify,
    rolling_mask,
    subscription,
)
from stratoscope.stratum.protocol.values import octets, word

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
def test_a_real_job_decodes_to_its_worked_values(sessions, name):
    known = json.loads((sessions / "real_notify_jobs.json").read_text())
    case = next(value for key, value in known.items() if key.startswith(name))
    truth, job = case["decoded"], parse_notify(case["params"])
    seen = decode(job)
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
def test_a_real_job_gives_its_worked_merkle_root_and_transaction_id(sessions, name):
    known = json.loads((sessions / "real_notify_jobs.json").read_text())
    case = next(value for key, value in known.items() if key.startswith(name))
    job = parse_notify(case["params"])
    extranonce = bytes.fromhex(case["en1"]) + bytes(case["en2_size"])
    assert root_of(job, extranonce).hex() == case["decoded"]["merkle0"]
    assert shown(sha256d(coinbase_of(job, extranonce))) == case["decoded"]["cbtxid"]


def test_a_share_of_a_real_job_has_its_published_difficulty(sessions):
    known = json.loads((sessions / "real_notify_jobs.json").read_text())
    params = next(value for key, value in known.items() if key.startswith("J1"))["params"]
    job = parse_notify([*params[:2], params[2] + "12905085617eff8e", *params[3:]])
    extranonce = bytes.fromhex("01000000" + "00000000")
    root = merkle_root(job.coinbase1 + extranonce + job.coinbase2, job.branches)
    assert root.hex() == "5bdc1968499c3393873edf8e07a1c3a50a97fc3a9d1a376bbf77087dd63778eb"
    whole = header(job.version, job.prev_hash, root, job.ntime, job.nbits, 0x0A029ED1)
    assert share_difficulty(whole) == pytest.approx(683.5109, abs=5e-5)


@pytest.mark.parametrize("session", SESSIONS)
def test_no_line_of_a_pool_is_noise_and_every_job_decodes(sessions, session):
    jobs = 0
    for line in recorded(sessions / session):
        message = parse(line.raw)
        if line.from_pool:
            assert not isinstance(message, Noise), line
        if isinstance(message, Notify):
            jobs += 1
            seen = decode(message)
            assert seen.chain == "regtest"
            assert seen.defects == ()
            assert seen.payout[0].address == "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
            assert seen.fees_sat is not None
            assert seen.tag in ("/mined by test-ckpool/", "Public-Pool")
    assert jobs >= 3


def test_the_first_block_of_the_recording_has_the_fees_of_its_mempool(sessions):
    seen = next(
        decode(message) for line in recorded(sessions / SESSIONS[0]) if isinstance(message := parse(line.raw), Notify)
    )
    assert (seen.height, seen.coinbase_value_sat, seen.fees_sat, seen.transactions) == (121, 5000033439, 33439, (5, 8))


class Connection:
    """What one connection agreed on so far."""

    def __init__(self) -> None:
        self.jobs: dict[str, tuple[Notify, float]] = {}
        self.extranonce1, self.difficulty, self.mask = b"", 0.0, 0
        self.asked: dict[object, Request] = {}

    def verify(self, request: Request) -> float:
        """Return how many times the share reaches its job's difficulty."""
        _, job_id, extranonce2, ntime, nonce, *bits = request.params
        job, wanted = self.jobs[job_id]
        root = root_of(job, self.extranonce1 + octets(extranonce2))
        version = rolled(job.version, word(bits[0]), self.mask) if bits else job.version
        return share_difficulty(header(version, job.prev_hash, root, word(ntime), job.nbits, word(nonce))) / wanted

    def take(self, from_pool: bool, message) -> float | None:
        """Follow one message; return the verdict on a share that was accepted."""
        if isinstance(message, Request) and not from_pool:
            self.asked[message.id] = message
        elif isinstance(message, SetDifficulty):
            self.difficulty = message.difficulty
        elif isinstance(message, Notify):
            self.jobs[message.job_id] = message, self.difficulty
        elif isinstance(message, Reply) and from_pool and message.id in self.asked:
            request = self.asked.pop(message.id)
            self.mask = rolling_mask(message.result) or self.mask
            granted = subscription(message.result) if request.method == "mining.subscribe" else None
            self.extranonce1 = granted.extranonce1 if granted is not None else self.extranonce1
            if request.method == "mining.submit" and message.ok:
                return self.verify(request)
        return None


def test_every_accepted_share_reaches_the_difficulty_of_its_job(sessions):
    connections: dict[str, Connection] = {}
    reached = []
    for line in recorded(sessions / SESSIONS[0]):
        at = connections.setdefault(line.connection, Connection())
        verdict = at.take(line.from_pool, parse(line.raw))
        if verdict is not None:
            reached.append(verdict)
    assert len(reached) == 101
    assert min(reached) >= 1
