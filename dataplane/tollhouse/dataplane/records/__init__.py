"""What is recorded of an exchange: log entries, spans, verdicts, and how secrets stay out of them."""
