"""Simulates rigs, mining pools, the chain and the market over real sockets, for demos and tests of the agent.

`fleet` runs the rigs: `families/` implements the wire format of each firmware, `physics` updates the values and
`troubles` injects faults. `pool` is a stratum pool with a statistics page, `market` serves prices and network figures,
and `serve` runs everything together.
"""
