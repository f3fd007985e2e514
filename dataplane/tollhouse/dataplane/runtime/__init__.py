"""The only code that touches the outside: sockets, processes, files, clocks."""
