"""Builds links between the dashboards; they keep data source and time range and set variables."""

from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard

UID_PREFIX: Final = "stratoscope"


def dashboard_link(title: str, name: str, **variables: str) -> Any:
    """Return a data link to the dashboard `name` that sets `variables`."""
    parameters = "".join(f"&var-{variable}={value}" for variable, value in variables.items())
    url = f"/d/{UID_PREFIX}-{name}?${{datasource:queryparam}}{parameters}&${{__url_time_range}}"
    return dashboard.DashboardLink(title).url(url)


def cell_link(title: str, name: str, **columns: str) -> dict[str, Any]:
    """Return a link for table cells: each variable takes the value of the column with the given header."""
    variables = {variable: f'${{__data.fields["{header}"]:percentencode}}' for variable, header in columns.items()}
    link = dashboard_link(title, name, **variables).build()
    return {"title": link.title, "url": link.url}


def series_link(title: str, name: str, *labels: str) -> Any:
    """Return a link for lines and bars: each label of the series sets the variable of the same name."""
    return dashboard_link(title, name, **{label: f"${{__field.labels.{label}:percentencode}}" for label in labels})
