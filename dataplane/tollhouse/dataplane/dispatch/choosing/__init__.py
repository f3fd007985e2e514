"""Which targets a request may go to, in which order, and what this worker remembers of them."""
