"""Says what a job is worth, whom it pays and on which chain it builds, from the job alone."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from stratoscope.market.chain import difficulty_of_nbits
from stratoscope.stratum.jobs import chains, coinbase
from stratoscope.stratum.jobs.address import Network, address_of
from stratoscope.stratum.jobs.coinbase import Coinbase
from stratoscope.stratum.jobs.commitments import commitment_of
from stratoscope.stratum.jobs.header import merkle_root, shown
from stratoscope.stratum.protocol.messages import Notify
from stratoscope.units import DAY, HASHES_PER_DIFFICULTY_1, PH

DEFECTS: Final = (
    "coinbase",
    "extranonce_size",
    "height",
    "nbits",
    "value",
    "fees_without_transactions",
    "under_claimed",
)
"""What can be wrong with a job. `coinbase`: no transaction, whatever the extranonce. `extranonce_size`: it fits another
size than the session told. `height`: the coinbase names none. `nbits`: consensus calls it invalid. `value`: more than
all bitcoins. `fees_without_transactions`: claims fees but has nothing that pays them, so the block would be invalid.
`under_claimed`: less than the subsidy."""


@dataclass(frozen=True, slots=True)
class Output:
    """One output of the coinbase: satoshis, the script in hex, its address on the job's network where it has one."""

    sat: int
    script: str
    address: str | None


@dataclass(frozen=True, slots=True)
class Commitment:
    """What a data output or the coinbase script commits to: one of commitments.NAMES, and the payload in hex."""

    name: str
    payload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One job, decoded. Money is whole satoshis; what the job does not tell is None.

    `prev_hash` is in the order people read. `fees_sat` is None when the coinbase claims less than the subsidy; what it
    leaves is `under_claimed_sat`. `tag` is the likeliest of `tags`, the readable words of the coinbase script.
    `transactions` are the least and the most that the merkle branches allow, with the coinbase. `chain` is one of
    chains.CHAINS; `chain_hints` say by what. `extranonce_size` counts the bytes of both extranonces. `defects` are of
    DEFECTS.
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
    outputs: tuple[Output, ...]
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
    def payout(self) -> tuple[Output, ...]:
        """Return the outputs that pay somebody."""
        return tuple(output for output in self.outputs if output.sat)

    @property
    def hashprice_sats_per_ph_day(self) -> float | None:
        """Return what 1 PH/s would earn in a day (sat) if every block paid as this job does, before pool fees."""
        if self.coinbase_value_sat is None or not self.network_difficulty:
            return None
        return self.coinbase_value_sat * DAY * PH / (self.network_difficulty * HASHES_PER_DIFFICULTY_1)


class Job(NamedTuple):
    """A job with the extranonce of its session; None where the session did not tell."""

    notify: Notify
    extranonce1: bytes | None = None
    extranonce2_size: int | None = None


def decode(job: Notify, extranonce1: bytes | None = None, extranonce2_size: int | None = None) -> Template:
    """Return what `job` says; never raises.

    `extranonce1` and `extranonce2_size` (bytes) are the session's. Without them the size is found: only one makes the
    coinbase end with its last byte.
    """
    told = None if extranonce1 is None or extranonce2_size is None else len(extranonce1) + extranonce2_size
    found = coinbase.assembled(job.coinbase1, job.coinbase2, told)
    made, size = found if found is not None else (None, None)
    height = None if made is None else coinbase.height_of(made.script)
    names = () if made is None else _commitments(made)
    witness = any(item.name == "witness" for item in names)
    chain, hints = chains.chain_of(chains.Marks(height, job.nbits, job.ntime, witness, not job.branches))
    value = None if made is None or made.value > coinbase.MAX_MONEY else made.value
    subsidy = None if height is None else chains.subsidy_on(chain, height)
    left = None if value is None or subsidy is None else value - subsidy
    tags = () if made is None else coinbase.tags_of(made.script)
    return Template(
        job_id=job.job_id,
        height=height,
        prev_hash=shown(job.prev_hash),
        nbits=job.nbits,
        network_difficulty=difficulty_of_nbits(job.nbits),
        version=job.version,
        ntime=job.ntime,
        clean=job.clean,
        coinbase_value_sat=value,
        subsidy_sat=subsidy,
        fees_sat=left if left is not None and left >= 0 else None,
        under_claimed_sat=None if left is None else max(0, -left),
        outputs=() if made is None else _outputs(made, chains.network_of(chain)),
        commitments=names,
        tag=tags[0] if tags else "",
        tags=tags,
        empty=not job.branches,
        transactions=transactions(len(job.branches)),
        chain=chain,
        chain_hints=hints,
        extranonce_size=size,
        defects=_defects(job, made, told is not None and size != told, left),
    )


def transactions(branches: int) -> tuple[int, int]:
    """Return the least and the most transactions, with the coinbase, of a block whose job has so many branches."""
    return (1, 1) if not branches else (2 ** (branches - 1) + 1, 2**branches)


def coinbase_of(job: Notify, extranonce: bytes) -> bytes | None:
    """Return the coinbase of a share (both extranonces joined) as its id hashes it; None where it is none.

    A witness that a pool left in is stripped.
    """
    try:
        return coinbase.read(job.coinbase1 + extranonce + job.coinbase2).stripped
    except coinbase.Malformed:
        return None


def root_of(job: Notify, extranonce: bytes) -> bytes | None:
    """Return the merkle root (header order) of a share with both extranonces joined; None without a coinbase."""
    transaction = coinbase_of(job, extranonce)
    return None if transaction is None else merkle_root(transaction, job.branches)


def _outputs(made: Coinbase, network: Network) -> tuple[Output, ...]:
    return tuple(Output(sat, script.hex(), address_of(script, network)) for sat, script in made.outputs)


def _commitments(made: Coinbase) -> tuple[Commitment, ...]:
    merged = coinbase.merged_mining(made.script)
    found = [] if merged is None else [Commitment("merged_mining", merged.hex())]
    for _, script in made.outputs:
        data = commitment_of(script)
        if data is not None:
            found.append(Commitment(data[0], data[1].hex()))
    return tuple(found)


def _defects(job: Notify, made: Coinbase | None, resized: bool, left: int | None) -> tuple[str, ...]:
    found = (
        (made is None, "coinbase"),
        (resized and made is not None, "extranonce_size"),
        (made is not None and coinbase.height_of(made.script) is None, "height"),
        (difficulty_of_nbits(job.nbits) is None, "nbits"),
        (made is not None and made.value > coinbase.MAX_MONEY, "value"),
        (not job.branches and left is not None and left > 0, "fees_without_transactions"),
        (left is not None and left < 0, "under_claimed"),
    )
    return tuple(name for wrong, name in found if wrong)
