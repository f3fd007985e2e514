"""Configuration as a worker has it: raw objects, compiled objects, and the snapshot requests are served from."""
