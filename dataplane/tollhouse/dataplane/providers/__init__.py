"""Vendors, one per file, nearly all data. Being here is being registered."""
