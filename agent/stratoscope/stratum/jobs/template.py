"""Decodes a job: its value, the addresses that it pays, and the chain that it builds on."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from stratoscope.market.chain import difficulty_of_nbits
from stratoscope.stratum.jobs import chains, coinbase
from stratoscope.stratum.jobs.address import AddressFormat, address_of
from stratoscope.stratum.jobs.coinbase import Coinbase
from stratoscope.stratum.jobs.commitments import parse_commitment
from stratoscope.stratum.jobs.header import display_hash, merkle_root
from stratoscope.stratum.protocol.messages import Notify
from stratoscope.units import DAY, HASHES_PER_DIFFICULTY_1, PH

JOB_DEFECTS: Final = (
    "coinbase",
    "extranonce_size",
    "height",
    "nbits",
    "value",
    "fees_without_transactions",
    "under_claimed",
)
"""Defects of a job. `coinbase`: not a transaction with any extranonce size. `extranonce_size`: it fits a different size
than the session reported. `height`: the coinbase contains none. `nbits`: invalid by consensus. `value`: more than all
bitcoins. `fees_without_transactions`: it claims fees without transactions that pay them, so the block would be invalid.
`under_claimed`: it claims less than the subsidy."""


@dataclass(frozen=True, slots=True)
class CoinbaseOutput:
    """An output of the coinbase: satoshis, script in hex, and address in the format of the job's chain, if any."""

    sat: int
    script: str
    address: str | None


@dataclass(frozen=True, slots=True)
class Commitment:
    """A commitment in a data output or the script: one of COMMITMENT_NAMES, and its payload in hex."""

    name: str
    payload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTemplate:
    """A decoded job. Money is in whole satoshis; unknown values are None.

    `prev_hash` is in the byte order of block explorers. `fees_sat` is None if the coinbase claims less than the
    subsidy; `under_claimed_sat` is the unclaimed part. `tag` is the most likely pool tag of `tags`, the readable texts
    in the coinbase script. `transactions` is the range that the merkle branches allow, including the coinbase. `chain`
    is one of chains.CHAINS, and `chain_hints` explain it. `extranonce_size` is the size of both extranonces in bytes.
    `defects` are from JOB_DEFECTS.
    """

    job_id: str
    height: int | None
    prev_hash: str
    nbits: int
    network_difficulty: float | None
    version: int
    ntime: int
    clean: bool
    coinbase_value_sat: int | None
    subsidy_sat: int | None
    fees_sat: int | None
    under_claimed_sat: int | None
    outputs: tuple[CoinbaseOutput, ...]
    commitments: tuple[Commitment, ...]
    tag: str
    tags: tuple[str, ...]
    empty: bool
    transactions: tuple[int, int]
    chain: str | None
    chain_hints: tuple[str, ...]
    extranonce_size: int | None
    defects: tuple[str, ...]

    @property
    def payout(self) -> tuple[CoinbaseOutput, ...]:
        """Return the outputs with a value above 0."""
        return tuple(output for output in self.outputs if output.sat)

    @property
    def hashprice_sats_per_ph_day(self) -> float | None:
        """Return the earnings of 1 PH/s per day (sat), before pool fees, if every block paid as much as this job."""
        if self.coinbase_value_sat is None or not self.network_difficulty:
            return None
        return self.coinbase_value_sat * DAY * PH / (self.network_difficulty * HASHES_PER_DIFFICULTY_1)


class Job(NamedTuple):
    """A job with the extranonce of its session; None where that is unknown."""

    notify: Notify
    extranonce1: bytes | None = None
    extranonce2_size: int | None = None


