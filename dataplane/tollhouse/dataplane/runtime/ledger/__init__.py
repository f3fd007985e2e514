"""Usage records on their way to the ledger: written before an attempt, read, shipped, acknowledged."""
