"""Who keeps counts and budgets: slices in workers, and the authority of the node or a Redis behind them."""
