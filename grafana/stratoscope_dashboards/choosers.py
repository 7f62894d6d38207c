"""Names the variables of the dashboards: site, make, model, rig, pool, algorithm, currency."""

from typing import Final

from stratoscope_dashboards.page import Chooser

SCOPE: Final = 'job=~"$job",instance=~"$instance"'
SITE: Final = Chooser("site", "Site", f"mining_rig_up{{{SCOPE}}}", "site")
MAKE: Final = Chooser("make", "Make", f'mining_rig_info{{{SCOPE},site=~"$site"}}', "make")
MODEL: Final = Chooser("model", "Model", f'mining_rig_info{{{SCOPE},site=~"$site",make=~"$make"}}', "model")
RIG: Final = Chooser(
    "rig", "Rig", f'mining_rig_info{{{SCOPE},site=~"$site",make=~"$make",model=~"$model"}}', "rig", many=False
)
ALGORITHM: Final = Chooser(
    "algorithm", "Algorithm", f'mining_rig_info{{{SCOPE},site=~"$site"}}', "algorithm", chosen="sha256"
)
"""Hashes of different algorithms do not add up: one at a time, at first Bitcoin's."""

MODELS: Final = ('make=~"$make"', 'model=~"$model"')
"""Matchers of what is recorded per model or per rig with its model."""
CURRENCY: Final = Chooser("currency", "Currency", f'mining_btc_price{{{SCOPE},site=~"$site"}}', "currency", many=False)
"""Amounts of different currencies do not add up: one at a time."""
POOL: Final = Chooser("pool", "Pool", f'mining_pool_info{{{SCOPE},site=~"$site"}}', "pool")
ENDPOINT: Final = Chooser("endpoint", "Endpoint", f'mining_stratum_up{{{SCOPE},site=~"$site"}}', "endpoint")
