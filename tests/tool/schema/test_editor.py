"""What an editor shows at the places that people type: by the language server that editors have for YAML."""

from __future__ import annotations

import functools
import http.server
import re
import threading
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.support.language_server import LanguageServer, install
from vela_realtime import library
from vela_realtime.cli import cli
from vela_realtime.docs import site
from vela_realtime.files import write_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEAD = "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata:\n  name: a\nspec:\n  components:\n"
BROKER = f"{HEAD}    - name: devices\n      type: iot-broker\n      properties:\n        name: devices\n"
PLATFORM = f"{HEAD}    - name: plant\n      type: realtime-platform\n      properties:\n        name: plant\n"
VIEW = f"{HEAD}    - name: view\n      type: analytics-dashboard\n      properties:\n        name: view\n"


@pytest.fixture(scope="module")
def program() -> Path:
    """Return the language server."""
    found = install()
    if found is None:
        pytest.skip("npm, or what it installs, is not on this machine")
    return found


@pytest.fixture(scope="module")
def editor(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageServer]:
    schema = tmp_path_factory.mktemp("editor") / "application.json"
    done = CliRunner().invoke(cli, ["schema", "-o", str(schema)])
    assert done.exit_code == 0, done.output
    with LanguageServer(program, schema.as_uri()) as server:
        yield server


def test_a_right_application_has_no_mark(editor: LanguageServer) -> None:
    assert editor.open(BROKER) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{BROKER}        mqtPort: 1884\n", "Property mqtPort is not allowed."),
        (f'{BROKER}        mqttPort: "1884"\n', 'Incorrect type. Expected "integer".'),
        (f"{BROKER}        connector: {{errorPolicy: retry}}\n", "Value is not accepted. Valid values:"),
        (f"{BROKER}      trait: []\n", "Property trait is not allowed."),
    ],
    ids=["misspelt", "in quotes", "a choice", "beside the properties"],
)
def test_a_mistake_is_marked(editor: LanguageServer, text: str, said: str) -> None:
    assert any(message.startswith(said) for message in editor.open(text)), editor.open(text)


def test_types_are_offered_with_what_they_are(editor: LanguageServer) -> None:
    offered = editor.completions(f"{HEAD}    - name: a\n      type: |\n")
    assert {"realtime-platform", "iot-broker", "stream-processor", "worker", "cron-task"} <= offered.keys()
    assert "Kafka" in str(offered["realtime-platform"]["documentation"])


def test_traits_are_offered_where_traits_stand(editor: LanguageServer) -> None:
    offered = editor.completions(f"{BROKER}      traits:\n        - type: |\n")
    assert {"realtime", "scaler", "gateway"} <= offered.keys()
    assert "iot-broker" not in offered


def test_properties_are_those_of_the_type(editor: LanguageServer) -> None:
    offered = editor.completions(f"{BROKER}        |\n")
    assert {"mqttPort", "connector", "tls"} <= offered.keys()
    assert not {"kafkaConfig", "replicas", "name"} & offered.keys()


def test_templates_of_dashboards_are_offered_and_others_taken(editor: LanguageServer) -> None:
    offered = editor.completions(f"{VIEW}        dashboards:\n          - name: a\n            template: |\n")
    assert {"standard-overview", "streaming-metrics", "iot-sensors", "temperature-alerts"} <= offered.keys()
    assert editor.open(f"{VIEW}        dashboards: [{{name: a, template: configMap/own}}]\n") == []


def test_the_mouse_shows_meaning_and_default(editor: LanguageServer) -> None:
    shown = editor.hover(f"{BROKER}        mqtt|Port: 1884\n")
    assert "MQTT" in shown
    assert "1883" in shown


def test_the_mouse_shows_what_a_type_is_for(editor: LanguageServer) -> None:
    assert "Definition of the component" in editor.hover(f"{HEAD}    - name: a\n      ty|pe: iot-broker\n")


@pytest.mark.parametrize(
    ("text", "indent"),
    [(BROKER, 8), (PLATFORM, 8), (VIEW, 8), (f"{PLATFORM}        kafkaConfig:\n", 10)],
    ids=["iot-broker", "realtime-platform", "analytics-dashboard", "kafkaConfig"],
)
def test_no_snippet_has_a_number_that_is_not_allowed(editor: LanguageServer, text: str, indent: int) -> None:
    """Where a number is wanted and none is known, the server writes 0: right for a rotation, wrong for a port."""
    offered = editor.completions(f"{text}{' ' * indent}|\n")
    assert offered
    for label, item in offered.items():
        snippet = item.get("insertText", "")
        if re.search(r":\s*(\$\{\d+:0\}|0)\s*$", snippet):
            lines = re.sub(r"\$\{\d+:([^}]*)\}", r"\1", snippet).split("\n")
            typed = "".join(f"{' ' * indent}{line}\n" for line in lines)
            assert editor.open(text + typed) == [], label


def test_a_number_that_must_not_be_0_is_left_to_be_typed(editor: LanguageServer) -> None:
    offered = editor.completions(f"{BROKER}        connector:\n          |\n")
    assert offered["partitions"]["insertText"] == "partitions: "


@pytest.mark.parametrize("named", [True, False], ids=["its own address in it", "no address in it"])
def test_the_schema_of_the_site_is_fetched_from_there(program: Path, tmp_path: Path, named: bool) -> None:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{web.server_port}/"
        for place, text in site.schemas(library.find(), address if named else "").items():
            write_text(tmp_path / place, text)
        with LanguageServer(program, f"{address}schemas/application.json") as server:
            assert server.open(BROKER) == []
            assert "Property mqtPort is not allowed." in server.open(f"{BROKER}        mqtPort: 1884\n")
        web.shutdown()
