"""Random or not."""

import pytest
from tollhouse.dataplane.guarding.randomness import assigned, classes, entropy, mixed, random, spoken_password


@pytest.mark.parametrize(
    "value", ["q8Zr1tV9bKx3LwP0", "3f9a0c7be21d48f65a90b3c7", "v9bKx3Lw!q8", "9f86d081-884c-4d65-9a2f-eaa0c55ad015"]
)
def test_what_a_generator_makes_may_be_assigned(value: str) -> None:
    """Keys, digests, passwords, UUIDs."""
    assert assigned(value)


@pytest.mark.parametrize(
    "value",
    [
        "get_token_from_request",
        "os.environ",
        "changeme1",
        "AutoTokenizer",
        "/etc/ssl/private/server.key",
        "2024-01-02",
        "required",
        "client_secret_basic",
    ],
)
def test_what_programs_say_is_no_secret(value: str) -> None:
    """Names, paths, dates, stock words."""
    assert not assigned(value)


def test_measures() -> None:
    """Kinds of signs, entropy, and what follows from them."""
    assert classes("aB3") == 3
    assert entropy("abab") == 1
    assert mixed("sk-proj-q8Zr1tV9bKx3LwP0")
    assert random("q8Zr1tV9bKx3LwP0sYdF5hJ8")
    assert not random("flexible-loading-animation")
    assert spoken_password("Sommer2024!x")
    assert not spoken_password("incorrect")
