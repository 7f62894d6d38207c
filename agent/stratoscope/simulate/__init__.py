"""Imitates rigs, a mining pool, the chain and the market over real sockets, so that anyone can watch the agent work.

`fleet` holds the rigs (`families/` speaks each firmware's wire format, `physics` makes the numbers move, `troubles`
makes things go wrong), `pool` a stratum pool with its statistics page, `market` prices and network figures, and
`serve` runs all of it together.
"""
