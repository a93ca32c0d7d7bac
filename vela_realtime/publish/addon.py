"""A release as a KubeVela addon: a folder for ``vela addon enable``, and the chart that addon registries serve.

The definitions are ``outputs`` of the addon's template rather than files in ``definitions/``: those go to the cluster
as they are, and an addon's parameters, which are the site's settings, could change nothing in them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vela_realtime.documents import dump
from vela_realtime.publish import archive, release, uischema

if TYPE_CHECKING:
    from pathlib import Path

    from vela_realtime.library import Library
    from vela_realtime.publish.release import Release

NAMESPACE = "vela-system"

SYSTEM = {"vela": ">=v1.10.0"}
"""What an addon's ``system`` asks of the cluster: ``attributes.version`` of a definition needs it."""


def publish(
    item: Release, library: Library, output: Path, *, overwrite: bool = False, dry_run: bool = False
) -> list[Path]:
    """Write the addon's folder and its package; return the files that changed.

    Raises:
        InputError: there is another package of this version, or a file cannot be written.
        ToolError: there is no ``cue``.
    """
    from vela_realtime.library import site

    files = {f"{item.name}/{path}": data for path, data in render(item, site.schema(library)).items()}
    package = archive.tgz(files)
    name = f"{item.name}-{item.version}.addon.tgz"
    # The package first: it says whether this version was published otherwise. The folder is a copy for people.
    put = {output / name: package, output / f"{name}.sha256": archive.checksum(name, package).encode()}
    changed = archive.place(put, overwrite=overwrite, dry_run=dry_run)
    folder = {output / path: data for path, data in files.items()}
    changed += archive.place(folder, overwrite=True, dry_run=dry_run)
    if not dry_run:
        _sweep(output / item.name, set(folder))
    return changed


def render(item: Release, site: dict[str, Any]) -> dict[str, bytes]:
    """Return the addon's files. ``site`` is the JSON Schema of the site's settings."""
    description = release.DESCRIPTION
    metadata = {
        "name": item.name,
        "version": item.version,
        "description": description,
        "icon": "",
        "url": "",
        "tags": ["streaming", "kafka", "mqtt"],
        "system": SYSTEM,
    }
    chart = {
        "apiVersion": "v2",
        "name": item.name,
        "version": item.version,
        "appVersion": item.version,
        "description": description,
        "type": "library",
        "keywords": metadata["tags"],
        "annotations": {"addon.name": item.name, "system.vela": SYSTEM["vela"]},
    }
    found = {
        "Chart.yaml": dump.dump(chart),
        "metadata.yaml": dump.dump(metadata),
        "README.md": _readme(item, site),
        "parameter.cue": _parameters(site),
        "template.cue": _template(item),
        "resources/definitions.cue": _definitions(item),
        "NOTES.cue": _notes(item),
    }
    for made in item.definitions:
        if made.schema is not None and not made.optional:
            form = dump.dump(uischema.of_schema(made.schema))
            found[f"schemas/{made.type}-uischema-{made.name}.yaml"] = form
    return {path: text.encode() for path, text in found.items()}


def _installed(item: Release) -> list[Any]:
    return [made for made in item.definitions if not made.optional]


def _template(item: Release) -> str:
    """Return the addon's Application, which owns the definitions, and the definitions with the site's settings."""
    names = {
        f"addon.oam.dev/{kind}Definitions": ",".join(made.name for made in _installed(item) if made.type == kind)
        for kind in ("component", "trait")
    }
    annotations = json.dumps({key: value for key, value in names.items() if value})
    return f"""\
package main

import "encoding/json"

// output is the addon's Application. It runs nothing: it owns the definitions, and its annotations tell KubeVela which
// they are, so that an addon in use is not disabled.
output: {{
	apiVersion: "core.oam.dev/v1beta1"
	kind:       "Application"
	metadata: annotations: {annotations}
	spec: components: []
}}

// _site is what was set when the addon was enabled, as a declaration for the end of a template.
_given: {{for name, value in parameter if name != "clusters" {{"\\(name)": value}}}}
_site: [if len(_given) > 0 {{"\\n\\nsite: \\(json.Marshal(_given))\\n"}}, ""][0]

// outputs are the definitions.
outputs: {{
	for name, definition in #definitions {{
		"\\(name)": {{
			for key, value in definition if key != "spec" {{"\\(key)": value}}
			spec: {{
				for key, value in definition.spec if key != "schematic" {{"\\(key)": value}}
				schematic: cue: template: definition.spec.schematic.cue.template + _site
			}}
		}}
	}}
}}
"""