def decode_job(job: Notify, extranonce1: bytes | None = None, extranonce2_size: int | None = None) -> JobTemplate:
    """Decode a job; never raises.

    `extranonce1` and `extranonce2_size` (bytes) belong to the session. Without them, the size is found by trial: only
    one makes the coinbase end exactly at its last byte.
    """
    expected = None if extranonce1 is None or extranonce2_size is None else len(extranonce1) + extranonce2_size
    found = coinbase.assemble_coinbase(job.coinbase1, job.coinbase2, expected)
    made, size = found if found is not None else (None, None)
    height = None if made is None else coinbase.parse_height(made.script)
    commitments = () if made is None else _commitments(made)
    witness = any(item.name == "witness" for item in commitments)
    chain, hints = chains.identify_chain(chains.ChainMarks(height, job.nbits, job.ntime, witness, not job.branches))
    value = None if made is None or made.value > coinbase.MAX_MONEY_SAT else made.value
    subsidy = None if height is None else chains.subsidy_on(chain, height)
    fees = None if value is None or subsidy is None else value - subsidy  # negative: the coinbase claims too little
    tags = () if made is None else coinbase.find_tags(made.script)
    return JobTemplate(
        job_id=job.job_id,
        height=height,
        prev_hash=display_hash(job.prev_hash),
        nbits=job.nbits,
        network_difficulty=difficulty_of_nbits(job.nbits),
        version=job.version,
        ntime=job.ntime,
        clean=job.clean,
        coinbase_value_sat=value,
        subsidy_sat=subsidy,
        fees_sat=fees if fees is not None and fees >= 0 else None,
        under_claimed_sat=None if fees is None else max(0, -fees),
        outputs=() if made is None else _outputs(made, chains.address_format_of(chain)),
        commitments=commitments,
        tag=tags[0] if tags else "",
        tags=tags,
        empty=not job.branches,
        transactions=transaction_range(len(job.branches)),
        chain=chain,
        chain_hints=hints,
        extranonce_size=size,
        defects=_defects(job, made, resized=expected is not None and size != expected, fees=fees),
    )


def transaction_range(branches: int) -> tuple[int, int]:
    """Return the minimum and maximum number of transactions, including the coinbase, for this many merkle branches."""
    return (1, 1) if not branches else (2 ** (branches - 1) + 1, 2**branches)


def share_coinbase(job: Notify, extranonce: bytes) -> bytes | None:
    """Return the coinbase of a share with both extranonces concatenated, without a witness; None if it is invalid."""
    try:
        return coinbase.parse_coinbase(job.coinbase1 + extranonce + job.coinbase2).stripped
    except coinbase.MalformedCoinbase:
        return None


def share_merkle_root(job: Notify, extranonce: bytes) -> bytes | None:
    """Return the merkle root (header order) of a share with both extranonces concatenated; None if it is invalid."""
    transaction = share_coinbase(job, extranonce)
    return None if transaction is None else merkle_root(transaction, job.branches)


def _outputs(made: Coinbase, network: AddressFormat) -> tuple[CoinbaseOutput, ...]:
    return tuple(CoinbaseOutput(sat, script.hex(), address_of(script, network)) for sat, script in made.outputs)


def _commitments(made: Coinbase) -> tuple[Commitment, ...]:
    merged = coinbase.merged_mining_root(made.script)
    found = [] if merged is None else [Commitment("merged_mining", merged.hex())]
    for _, script in made.outputs:
        data = parse_commitment(script)
        if data is not None:
            found.append(Commitment(data[0], data[1].hex()))
    return tuple(found)


def _defects(job: Notify, made: Coinbase | None, *, resized: bool, fees: int | None) -> tuple[str, ...]:
    found = (
        (made is None, "coinbase"),
        (resized and made is not None, "extranonce_size"),
        (made is not None and coinbase.parse_height(made.script) is None, "height"),
        (difficulty_of_nbits(job.nbits) is None, "nbits"),
        (made is not None and made.value > coinbase.MAX_MONEY_SAT, "value"),
        (not job.branches and fees is not None and fees > 0, "fees_without_transactions"),
        (fees is not None and fees < 0, "under_claimed"),
    )
    return tuple(name for wrong, name in found if wrong)
