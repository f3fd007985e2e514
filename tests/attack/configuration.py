"""Through the configuration, and what is told afterwards."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import quote

from tests.attack.target import MAIL, SECRET, Target, attack
from tests.support.system import ADMIN_KEY, call, wait_for

HEADERS = {"x-api-key": ADMIN_KEY}


@attack("SSRF: metadata addresses in every spelling, in every kind of address", inside=True)
def _(target: Target) -> tuple[bool, str]:
    assert target.system is not None
    hosts = ("169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "[::ffff:a9fe:a9fe]",
             "[fd00:ec2::254]", "100.100.100.200", "metadata.google.internal")  # fmt: skip
    writes: list[tuple[str, dict[str, Any]]] = []
    for host in hosts:
        writes.append(("providers/evil", {"type": "openai", "endpoint": f"http://{host}/v1"}))
    url = "http://169.254.169.254/latest"
    nodes = {"uri": "/m", "upstream": {"type": "roundrobin", "nodes": {"169.254.169.254:80": 1}}}
    writes += [
        ("routes/evil", nodes),
        ("routes/evil", {"uri": "/m", "plugins": {"http-logger": {"uri": url}}}),
        ("routes/evil", {"uri": "/m", "plugins": {"ai-moderation": {"judge": "http", "endpoint": url}}}),
        (
            "routes/evil",
            {"uri": "/m", "plugins": {"jwt-auth": {"issuers": [{"issuer": "https://a", "jwks_uri": url}]}}},
        ),
        ("notifiers/evil", {"type": "webhook", "url": url}),
        ("secrets/vault/evil", {"uri": url, "prefix": "kv", "token": "t"}),
    ]
    codes = [call(f"{target.system.admin_url}/{path}", body, HEADERS, "PUT") for path, body in writes]
    passed = [path for (path, _), one in zip(writes, codes, strict=True) if one.status != 400]
    return not passed and all("metadata address" in one.text for one in codes), f"{passed or 'all refused'}"


@attack("headers and paths in the configuration that would split a request", inside=True)
def _(target: Target) -> tuple[bool, str]:
    assert target.system is not None
    instance = {"name": "x", "provider": "openai", "weight": 1, "auth": {"header": {"x": "y\r\nHost: evil"}}}
    writes = (
        ("routes/evil", {"uri": "/m", "plugins": {"ai-proxy-multi": {"instances": [instance]}}}),
        ("routes/evil", {"uri": "/m", "plugins": {"proxy-rewrite": {"headers": {"set": {"x": "a\nb: c"}}}}}),
        ("routes/evil", {"uri": "/m\r\nX: y"}),
        ("providers/evil", {"type": "openai", "endpoint": "http://a\r\nX: y/"}),
        ("providers/evil", {"type": "openai", "endpoint": "http://user:secret@a/"}),
        ("providers/evil", {"type": "openai", "endpoint": "file:///etc/passwd"}),
    )
    codes = [call(f"{target.system.admin_url}/{path}", body, HEADERS, "PUT").status for path, body in writes]
    return codes == [400] * len(writes), str(codes)


@attack("the gateway's own keys as what a provider is sent", inside=True)
def _(target: Target) -> tuple[bool, str]:
    assert target.system is not None
    codes = []
    for name in ("TOLLHOUSE_ADMIN_KEY", "TOLLHOUSE_SEALING_KEY"):
        auth = {"header": {"authorization": f"Bearer $env://{name}"}}
        instance = {"name": "x", "provider": "openai", "weight": 1, "auth": auth}
        route = {"uri": "/steal/*", "plugins": {"ai-proxy-multi": {"instances": [instance]}}}
        codes.append(call(f"{target.system.admin_url}/routes/steal", route, HEADERS, "PUT").status)
        logger = {"uri": "/steal", "plugins": {"http-logger": {"uri": "http://a/", "auth_header": f"$env://{name}"}}}
        codes.append(call(f"{target.system.admin_url}/routes/steal", logger, HEADERS, "PUT").status)
    return codes == [400] * 4, str(codes)


@attack("ids with line ends, look-alikes and invisible signs", inside=True)
def _(target: Target) -> tuple[bool, str]:
    assert target.system is not None
    ids = ("a%0d%0aX: y", "a%00", "%61%2f..%2f..", "ad\u200bmin", "\u0430dmin", "a" * 300)
    route = {"uri": "/x", "upstream": {"type": "roundrobin", "nodes": {"127.0.0.1:1": 1}}}
    codes = [
        call(f"{target.system.admin_url}/routes/{quote(name, safe='%')}", route, HEADERS, "PUT").status for name in ids
    ]
    return all(400 <= code < 500 for code in codes), str(codes)


@attack("the Admin API without a key, with one in the query or a cookie, with a viewer's and a narrow one", inside=True)
def _(target: Target) -> tuple[bool, str]:
    assert target.system is not None
    url = target.system.admin_url
    shown = (None, {"cookie": f"x_api_key={ADMIN_KEY}"}, {"authorization": f"Bearer {ADMIN_KEY}"})
    codes = [call(f"{url}/routes", None, headers).status for headers in shown]
    codes.append(call(f"{url}/routes?api_key={ADMIN_KEY}").status)
    for name, more in (("eve", {"role": "viewer"}), ("mallory", {"role": "operator", "kinds": ["routes"]})):
        key = f"key-of-{name}-0123456789"
        target.system.put(f"admins/{name}", {**more, "keys": [{"id": "1", "key": key}]})
        time.sleep(0.5)
        admins = {"role": "admin", "keys": [{"id": "1", "key": "my-own-key-0123456789"}]}
        codes.append(call(f"{url}/admins/{name}", admins, {"x-api-key": key}, "PUT").status)
        codes.append(call(f"{url}/consumers/x", {"username": "x"}, {"x-api-key": key}, "PUT").status)
    return all(code in (401, 403) for code in codes), str(codes)


@attack(
    "who may write routes alone: what of the gateway itself, of others and of the trail can be reached", inside=True
)
def _(target: Target) -> tuple[bool, str]:
    system = target.system
    assert system is not None
    key = "key-of-a-route-writer-0123456789"
    system.put("admins/writer", {"role": "operator", "kinds": ["routes"], "keys": [{"id": "1", "key": key}]})
    mine = {"x-api-key": key}
    wait_for(lambda: call(f"{system.admin_url}/routes", None, mine).status == 200, 5, "the writer's key")
    places = [
        system.etcd.address.rpartition("/")[2],
        f"127.0.0.1:{system.node.control}",
        f"127.0.0.1:{system.node.grpc}",
    ]
    reached = []
    for number, place in enumerate([*places, places[0].replace("127.0.0.1", "localhost")]):
        route = {"uri": f"/own{number}/*", "upstream": {"type": "roundrobin", "nodes": {place: 1}}}
        route["plugins"] = {"proxy-rewrite": {"regex_uri": [f"^/own{number}/(.*)", "/$1"]}}
        written = call(f"{system.admin_url}/routes/own{number}", route, mine, "PUT").status
        system.wait_live()
        for path, body in (("v3/kv/range", {"key": "AA=="}), ("metrics", None), ("v1/routes", None)):
            if written in (200, 201) and call(f"{target.url}/own{number}/{path}", body).status not in (
                400,
                502,
                503,
                504,
            ):
                reached.append(f"{place}/{path}")
        call(f"{system.admin_url}/routes/own{number}", None, mine, "DELETE")
    writes = {
        "admins/writer": {"role": "admin", "keys": [{"id": "1", "key": key}]},
        "consumers/agent": {"username": "agent", "plugins": {"key-auth": {"key": "taken-over-0123456789"}}},
        "plugin_metadata/http-logger": {"log_format": {"a": "b"}},
        "global_rules/evil": {"plugins": {"ai-guard": {"shadow": True}}},
        "secrets/file/evil": {"directory": "/etc"},
        "budgets/evil": {"unit": "usd", "amount": "1000000", "window": "day"},
        "ssls/evil": {"sni": "a.example", "cert": "x", "key": "y"},
        "providers/openai": {"type": "openai", "endpoint": "http://evil.example"},
    }
    reached += [
        path for path, body in writes.items() if call(f"{system.admin_url}/{path}", body, mine, "PUT").status != 403
    ]
    return not reached, f"{reached or 'nothing'}"


@attack("the audit trail, rewritten, cut and with a line taken out, by who may write its file", inside=True)
def _(target: Target) -> tuple[bool, str]:
    assert target.system is not None
    exported = target.system.ctl("audit", "export").stdout.splitlines()
    folder = target.system.folder / "forged"
    folder.mkdir()
    changed = [line.replace('"block"', '"flag"', 1) for line in exported]
    middle = len(exported) // 2
    swapped = [*exported[: middle - 1], exported[middle], exported[middle - 1], *exported[middle + 1 :]]
    forgeries = {"changed": changed, "taken out": exported[:middle] + exported[middle + 1 :], "swapped": swapped}
    codes = {}
    for name, lines in {"whole": exported, **forgeries}.items():
        (folder / "export.jsonl").write_text("\n".join(lines) + "\n")
        codes[name] = target.system.ctl("audit", "verify", str(folder), check=False).returncode
    return codes.pop("whole") == 0 and changed != exported and 0 not in codes.values(), str(codes)


@attack("afterwards the audit trail is whole and holds no secret", inside=True)
def _(target: Target) -> tuple[bool, str]:
    assert target.system is not None
    time.sleep(2)
    told = json.loads(target.system.ctl("audit", "verify", "-o", "json").stdout)
    exported = target.system.ctl("audit", "export").stdout
    lines = sum(chain["lines"] for chain in told["chains"])
    return told["whole"] and lines > 5 and SECRET not in exported and MAIL not in exported, f"{lines} lines"
