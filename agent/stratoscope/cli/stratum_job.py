"""Converts a decoded job to the JSON that `stratoscope stratum` prints."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stratoscope.stratum.jobs.template import JobTemplate


def document(template: "JobTemplate") -> dict[str, Any]:
    """Return the job as a JSON object: money in satoshis, hashes in display order, null for unknown values."""
    return {
        "job_id": template.job_id,
        "height": template.height,
        "prev_hash": template.prev_hash,
        "chain": template.chain,
        "chain_hints": list(template.chain_hints),
        "nbits": f"{template.nbits:08x}",
        "network_difficulty": template.network_difficulty,
        "coinbase_value_sats": template.coinbase_value_sat,
        "subsidy_sats": template.subsidy_sat,
        "fees_sats": template.fees_sat,
        "under_claimed_sats": template.under_claimed_sat,
        "hashprice_sats_per_ph_day": template.hashprice_sats_per_ph_day,
        "payout": [{"address": output.address, "sats": output.sat} for output in template.payout],
        "outputs": [
            {"address": output.address, "sats": output.sat, "script": output.script} for output in template.outputs
        ],
        "tag": template.tag,
        "tags": list(template.tags),
        "commitments": [{"name": item.name, "payload": item.payload} for item in template.commitments],
        "empty": template.empty,
        "transactions_min": template.transactions[0],
        "transactions_max": template.transactions[1],
        "clean": template.clean,
        "version": f"{template.version:08x}",
        "ntime": template.ntime,
        "extranonce_size": template.extranonce_size,
        "defects": list(template.defects),
    }
