"""Sends a request on and brings the answer back: does what ``engine`` decides, over a ``transport``."""
