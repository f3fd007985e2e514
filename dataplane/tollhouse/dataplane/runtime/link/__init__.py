"""The link between a node's supervisor and its workers: messages over a Unix socket."""
