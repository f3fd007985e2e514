"""Bodies that are no JSON object: what can be read and set of them, and that the rest stays as it is."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.protocols._bodies import FormDocument, RawDocument, read_body

AUDIO = b"\x00\xffRIFF--xyz\r\n\r\nbinary"
FORM = (
    b'--xyz\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
    b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    b"\x00\xffRIFF\r\n\r\nbinary\r\n--xyz--\r\n"
)
KIND = 'multipart/form-data; boundary="xyz"'


def test_a_form_that_is_not_edited_passes_byte_for_byte() -> None:
    form = read_body(FORM, KIND)
    assert form.get("model") == "whisper-1"
    assert "file" not in form
    assert form.encode() == FORM
    assert form.copy().encode() == FORM


def test_a_field_of_a_form_can_be_set_added_and_removed_without_touching_its_file() -> None:
    form = read_body(FORM, KIND)
    edited = form.copy()
    edited.set("model", "gpt-4o-transcribe")
    edited.set("temperature", 0.5)
    again = read_body(edited.copy().encode(), "multipart/form-data; boundary=xyz")
    assert (again.get("model"), again.get("temperature")) == ("gpt-4o-transcribe", "0.5")
    assert b"\x00\xffRIFF\r\n\r\nbinary\r\n" in edited.encode()
    edited.remove("temperature")
    assert b"temperature" not in edited.encode()
    assert form.encode() == FORM


def test_other_bytes_have_no_fields_and_json_is_json() -> None:
    raw = read_body(AUDIO, "application/octet-stream")
    assert isinstance(raw, RawDocument)
    assert (raw.names(), raw.copy().encode()) == ([], AUDIO)
    assert read_body(b"", "").encode() == b""
    assert read_body(b'{"model":"m"}', "application/json; charset=utf-8").get("model") == "m"
    with pytest.raises(ClientError):
        read_body(b"[1]", "application/json")


def part(head: str, value: str = "dall-e-3") -> bytes:
    return f"--xyz\r\n{head}\r\n\r\n{value}\r\n".encode()


@pytest.mark.parametrize(
    "parts",
    [
        [part('Content-Disposition: form-data; name="model"')] * 2,
        [part('X: form-data; name="model"')],
        [part('Content-Disposition: form-data; name="a"\r\nContent-Disposition: form-data; name="model"')],
        [part('Content-Disposition: form-data; name="a"; name="model"')],
        [part("Content-Disposition: form-data; name*=utf-8''model; name=a")],
        [part('Content-Disposition: form-data; name="mo\\"del"')],
        [part("Content-Disposition: attachment; name=model")],
        [part('Content-Disposition: form-data; name="prompt"', "x" * (1 << 20) + "y")],
    ],
)
def test_a_form_two_readers_could_read_in_two_ways_is_refused(parts: list[bytes]) -> None:
    """What is not seen here is not judged."""
    with pytest.raises(ClientError, match="form"):
        read_body(b"".join(parts) + b"--xyz--\r\n", KIND)


def test_names_are_found_however_they_are_written() -> None:
    """Without quotes, in any case; lists may repeat, files are no fields."""
    form = read_body(
        part("content-disposition:FORM-DATA; NAME=model")
        + part('Content-Disposition: form-data; name="image[]"; filename="a"')
        + part('Content-Disposition: form-data; name="tag[]"')
        + part('Content-Disposition: form-data; name="tag[]"')
        + b"--xyz--",
        KIND,
    )
    assert form.names() == ["model", "tag[]"]
    assert form.get("model") == "dall-e-3"


def test_what_a_body_says_it_is_hides_nothing() -> None:
    """JSON is JSON under any name; two boundaries are none."""
    assert read_body(b' {"model":"m"}', "text/plain").get("model") == "m"
    for body, kind in ((b"model=m", "application/x-www-form-urlencoded"), (FORM, f"{KIND}; boundary=abc")):
        with pytest.raises(ClientError):
            read_body(body, kind)
    assert read_body(FORM, "multipart/mixed; boundary=xyz").get("model") == "whisper-1"


def test_a_form_that_is_broken_has_the_fields_that_can_be_read() -> None:
    assert FormDocument(FORM[:70], b"xyz").names() == ["model"]
    assert FormDocument(b"nothing", b"xyz").names() == []
