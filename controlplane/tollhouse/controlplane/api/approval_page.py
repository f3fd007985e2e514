"""What a signed link opens: a page that shows an approval, and takes the decision.

Looking decides nothing: mail and chat programs fetch links by themselves. The token is the permission; nothing else of
the Admin API can be reached with it.
"""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qs

from aiohttp import web
from tollhouse.controlplane.api.approvals import read_for
from tollhouse.controlplane.api.body import read_body
from tollhouse.controlplane.author import Author, author
from tollhouse.controlplane.service.approvals import Approvals, Decided
from tollhouse.controlplane.service.refusal import Refusal

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
}
STYLE = (
    "body{font:16px system-ui;max-width:40rem;margin:3rem auto;padding:0 1rem}"
    "th{text-align:left;padding-right:1rem}label{display:block;margin:.5rem 0}"
)
INVALID = "This link is not valid (any more)."


async def show(approvals: Approvals, request: web.Request) -> web.Response:
    """``GET /approve/<token>``."""
    approval_id = approvals.of_link(request.match_info["token"])
    if approval_id is None:
        return _page(404, f"<p>{INVALID}</p>")
    try:
        return _page(200, _asked(await approvals.get(approval_id)))
    except Refusal as refusal:
        return _page(404, f"<p>{escape(refusal.text)}</p>")


async def decide(approvals: Approvals, request: web.Request) -> web.Response:
    """``POST /approve/<token>`` with the form's fields."""
    approval_id = approvals.of_link(request.match_info["token"])
    if approval_id is None:
        return _page(404, f"<p>{INVALID}</p>")
    form = {name: values[0] for name, values in parse_qs((await read_body(request)).decode("utf-8", "replace")).items()}
    author.set(Author("signed link", "", "link", request.remote or ""))
    note = form.get("note", "")[:500]
    try:
        if form.get("decision") == "approve":
            for_s = read_for(form.get("for"))
            decided = await approvals.approve(approval_id, form.get("amount", ""), for_s, note, via="link")
        elif form.get("decision") == "deny":
            decided = await approvals.deny(approval_id, read_for(form.get("for")), note, via="link")
        else:
            return _page(400, "<p>Say approve or deny.</p>")
    except Refusal as refusal:
        return _page(409, f"<p>{escape(refusal.text)}</p>")
    return _page(200, _done(decided))


def _asked(one: Decided) -> str:
    if one.state != "pending":
        return _done(one)
    value = one.value
    suggested = escape(str(value["suggested"]))
    return (
        f"<p>The budget <b>{escape(str(value['budget']))}</b> has no room for a request.</p>{_table(one)}"
        f'<form method="post"><label>Amount ({escape(str(value["unit"]))}, at most {suggested}) '
        f'<input name="amount" value="{suggested}"></label><label>For <input name="for" value="1h"></label>'
        '<label>Note <input name="note"></label><p><button name="decision" value="approve">Approve</button> '
        '<button name="decision" value="deny">Deny</button></p></form>'
    )


def _done(one: Decided) -> str:
    by = f" by {escape(str(one.value.get('decided_by')))}" if one.value.get("decided_by") else ""
    granted = (
        f" {escape(str(one.value['granted']))} {escape(str(one.value['unit']))}" if one.value.get("granted") else ""
    )
    return f"<p>Approval {escape(one.id)}: <b>{escape(one.state)}</b>{granted}{by}.</p>{_table(one)}"


def _table(one: Decided) -> str:
    value, context = one.value, one.value.get("context") or {}
    rows = {
        "For": str(value["key"]).partition("|")[2] or "everybody it counts",
        "Agent": context.get("consumer", ""),
        "Model": context.get("model", ""),
        "Session": context.get("session", ""),
        "Used": f"{value['used']} of {value['limit']} {value['unit']}",
        "Needed at most": f"{value['needed']} {value['unit']}",
        "The client waits": "yes" if context.get("held") else "no",
    }
    cells = "".join(f"<tr><th>{name}<td>{escape(str(text))}" for name, text in rows.items() if text)
    return f"<table>{cells}</table>"


def _page(status: int, body: str) -> web.Response:
    head = f"<!doctype html><html lang=en><title>Tollhouse: approval</title><style>{STYLE}</style>"
    return web.Response(status=status, text=f"{head}<h1>Approval</h1>{body}", content_type="text/html", headers=HEADERS)
