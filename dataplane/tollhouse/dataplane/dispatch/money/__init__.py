"""Money at each attempt: reserving, waiting for room, writing down, settling."""
