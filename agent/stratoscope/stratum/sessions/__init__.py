"""Opens observing sessions with stratum V1 and V2 endpoints: dials, subscribes, listens; never submits a share."""
