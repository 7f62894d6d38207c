"""Defines the dashboard variables (site, make, model, rig, pool, ...) and the matchers that use them."""

from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as model

from stratoscope_dashboards.queries import DATA_SOURCE


@dataclass(frozen=True, slots=True)
class LabelVariable:
    """A variable with the values of a label of a series, limited by the variables before it."""

    name: str
    title: str
    series: str
    label: str
    multi: bool = True
    all_value: str = ".*"
    hidden: bool = False
    default: str | None = None  # None selects all values

    def build(self) -> Any:
        """Return Grafana's builder of the variable."""
        variable = (
            dashboard.QueryVariable(self.name)
            .label(self.title)
            .datasource(DATA_SOURCE)
            .multi(self.multi)
            .query({"query": f"label_values({self.series}, {self.label})", "refId": self.name})
            .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(model.VariableSort.NATURAL_ASC)
            .include_all(self.multi)
            .hide(model.VariableHide.HIDE_VARIABLE if self.hidden else model.VariableHide.DONT_HIDE)
        )
        if not self.multi:
            return variable
        value = self.default or "$__all"
        current = model.VariableOption(text=[self.default or "All"], value=[value], selected=True)
        return variable.all_value(self.all_value).current(current)


_AGENTS: Final = 'job=~"$job",instance=~"$instance"'
_SITES: Final = f'{_AGENTS},site=~"$site"'

JOB: Final = LabelVariable("job", "Job", 'up{job="stratoscope"}', "job", all_value=".+", hidden=True)
INSTANCE: Final = LabelVariable(
    "instance", "Instance", 'stratoscope_build_info{job=~"$job"}', "instance", all_value=".+", hidden=True
)
"""All pages of all agents by default: a large fleet has several, and its rigs move between them."""
SITE: Final = LabelVariable("site", "Site", f"mining_rig_up{{{_AGENTS}}}", "site")
MAKE: Final = LabelVariable("make", "Make", f"mining_rig_info{{{_SITES}}}", "make")
MODEL: Final = LabelVariable("model", "Model", f'mining_rig_info{{{_SITES},make=~"$make"}}', "model")
RIG: Final = LabelVariable(
    "rig", "Rig", f'mining_rig_info{{{_SITES},make=~"$make",model=~"$model"}}', "rig", multi=False
)
ALGORITHM: Final = LabelVariable(
    "algorithm", "Algorithm", f"mining_rig_info{{{_SITES}}}", "algorithm", default="sha256"
)
"""Hashrates of different algorithms cannot be added, so one is selected, by default Bitcoin's."""
CURRENCY: Final = LabelVariable("currency", "Currency", f"mining_btc_price{{{_SITES}}}", "currency", multi=False)
"""Amounts in different currencies cannot be added, so one is selected."""
POOL: Final = LabelVariable("pool", "Pool", f"mining_pool_info{{{_SITES}}}", "pool")
ENDPOINT: Final = LabelVariable("endpoint", "Endpoint", f"mining_stratum_up{{{_SITES}}}", "endpoint")

MODEL_MATCHERS: Final = ('make=~"$make"', 'model=~"$model"')
RIG_MATCHER: Final = 'rig="$rig"'
ALGORITHM_MATCHER: Final = 'algorithm=~"$algorithm"'
CURRENCY_MATCHER: Final = 'currency=~"$currency"'
POOL_MATCHER: Final = 'pool=~"$pool"'
ENDPOINT_MATCHER: Final = 'endpoint=~"$endpoint"'
DAY_WINDOW_MATCHER: Final = 'window="24h"'
SHORT_WINDOWS_MATCHER: Final = 'window=~"300|600|900|1800|3600"'
"""Averaging windows of pools, in seconds, up to an hour; no window is available at every pool."""
