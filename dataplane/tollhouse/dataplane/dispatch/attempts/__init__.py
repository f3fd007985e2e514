"""Trying targets one after another or side by side: what each is sent, what is learnt, and what failed."""
