"""Who may: keys, models, tools."""

from __future__ import annotations

import json
import statistics

from tests.attack.target import CHAT, Target, attack, status
from tests.support.system import call


@attack("no key, a wrong key, a key with tricks")
def _(target: Target) -> tuple[bool, str]:
    tries = ("", "wrong", target.key.upper(), target.key + " x", target.key.replace("a", "%61"), target.key[:-1] + "*")
    codes = [call(f"{target.url}/v1/models", None, {"apikey": one} if one else {}).status for one in tries]
    return all(code in (401, 429) for code in codes), str(codes)


@attack("timing: a key that is nearly right takes no longer than one that is not")
def _(target: Target) -> tuple[bool, str]:
    keys = (target.key[:-1] + "~", "~" * len(target.key))
    took: dict[str, list[float]] = {key: [] for key in keys}
    for _ in range(60):  # in turn, so that what else the machine does falls on both
        for key in keys:
            took[key].append(call(f"{target.url}/v1/models", None, {"apikey": key}).seconds)
    near, far = (statistics.quantiles(took[key], n=4)[0] for key in keys)
    return abs(near - far) < 0.3 * max(near, far), f"{near * 1e6:.0f} and {far * 1e6:.0f} us"


@attack("a model outside the policy", inside=True)
def _(target: Target) -> tuple[bool, str]:
    answer = target.chat([{"role": "user", "content": "hello there"}], model="o1-pro")
    return answer.status == 403, f"{answer.status}"


@attack("a tool outside the policy is not offered to the model", inside=True)
def _(target: Target) -> tuple[bool, str]:
    tools = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("search", "delete_all")]
    answer = target.chat([{"role": "user", "content": "hello there"}], tools=tools)
    assert target.system is not None
    sent = json.dumps(target.system.simulators.openai.log.entries[-1].body)
    return answer.status == 200 and "delete_all" not in sent and "search" in sent, f"{answer.status}"


@attack("a forbidden call in an answer never becomes whole", inside=True)
def _(target: Target) -> tuple[bool, str]:
    assert target.system is not None
    offered = [{"type": "function", "function": {"name": "search", "parameters": {}}}]
    target.system.simulators.openai.simulate(tools="search", arguments='{"q": "../../etc/passwd"}')
    said = [{"role": "user", "content": "hello there"}]
    answers = [target.chat(said, tools=offered), target.chat(said, tools=offered, stream=True)]
    target.system.simulators.openai.simulate()
    return not any("passwd" in one.text for one in answers), str([one.status for one in answers])


@attack("the model named twice: in JSON of another name, in a form, in the query", inside=True)
def _(target: Target) -> tuple[bool, str]:
    assert target.system is not None
    headers = {"apikey": target.key}
    before = len(target.system.simulators.openai.log.entries)
    form = "".join(
        f'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n{model}\r\n' for model in ("gpt-image-1", "o1-pro")
    )
    tries = (
        ("/v1/images/generations", b'{"model":"o1-pro","prompt":"x"}', "text/plain"),
        ("/v1/images/edits", f"{form}--b--\r\n".encode(), "multipart/form-data; boundary=b"),
        ("/v1/images/edits", b"model=o1-pro&prompt=x", "application/x-www-form-urlencoded"),
        (f"{CHAT}?model=gpt-4o-mini", b'{"model":"o1-pro","messages":[]}', "application/json"),
    )
    codes = [call(f"{target.url}{path}", body, {**headers, "content-type": kind}).status for path, body, kind in tries]
    asked = len(target.system.simulators.openai.log.entries) - before
    return all(400 <= code < 500 for code in codes) and not asked, str(codes)


@attack("stored answers of a provider are no way around the policies", inside=True)
def _(target: Target) -> tuple[bool, str]:
    answers = [
        target.raw(target.head(path=path, method="GET") + b"\r\n", wait_s=1.0)
        for path in ("/v1/responses/resp_123", "/v1/files", "/v1/files/file-1/content", "/v1/batches")
    ]
    codes = [status(one) for one in answers]
    return all(400 <= code < 500 for code in codes), str(codes)


@attack("guessing keys is slowed down, and those who have one go on", inside=True)
def _(target: Target) -> tuple[bool, str]:
    codes = [call(f"{target.url}/v1/models", None, {"apikey": f"guess-{number:020}"}).status for number in range(60)]
    mine = target.chat([{"role": "user", "content": "hello there"}]).status
    return 429 in codes and mine == 200, f"{codes.count(401)} times 401, {codes.count(429)} times 429, mine {mine}"
