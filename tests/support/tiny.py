"""A library small enough to read at a glance: what the tool does is shown on it, and broken on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime.library import Library

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "cue/cue.mod/module.cue": """\
module: "vela-realtime.dev/library"
language: version: "v0.9.0"
""",
    "cue/context.cue": """\
package realtime

// context stands in for what KubeVela supplies.
context: {
	name:      string
	namespace: string
	appName:   string
	components: [...{...}]
	...
}
""",
    "cue/site.cue": """\
package realtime

// site is what the organisation set.
site: #Site

#Site: {
	// registry of images. Default: none.
	registry: *"" | =~"^[a-z.]+$"
	// size of everything.
	size: *"small" | "large"
}
""",
    "cue/labels.cue": """\
package realtime

import "strings"

// #Labels are those of every object.
#Labels: {
	#name: string
	#app:  string

	"app.kubernetes.io/name":       strings.ToLower(#name)
	"app.kubernetes.io/instance":   #name
	"app.kubernetes.io/part-of":    #app
	"app.kubernetes.io/managed-by": "kubevela"
}
""",
    "cue/unused.cue": """\
package realtime

import "math"

#Unused: math.Pi
""",
    "cue/echo/definition.cue": """\
package realtime

definition: {
	name:        "echo"
	type:        "component"
	version:     "1.2.3"
	alias:       "Echo"
	description: "Says what it is told: \\"twice\\""
	workload: type: "autodetects.core.oam.dev"
	parts: [
		{name: "echo", kind: "Deployment", output: ""},
		{name: "setup", kind: "Job", output: "setup"},
	]
}
""",
    "cue/echo/parameter.cue": """\
package realtime

parameter: #Parameter

#Parameter: {
	// +usage=Name of the echo
	name: string
	// +usage=How many of them
	replicas: *1 | int
	// +usage=What to say
	words?: string
}

#Strict: {
	name:      =~"^[a-z]+$"
	replicas?: >=1 & <=9
	...
}
""",
    "cue/echo/template.cue": """\
package realtime

strict: #Strict & parameter

output: {
	apiVersion: "apps/v1"
	kind:       "Deployment"
	metadata: {
		name: parameter.name
		labels: #Labels & {#name: parameter.name, #app: context.appName}
	}
	spec: replicas: parameter.replicas
}

outputs: {
	if parameter.words != _|_ {
		setup: {
			apiVersion: "batch/v1"
			kind:       "Job"
			metadata: {
				name:      "\\(parameter.name)-setup"
				namespace: context.namespace
				labels: #Labels & {#name: parameter.name, #app: context.appName}
			}
			spec: words: "\\(site.registry)\\(parameter.words)"
		}
	}
}

rules: {
	[string]: true

	if parameter.words != _|_ if parameter.words == "nothing" {
		"words must say something": false
	}
}
""",
}


GREETING = {
    "cue/greeting/definition.cue": """\
package realtime

definition: {
	name:        "greeting"
	type:        "component"
	version:     "1.0.0"
	description: "Says hello from a ConfigMap"
	workload: type: "autodetects.core.oam.dev"
}
""",
    "cue/greeting/parameter.cue": """\
package realtime

parameter: #Parameter

#Parameter: {
	// +usage=Name of the greeting
	name: string
	// +usage=What is said
	word: *"hello" | string
}

#Strict: {
	name: =~"^[a-z]+$"
	...
}
""",
    "cue/greeting/template.cue": """\
package realtime

strict: #Strict & parameter

output: {
	apiVersion: "v1"
	kind:       "ConfigMap"
	metadata: name: parameter.name
	data: said: parameter.word
}
""",
}
"""A definition whose object every API server takes."""


class TinyLibrary:
    """The library in a folder, with means to change it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, text in FILES.items():
            self.write(name, text)

    @property
    def library(self) -> Library:
        """What the tool calls it."""
        return Library(self.root)

    def path(self, name: str) -> Path:
        """Return a file's path."""
        return self.root / name

    def read(self, name: str) -> str:
        """Return a file's text."""
        return self.path(name).read_text()

    def write(self, name: str, text: str) -> Path:
        """Write a file, with the folders above it."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def change(self, name: str, old: str, new: str) -> None:
        """Replace a piece of a file that must be there."""
        text = self.read(name)
        assert old in text, f"{name} has no {old!r}"
        self.write(name, text.replace(old, new))
