"""``vela-realtime check``."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vela_realtime.commands.common import (
    catalog_of,
    count,
    definitions_option,
    kubevela_version_option,
    library_option,
    no_cache_option,
    optional_option,
    show,
    width_of,
)
from vela_realtime.findings import Severity, report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vela_realtime.check import Result
    from vela_realtime.check.objects.custom import Custom
    from vela_realtime.check.previous import Previous

EPILOG = """\b
Examples:
  vela-realtime check app.yaml
  vela-realtime check examples/ --fix
  vela-realtime check app.yaml --no-render
  helm template chart/ | vela-realtime check -
  vela-realtime check apps/ --format sarif > check.sarif
  vela-realtime check apps/ --previous main
  vela-realtime check app.yaml --no-render --previous old.yaml
  vela-realtime check apps/ --rules policies/ --kubernetes-version 1.32
  vela-realtime check --explain unknown-topic
"""


WIDEST = 100
"""Columns that a page of text is read in best, on any terminal."""


def default_format() -> str:
    """Return the format where none is asked for: annotations in GitHub Actions, else text."""
    return "github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text"


MANY = 50
"""Findings that nobody counts by eye: more than these are told by rule at the end, the most frequent first."""


@click.command(epilog=EPILOG)
@click.argument("apps", nargs=-1, metavar="[APP]...")
@definitions_option
@click.option("--fix", "mend", is_flag=True, help="Write what is unambiguous into the files first.")
@click.option("--no-render", is_flag=True, help="Leave out what needs vela: rendering, and what is rendered.")
@click.option("--allow-none", is_flag=True, help="Pass where no file has an Application, as for a hook.")
@click.option("--strict", is_flag=True, help="Fail on warnings too, and on what cannot be rendered here.")
@click.option(
    "--external",
    multiple=True,
    metavar="KIND/NAME",
    help="What comes from elsewhere: platform/NAME, secret/NAME, topic/NAME, with commas; NAME may be *.",
)
@click.option(
    "--previous",
    metavar="FILE|COMMIT",
    help="What the Applications were: a file, a folder, or a commit. Tells what must not change, before it is applied.",
)
@click.option("--kubernetes-version", default="", metavar="VERSION", help="Version that objects are for: 1.34.")
@kubevela_version_option
@optional_option
@click.option(
    "--profile",
    type=click.Choice(["baseline", "restricted"]),
    help="Policy profile. Default: restricted for the library's definitions, baseline for all others.",
)
@click.option(
    "--rules",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with rules of your own, in Python or CUE. Python files are run.",
)
@click.option("-n", "--namespace", default="", help="Namespace to render for, instead of the Application's own.")
@click.option("--explain", metavar="RULE", help="Say what a rule is about, and end.")
@library_option
@no_cache_option
@click.option(
    "--format",
    "form",
    type=click.Choice(sorted(report.FORMATS)),
    help="How findings are written. Default: text, and github in GitHub Actions.",
)
@click.pass_context
def command(
    context: click.Context,
    apps: tuple[str, ...],
    folders: tuple[Path, ...],
    mend: bool,
    no_render: bool,
    allow_none: bool,
    strict: bool,
    external: tuple[str, ...],
    previous: str | None,
    kubernetes_version: str,
    kubevela_version: str,
    optional: tuple[str, ...],
    profile: str | None,
    rules: Path | None,
    namespace: str,
    explain: str | None,
    root: Path | None,
    no_cache: bool,
    form: str | None,
) -> None:
    """Find what is wrong with Applications, without a cluster.

    APP is a file, a folder, or - for standard input (the default where that is no terminal); YAML or JSON. Looks at
    the YAML, the Application's form, its properties, the links between its components, then renders it and looks at
    the objects. A finding is silenced where it is by a comment: # vela-realtime: ignore[RULE] reason
    """
    from vela_realtime import check, library

    if explain is not None:
        click.echo(_explanation(explain), nl=False)
        return
    if not apps:
        if sys.stdin.isatty():
            raise click.UsageError("name a file or a folder, or - for standard input", context)
        apps = ("-",)
    form = form or default_format()
    definitions = library.find(root).definitions
    options = check.Options(
        render=not no_render,
        namespace=namespace,
        external=_external(external),
        profile=profile or "",
        kubernetes_version=_version(kubernetes_version),
        kubevela_version=kubevela_version,
        custom=_custom(rules),
        previous=_previous(previous, apps, namespace),
        use_cache=not no_cache,
    )
    from vela_realtime.schema.store import Store

    known = catalog_of(root, folders, kubevela_version, optional)
    schemas = Store(definitions, builtins=known.builtins, use_cache=not no_cache)
    result = check.check(apps, known, schemas, options, mend=mend, allow_none=allow_none)
    show(result.findings, form)
    if form == "text":
        _summary(result)
    failing = tuple(Severity) if strict else (Severity.ERROR,)
    context.exit(1 if any(finding.severity in failing for finding in result.findings) else 0)


def _external(values: Sequence[str]) -> frozenset[str]:
    from vela_realtime.check import external

    items = [item for value in values for item in external.split(value)]
    for item in items:
        if said := external.fault(item):
            raise click.BadParameter("; ".join(said), param_hint="--external")
    return frozenset(items)


def _version(text: str) -> str:
    if not text:
        return ""
    from vela_realtime.kubernetes.schemas import versions

    version = ".".join(text.removeprefix("v").split(".")[:2])
    if version not in versions():
        known = versions()
        raise click.BadParameter(
            f"there are schemas for {known[0]} to {known[-1]}, not for {text}", param_hint="--kubernetes-version"
        )
    return version


def _previous(reference: str | None, apps: Sequence[str], namespace: str) -> Previous | None:
    if reference is None:
        return None
    from vela_realtime.check import previous

    return previous.read(reference, apps, namespace)


def _custom(folder: Path | None) -> Custom | None:
    if folder is None:
        return None
    from vela_realtime.check.objects import custom

    return custom.load(folder)


def _explanation(rule: str) -> str:
    from vela_realtime.findings import rules
    from vela_realtime.findings.suggest import nearest

    if rule not in rules.RULES:
        meant = nearest(rule, rules.RULES)
        hint = f"did you mean {meant}?" if meant else f"there are {', '.join(rules.RULES)}"
        raise click.BadParameter(f"there is no rule {rule}; {hint}", param_hint="--explain")
    return rules.explanation(rule, min(width_of(sys.stdout) or WIDEST, WIDEST))


def _summary(result: Result) -> None:
    for file, changes in result.fixed.items():
        click.echo(f"{file}: {count(changes, 'change')} made")
    if not result.applications and not result.findings:
        click.echo("no Application: nothing to check")
        return
    number = Counter(finding.severity for finding in result.findings)
    errors, warnings = number[Severity.ERROR], number[Severity.WARNING]
    notes = Counter(finding.rule for finding in result.findings if finding.severity is Severity.NOTE)
    unseen = notes.pop("not-checked", 0)
    left = notes.total()
    found = f"{count(errors, 'error')}, {count(warnings, 'warning')}" if errors or warnings else "nothing found"
    found += f", {left} not rendered" if left else ""
    found += f", {unseen} not checked" if unseen else ""
    click.echo(f"{count(result.applications, 'Application')}: {found}")
    if len(result.findings) > MANY:
        rules = Counter(finding.rule for finding in result.findings).most_common()
        click.echo(f"of them {', '.join(f'{times} {rule}' for rule, times in rules)}")
