"""One worker process: takes configuration over the link and serves traffic with it."""
