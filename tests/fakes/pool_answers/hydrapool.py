"""Paths and answers of Hydra-Pool, by kind and call."""

from typing import Any

from fakes.pool_answers.account import ADDRESS, NOW

METRICS = f"""# HELP worker_shares_valid_total Total valid shares submitted by worker
# TYPE worker_shares_valid_total counter
worker_shares_valid_total{{btcaddress="{ADDRESS}",workername="rig01"}} 4.2e+18
worker_shares_valid_total{{btcaddress="{ADDRESS}",workername="rig02"}} 8.4e+18
worker_shares_valid_total{{btcaddress="bc1qsomeoneelse",workername="x"}} 1e+15
worker_last_share_at{{btcaddress="{ADDRESS}",workername="rig01"}} {NOW - 20}
worker_best_share_ever{{btcaddress="{ADDRESS}",workername="rig01"}} 2e+09
"""

PATHS: dict[str, dict[str, str]] = {
    "hydrapool": {"account": "/metrics"},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "hydrapool": {"account": METRICS.encode()},
}