def _definitions(item: Release) -> str:
    lines = ["package main", "", "// #definitions are the definitions as they were built.", "#definitions: {"]
    for made in _installed(item):
        metadata = {**made.object["metadata"], "namespace": NAMESPACE}
        text = json.dumps({**made.object, "metadata": metadata}, ensure_ascii=False, indent="\t", sort_keys=True)
        lines.append(f"\t{json.dumps(made.name)}: " + text.replace("\n", "\n\t"))
    return "\n".join([*lines, "}", ""])


def _parameters(site: dict[str, Any]) -> str:
    """Return the settings in the form that KubeVela's schema generator reads: every one may be left out."""
    return "\n".join(
        ["// parameter is what an organisation sets for all its Applications.", f"parameter: {_struct(site, 0)}", ""]
    )


def _struct(schema: dict[str, Any], depth: int) -> str:
    lines = ["{"]
    indent = "\t" * (depth + 1)
    for name, inner in schema.get("properties", {}).items():
        if text := " ".join(inner.get("description", "").split()):
            lines.append(f"{indent}// +usage={text}")
        lines.append(f"{indent}{json.dumps(name)}?: {_type(inner, depth + 1)}")
    return "\n".join([*lines, "\t" * depth + "}"])


def _type(schema: dict[str, Any], depth: int) -> str:
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    kind = schema.get("type")
    if kind == "object" and schema.get("properties"):
        return _struct(schema, depth)
    if kind == "object":
        return "{...}"
    if kind == "array":
        return f"[...{_type(schema.get('items') or {}, depth)}]"
    return {"string": "string", "integer": "int", "number": "number", "boolean": "bool"}.get(str(kind), "_")


def _notes(item: Release) -> str:
    first = _installed(item)[0].name if _installed(item) else ""
    text = f"{item.name} {item.version} is installed. What a definition takes: vela show {first}"
    return f"notes: {json.dumps(text)}\n"


def _readme(item: Release, site: dict[str, Any]) -> str:
    about = "definition.oam.dev/description"
    rows = [
        f"| `{made.name}` | {made.type} | {made.object['metadata']['annotations'].get(about, '')} |"
        for made in _installed(item)
    ]
    settings = [
        f"| `{name}` | {' '.join(inner.get('description', '').split())} |"
        for name, inner in site.get("properties", {}).items()
    ]
    lines = [
        f"# {item.name} {item.version}",
        "",
        f"{release.DESCRIPTION}.",
        "",
        "```bash",
        f"vela addon enable ./{item.name}",
        f"vela addon enable ./{item.name} imageRegistry=registry.example.com/mirror storageClass=fast",
        "```",
        "",
        "| definition | kind | what it is |",
        "|---|---|---|",
        *rows,
        "",
        "Definitions of these names that were installed another way are taken over. Disabling the addon removes",
        "them all; KubeVela refuses it while an Application uses one.",
        "",
        "## Settings",
        "",
        "They hold for all Applications; a parameter of an Application wins over them. Nested ones are given with",
        "dots: `networkPolicy.enabled=false`.",
        "",
        "| setting | meaning |",
        "|---|---|",
        *settings,
        "",
    ]
    return "\n".join(lines)


def _sweep(folder: Path, wanted: set[Path]) -> None:
    """Remove what a former version of the addon's folder had: KubeVela would read it."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file() and path not in wanted:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
