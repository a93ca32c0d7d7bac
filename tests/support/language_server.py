"""The YAML language server, which editors ask what to show while somebody types: npm's ``yaml-language-server``."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from vela_realtime import process
from vela_realtime.cache import cache_folder

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

VERSION = "1.25.0"
URI = "file:///shop/app.yaml"


def install() -> Path | None:
    """Return the server's program, from npm where it is not here yet; None where there is no npm."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return None
    folder = cache_folder() / "tools" / f"yaml-language-server-{VERSION}"
    program = folder / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
    if not program.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        arguments = ["install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts"]
        done = process.run([npm, *arguments, f"yaml-language-server@{VERSION}"], timeout=300)
        if not done.ok:
            return None
    return program


class LanguageServer:
    """One server, as an editor starts it: messages of the Language Server Protocol over its pipes."""

    def __init__(self, program: Path, schema: str) -> None:
        """Start it with the address of the schema of all its files."""
        self._settings = {"yaml": {"schemas": {schema: "*.yaml"}, "schemaStore": {"enable": False}}}
        node = shutil.which("node") or "node"
        self._process = subprocess.Popen(
            [node, str(program), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._number = 0
        self._version = 0
        self._diagnostics: list[dict[str, Any]] | None = None
        capabilities = {"textDocument": {"completion": {"completionItem": {"snippetSupport": True}}, "hover": {}}}
        self._ask("initialize", {"processId": None, "rootUri": None, "capabilities": capabilities})
        self._tell("initialized", {})
        self._tell("workspace/didChangeConfiguration", {"settings": self._settings})

    def __enter__(self) -> LanguageServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def open(self, text: str) -> list[str]:
        """Show the server a text; return what it finds wrong with it."""
        self._version += 1
        self._diagnostics = None
        document = {"uri": URI, "languageId": "yaml", "version": self._version, "text": text}
        if self._version == 1:
            self._tell("textDocument/didOpen", {"textDocument": document})
        else:
            change = {"textDocument": {"uri": URI, "version": self._version}, "contentChanges": [{"text": text}]}
            self._tell("textDocument/didChange", change)
        while self._diagnostics is None:
            self._read()
        return [str(item["message"]) for item in self._diagnostics]

    def completions(self, text: str) -> dict[str, dict[str, Any]]:
        """Return what is offered at the mark ``|`` of a text, by its label."""
        answer = self._at("textDocument/completion", text)
        return {item["label"]: item for item in (answer or {}).get("items", ())}

    def hover(self, text: str) -> str:
        """Return what is shown for the word at the mark ``|`` of a text."""
        answer = self._at("textDocument/hover", text)
        contents = (answer or {}).get("contents") or ""
        return str(contents["value"] if isinstance(contents, dict) else contents)

    def _at(self, method: str, text: str) -> Any:
        before, _, after = text.partition("|")
        self.open(before + after)
        position = {"line": before.count("\n"), "character": len(before) - before.rfind("\n") - 1}
        return self._ask(method, {"textDocument": {"uri": URI}, "position": position})

    def _ask(self, method: str, params: dict[str, Any]) -> Any:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while True:
            message = self._read()
            if message.get("id") == self._number and "method" not in message:
                return message.get("result")

    def _tell(self, method: str, params: dict[str, Any]) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)
        self._process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        """Read a message; answer what the server asks for, and keep what it finds."""
        assert self._process.stdout is not None
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        if not length:
            raise EOFError("the language server ended")
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        if message.get("method") == "textDocument/publishDiagnostics":
            self._diagnostics = message["params"]["diagnostics"]
        elif "id" in message and "method" in message:
            configuration = [self._settings.get(item.get("section"), {}) for item in message["params"].get("items", ())]
            answer = configuration if message["method"] == "workspace/configuration" else None
            self._send({"id": message["id"], "result": answer})
        return message
