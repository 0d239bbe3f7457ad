"""`jitui rbac`: prints what a cluster, and for EKS the AWS account, must allow for the rules of one connection."""

import asyncio
import json
import os
from pathlib import Path

import click
import yaml

from jitui import config as configuration
from jitui.admin import rbac
from jitui.cli import show
from jitui.cli.gateway import CONFIG
from jitui.cli.reach import asynchronous
from jitui.values import places, plain


@click.command("rbac")
@click.argument("connection")
@CONFIG
@click.option("--namespace", "namespaces", multiple=True, metavar="NS", help="One that a pattern of the rules means; otherwise those that the cluster has.")
@click.option("--group", default="", metavar="NAME", help="The Kubernetes group that is bound; otherwise jitui-CONNECTION.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; the AWS documents are whole in it.")
@asynchronous
async def rbac_command(connection: str, config: Path | None, namespaces: tuple[str, ...], group: str, as_json: bool) -> None:
    """The least that the rules of a connection need: for kubectl apply -f -, and for EKS the access entry and the policies."""
    settings = await asyncio.to_thread(configuration.load, (config or places.config_file(os.environ)).absolute())
    found = await rbac.least(settings, connection, show.note, namespaces=namespaces, group=group)
    if as_json:
        click.echo(plain.text({"manifests": found.manifests, **found.beside}))
        return
    click.echo(yaml.safe_dump_all(found.manifests, sort_keys=False, default_flow_style=None, width=150), nl=False)
    for name, document in found.beside.items():
        text = document if isinstance(document, str) else json.dumps(document)
        click.echo(f"# {name.replace('_', ' ')}: {text}")
