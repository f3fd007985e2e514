"""Where lines go: files, log servers, Kafka, the audit trail, and whoever looks on live."""
