"""One node: the supervisor, what it keeps, and what it answers for."""
