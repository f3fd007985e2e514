"""The ledger: every attempt of every node, once, in SQL.

- ``schema``     tables and their migrations
- ``database``   SQLite or PostgreSQL, by URL
- ``intake``     stores batches of records exactly once, with their hourly sums
- ``answers``    spend over a time, by dimensions
- ``keeping``    deletes single records when they are old; sums stay
"""
