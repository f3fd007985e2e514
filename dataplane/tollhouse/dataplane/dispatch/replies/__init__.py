"""What comes back, on its way to the client: whole or streamed, untouched, watched or translated."""
