"""Takes hypothesis' deadline away: a busy machine is no fault of a formula."""

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
