"""Pure decisions: no event loop, clock, randomness or socket. Time, luck and bytes arrive as arguments."""
