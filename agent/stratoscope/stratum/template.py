"""Says what a job is worth, whom it pays and on which chain it builds, from the job alone."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Output:
    """One output of the coinbase: satoshis, the script in hex, its address on the job's network where it has one."""

    sat: int
    script: str
    address: str | None


@dataclass(frozen=True, slots=True)
class Commitment:
    """What an OP_RETURN output or the coinbase script commits to: a name of a closed list, and the payload in hex."""

    name: str
    payload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One job, decoded. Money is whole satoshis; what the job does not tell is None.

    `prev_hash` is in the order people read. `fees_sat` is None when the coinbase claims less than the subsidy; what it
    leaves is `under_claimed_sat`. `transactions` are the least and the most that the merkle branches allow, with the
    coinbase. `chain` is BTC, BCH, a test network or "other"; `chain_hints` say by what. `defects` name what is wrong
    with the job in words of template.DEFECTS.
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
