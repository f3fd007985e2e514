"""Numbers and spans on their way out: metrics, what a scrape shows, OpenTelemetry."""
