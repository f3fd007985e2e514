"""Records in files: whatever was cut off or damaged, whole ones before it are read and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse.dataplane.runtime.frames import Damaged, frame, read_frames

PAYLOADS = st.lists(st.binary(max_size=200), max_size=8)


@given(PAYLOADS, st.data())
def test_a_torn_end_is_left_out(payloads: list[bytes], data: st.DataObject) -> None:
    """Cut anywhere: the records that are whole come out."""
    whole = b"".join(map(frame, payloads))
    cut = data.draw(st.integers(0, len(whole)))
    found = [payload for payload, _ in read_frames(whole[:cut])]
    assert found == payloads[: len(found)]
    assert sum(len(frame(one)) for one in found) <= cut
    if cut == len(whole):
        assert found == payloads


def test_reading_goes_on_where_it_ended() -> None:
    """The offset behind a record is where the next one begins."""
    data = frame(b"one") + frame(b"two")
    (_, behind), _ = read_frames(data)
    assert [payload for payload, _ in read_frames(data, behind)] == [b"two"]


@pytest.mark.parametrize("at", [0, 5, 9])
def test_wrong_bytes_are_no_record(at: int) -> None:
    """A length that cannot be, a checksum or a payload that was changed."""
    data = bytearray(frame(b"payload"))
    data[at] ^= 0xFF
    with pytest.raises(Damaged):
        list(read_frames(bytes(data)))
