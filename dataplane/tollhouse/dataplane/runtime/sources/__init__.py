"""Where configuration comes from: one ``ConfigSource`` per file."""
