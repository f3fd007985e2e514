"""What token limits are charged for answers that are not like others."""

from tollhouse.dataplane.chat import Special, Usage
from tollhouse.dataplane.engine.token_charge import Charge


def test_reading_a_finished_batch_takes_nothing() -> None:
    """Its tokens were used at another time, under the provider's limits for batches."""
    batch = Usage(input_tokens=100_000, output_tokens=10_000, special=Special(tier="batch", kept="read"))
    flex = Usage(input_tokens=10, output_tokens=1, special=Special(tier="flex"))
    assert Charge("total_tokens").settle([batch, flex]) == 11
