"""Writing the bundled table."""

from __future__ import annotations

import json

from tollhouse.proto.catalog import generate


def test_one_line_per_model_in_valid_json() -> None:
    """A diff of two versions can be read."""
    text = generate.render()
    vendors = json.loads(text)["vendors"]
    assert set(vendors) == set(generate.VENDORS)
    assert sum(map(len, vendors.values())) <= text.count("\n")


def test_prices_are_whole_numbers() -> None:
    """Nano-USD per million tokens, never a float."""
    for models in json.loads(generate.render())["vendors"].values():
        for _, _, window, prices in models:
            assert isinstance(window, int)
            for since, base, tiers, *more in prices:
                assert since == "" or since[4] == "-"
                rates = [base, *(tier for _, tier in tiers)]
                for own, above in (more[1] if len(more) > 1 else {}).values():
                    rates += [own, *(tier for _, tier in above)]
                assert all(value is None or isinstance(value, int) for values in rates for value in values)
