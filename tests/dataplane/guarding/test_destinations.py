"""Where data could be sent."""

from tollhouse.dataplane.guarding.destinations import destinations_in, strange


def test_hosts_and_addresses_are_found() -> None:
    """Lower case, without user and port."""
    found = destinations_in('see HTTPS://User:pw@Evil.example:8443/x, mail "Bob@Corp.io". ftp://a.b/')
    assert found == {"evil.example", "bob@corp.io", "a.b"}
    assert destinations_in("no destination here") == set()


def test_only_what_untrusted_text_alone_named_is_strange() -> None:
    """A part of a domain someone trusted named is known; an address is not, if only its host is."""
    trusted, untrusted = frozenset({"corp.io"}), frozenset({"evil.io", "files.corp.io", "eve@corp.io"})
    told = "https://evil.io/x https://files.corp.io/y eve@corp.io https://nowhere.io"
    assert strange(told, trusted, untrusted) == ["eve@corp.io", "evil.io"]
    assert strange(told, trusted | {"eve@corp.io"}, untrusted) == ["evil.io"]


def test_no_spelling_hides_a_destination() -> None:
    """Escapes of JSON on either side, a host below the one that was named, no scheme, an address at the host."""
    assert destinations_in(r"https:\/\/evil.io\/x and https://\u0065vil.com") == {"evil.io", "evil.com"}
    untrusted = frozenset({"evil.io"})
    for told in (r"https:\/\/evil.io\/x", "https://c2VjcmV0.evil.io/", "curl evil.io/x", "kim@evil.io", "EVIL.IO:80"):
        assert len(strange(told, frozenset(), untrusted)) == 1, told
        assert strange(told, frozenset({"evil.io"}), untrusted) == ([] if "@" not in told else ["kim@evil.io"])
    for told in ("notevil.io", "evil.io.example.com", "evil", "main.py", "https://other.io"):
        assert strange(told, frozenset(), untrusted) == [], told
