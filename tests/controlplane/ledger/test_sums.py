"""What a row adds is said twice, for a row in hand and in SQL: both say the same of every kind of entry."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, insert, select
from tollhouse.controlplane.ledger import schema
from tollhouse.controlplane.ledger.corrections import FIGURES
from tollhouse.controlplane.ledger.sums import of_records, of_row

ENTRIES = st.fixed_dictionaries(
    {
        "attempt": st.integers(-3, 4),
        "outcome": st.sampled_from(["ok", "cut", "lost"]),
        "estimated": st.booleans(),
        "cause": st.sampled_from(["", "estimate"]),
        "price_source": st.sampled_from(["config", "unknown", "estimate", "free by policy"]),
        **{name: st.integers(-(10**6), 10**6) for name in FIGURES},
    }
)
TEXTS = {column.name: "" for column in schema.records.columns}
NUMBERS = {"started_ms": 0, "ended_ms": 0, "received_ms": 0, "revision": 0, "status": 0, "first_byte_ms": 0}


@given(st.lists(ENTRIES, min_size=1, max_size=8))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_rows_and_sql_agree(entries: list[dict[str, object]]) -> None:
    """Over a list of entries of any kind."""
    rows = [{**TEXTS, **NUMBERS, "stream": False, **entry, "id": str(n)} for n, entry in enumerate(entries)]
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        schema.migrate(connection)
        connection.execute(insert(schema.records), rows)
        summed = dict(connection.execute(select(*of_records())).mappings().one())
    assert summed == {name: sum(of_row(row)[name] for row in rows) for name in schema.SUMS}
