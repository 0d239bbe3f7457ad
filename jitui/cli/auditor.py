"""Auditors: what was done, and why it was decided so. It works from bare files too, without a gateway."""

from collections.abc import Sequence
from typing import Any, Final

import click

from jitui import __version__
from jitui.api.views import Explained, FactView
from jitui.cli import follow, show
from jitui.cli.kinds import NAMED, BeforeCommand, command_after
from jitui.cli.reach import asynchronous, gateway, reaching
from jitui.cli.source import archive
from jitui.policy.action import Action
from jitui.policy.brief import brief, parts
from jitui.policy.scope import Scope
from jitui.recording.ocsf import event
from jitui.values import plain
from jitui.values.errors import InvalidError
from jitui.values.instant import from_rfc3339
from jitui.values.said import clean

PAGE: Final = 1000
LINE: Final = 2000  # characters of a line
VALUE: Final = 300  # of one value in it
SCOPE: Final = 240  # of a scope


@click.command("actions")
@click.option("--grant", type=NAMED, default="", metavar="G", help="Only those of one window.")
@click.option("--audit-id", default="", metavar="ID", help="The one that the cluster's audit log calls so.")
@click.option("--limit", type=click.IntRange(1, PAGE), default=PAGE, metavar="N", help="The newest N.")
@reaching
@asynchronous
async def actions_command(grant: str, audit_id: str, limit: int, as_json: bool) -> None:
    """Every request with its verdict, oldest first."""
    async with archive("") as (at, _):
        show.many(await at.actions(grant=grant, audit_id=audit_id, limit=limit), as_json, {
            "at": lambda view: show.clock(view.at), "identity": lambda view: view.identity, "verdict": lambda view: view.verdict,
            "hazard": lambda view: view.hazard, "verb": lambda view: view.verb, "resource": lambda view: view.resource,
            "namespace": lambda view: view.namespace, "name": lambda view: view.name, "code": lambda view: view.code,
            "times": lambda view: view.count, "session": lambda view: view.session, "clause": lambda view: view.clause,
            "argv": lambda view: show.argv(view.argv),
        }, "nothing was attempted yet" if not audit_id else f"no recorded action has the audit id {clean(audit_id, 80)}")


@click.command("explain", cls=BeforeCommand, options_metavar="[OPTIONS]")
@click.argument("connection")
@click.argument("action", nargs=-1, required=True, metavar="ACTION... [-- ARGV...]")
@click.option("-n", "--namespace", default="", metavar="NS")
@click.option("--identity", default="", metavar="NAME", help="For another; people may ask that.")
@reaching
@asynchronous
async def explain_command(connection: str, action: tuple[str, ...], namespace: str, identity: str, as_json: bool) -> None:
    """Which rule and clause decide one action, and why: jitui explain prod get deployments.apps:web -n web."""
    asked = read_action(" ".join(action) + (f" in {namespace}" if namespace else ""), command_after())
    async with gateway() as at:
        show.one(await at.explain(connection, asked, identity=identity), as_json, _explained, LINE)


def read_action(text: str, argv: Sequence[str]) -> Action:
    """The one action of `exec pods:web-7c in web`, in the words of the scope grammar. Raises InvalidError."""
    if text.startswith("get url:"):
        return Action("get", path=text.removeprefix("get url:"))
    scope = Scope.parse(text)
    atom = scope.clauses[0].atoms[-1] if scope.clauses[0].atoms else None
    if len(scope.clauses) != 1 or atom is None or len(atom.verbs) != 1 or len(scope.clauses[0].targets) != 1 or len(atom.namespaces) > 1 or "*" in text:
        raise InvalidError(f'one action is one verb on one resource in at most one namespace, as "get pods:web in web", not "{clean(text, 80)}"')
    target = atom.target
    return Action(next(iter(atom.verbs)), group=target.group, resource=target.plural, subresource=target.subresource,
                  namespace=atom.namespaces[0] if atom.namespaces else "", name=target.name, container=target.container, argv=tuple(argv))


def _explained(view: Explained) -> str:
    pieces = [f"{view.verdict} ({view.hazard}): {view.why}", f"rule: {_in_brief(view.rule)}" if view.rule else "no rule",
              f"by: {view.clause}" if view.clause else "", f"window: {view.grant}" if view.grant else "", f"ask with: {view.how}" if view.how else ""]
    return "; ".join(piece for piece in pieces if piece)


@click.command("facts")
@click.option("--follow", "following", is_flag=True, help="Go on with what happens.")
@click.option("--after", type=click.IntRange(0), default=0, metavar="SEQ", help="Only later ones.")
@click.option("--format", "form", type=click.Choice(["text", "json", "ocsf"]), default="text", help="JSON lines, as --json; or events of OCSF, for a SIEM.")
@reaching
@asynchronous
async def facts_command(following: bool, after: int, form: str, as_json: bool) -> None:
    """The audit log, oldest first."""
    def say(fact: FactView) -> None:
        if form == "ocsf":
            click.echo(plain.text(_ocsf(fact)))
        else:
            show.one(fact, as_json or form == "json", fact_line, LINE)

    async with archive("") as (at, _):
        while page := await at.facts(after=after, limit=PAGE):
            for fact in page:
                say(fact)
            after = page[-1].seq
    if following:
        async with gateway() as live:
            async for fact in follow.facts(live, after):
                say(fact)


def _ocsf(fact: FactView) -> dict[str, Any]:
    return event(seq=fact.seq, at_us=from_rfc3339(fact.at), kind=fact.kind, who=fact.who, subject=fact.subject, what=fact.what, hash_hex=fact.hash,
                 version=__version__)


def fact_line(fact: FactView) -> str:
    what = " ".join(f"{key}={_value(key, value)}" for key, value in fact.what.items() if value not in ("", None, [], 0))
    return f"{fact.seq:>6}  {show.clock(fact.at, fraction=True)}  {fact.kind:<18}  {fact.who}  {fact.subject}  {what}"


def _value(key: str, value: object) -> str:
    """A value as JSON; a long one is cut by itself, so that what follows is seen too, and a scope so that no clause hides."""
    return clean(plain.text(_in_brief(value) if key == "scope" and isinstance(value, str) else value), VALUE)


def _in_brief(scope: str) -> str:
    return scope if len(scope) <= SCOPE else brief(parts(scope), SCOPE)
