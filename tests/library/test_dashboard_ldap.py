"""The LDAP settings of both products, tried on a real directory as their sign-in does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support import dashboards
from tests.support.applications import environment
from tests.support.doubles.directory import READER, READER_PASSWORD, Directory, Entry, directory

if TYPE_CHECKING:
    from collections.abc import Iterator

PEOPLE, GROUPS = "ou=people,dc=example,dc=com", "ou=groups,dc=example,dc=com"
ROLES = {f"cn=analysts,{GROUPS}": "Editor", f"cn=operators,{GROUPS}": "Admin"}
REFERENCE = "ldap/password"
SECURITY = pytest.mark.parametrize("security", ["none", "starttls", "ssl"])


@pytest.fixture(scope="module")
def company() -> Iterator[Directory]:
    with directory() as running:
        yield running


def rendered(product: str, company: Directory, security: str, **more: Any) -> dict[str, Any]:
    """Return the objects of a dashboard whose users are in the directory."""
    ldap = {
        "host": "127.0.0.1",
        "port": company.tls_port if security == "ssl" else company.port,
        "security": security,
        "bindDn": READER,
        "bindPassword": {"name": "ldap", "key": "password"},
        "userBase": PEOPLE,
        **more,
    }
    properties = {"name": "board", "dashboardType": product, "authentication": {"provider": "ldap", "ldap": ldap}}
    return dashboards.render(properties)


def escaped(text: str) -> str:
    """Return a text as a filter takes it, which both products see to."""
    return "".join(f"\\{ord(letter):02x}" if letter in "\\*()\0" else letter for letter in text)


class Metabase:
    """Signs in as Metabase does with its MB_LDAP variables."""

    def __init__(self, company: Directory, objects: dict[str, Any]) -> None:
        self.company = company
        given = environment(objects["output"])
        self.settings = {name[8:]: value for name, value in given.items() if name.startswith("MB_LDAP_")}
        assert self.settings["ENABLED"] == "true"
        assert given["MB_LDAP_PASSWORD"] == REFERENCE
        assert self.settings["HOST"] == "127.0.0.1"

    def find(self, login: str) -> list[Entry]:
        it = self.settings
        query = it["USER_FILTER"].replace("{login}", escaped(login))
        found = self.company.search(it["BIND_DN"], READER_PASSWORD, it["SECURITY"], "-b", it["USER_BASE"], query)
        assert found is not None
        return found

    def sign_in(self, login: str, password: str) -> dict[str, str] | None:
        """Return what Metabase learns of a user, ``None`` where it lets nobody in."""
        found = self.find(login)
        if len(found) != 1:
            return None
        (entry,) = found
        if self.company.search(entry.dn, password, self.settings["SECURITY"], "-b", "", "-s", "base") is None:
            return None
        names = ("EMAIL", "FIRSTNAME", "LASTNAME")
        return {name: entry.attributes[self.settings[f"ATTRIBUTE_{name}"]][0] for name in names}


class Grafana:
    """Signs in as Grafana does with its ldap.toml."""

    def __init__(self, company: Directory, objects: dict[str, Any]) -> None:
        tomllib = pytest.importorskip("tomllib")
        self.company = company
        assert environment(objects["output"])["LDAP_BIND_PASSWORD"] == REFERENCE
        # Grafana puts variables in before it reads the file.
        text = objects["outputs.grafana-config"]["data"]["ldap.toml"].replace("${LDAP_BIND_PASSWORD}", READER_PASSWORD)
        (self.settings,) = tomllib.loads(text)["servers"]
        it = self.settings
        assert (it["host"], it["port"]) in {("127.0.0.1", company.port), ("127.0.0.1", company.tls_port)}
        assert it["use_ssl"] or not it["start_tls"]
        self.security = "none" if not it["use_ssl"] else "starttls" if it["start_tls"] else "ssl"

    def search(self, base: str, query: str) -> list[Entry]:
        found = self.company.search(
            self.settings["bind_dn"], self.settings["bind_password"], self.security, "-b", base, query
        )
        assert found is not None
        return found

    def find(self, login: str) -> list[Entry]:
        query = self.settings["search_filter"].replace("%s", escaped(login))
        return [entry for base in self.settings["search_base_dns"] for entry in self.search(base, query)]

    def role(self, user: Entry) -> str:
        """Return the role of the first mapping that the user is in."""
        groups = set()
        for base in self.settings.get("group_search_base_dns", []):
            assert self.settings["group_search_filter_user_attribute"] == "dn"
            query = self.settings["group_search_filter"].replace("%s", escaped(user.dn))
            groups |= {entry.dn for entry in self.search(base, query)}
        mappings = self.settings["group_mappings"]
        return next(str(item["org_role"]) for item in mappings if item["group_dn"] in groups | {"*"})

    def sign_in(self, login: str, password: str) -> dict[str, str] | None:
        """Return what Grafana learns of a user, ``None`` where it lets nobody in."""
        found = self.find(login)
        if len(found) != 1:
            return None
        (entry,) = found
        if self.company.search(entry.dn, password, self.security, "-b", "", "-s", "base") is None:
            return None
        names = ("username", "email", "name", "surname")
        known = {name: entry.attributes[self.settings["attributes"][name]][0] for name in names}
        return {**known, "role": self.role(entry)}


@SECURITY
def test_metabase(company: Directory, security: str) -> None:
    metabase = Metabase(company, rendered("metabase", company, security, groupBase=GROUPS))
    ada = {"EMAIL": "ada@example.com", "FIRSTNAME": "Ada", "LASTNAME": "Lovelace"}
    assert metabase.sign_in("ada", "ada's password") == ada
    assert metabase.sign_in("ada@example.com", "ada's password") == ada
    assert metabase.sign_in("ada", "bob's password") is None
    assert metabase.sign_in("nobody", "x") is None


@SECURITY
def test_grafana(company: Directory, security: str) -> None:
    grafana = Grafana(company, rendered("grafana", company, security, groupBase=GROUPS, roles=ROLES))
    bob = {"username": "bob", "email": "bob@example.com", "name": "Bob", "surname": "Bobson", "role": "Editor"}
    assert grafana.sign_in("bob", "bob's password") == bob
    assert grafana.sign_in("bob", "ada's password") is None
    assert grafana.sign_in("nobody", "x") is None


def test_a_user_of_two_groups_gets_the_higher_role(company: Directory) -> None:
    grafana = Grafana(company, rendered("grafana", company, "none", groupBase=GROUPS, roles=ROLES))
    ada = grafana.sign_in("ada", "ada's password")
    assert ada is not None
    assert ada["role"] == "Admin"


def test_a_user_of_no_group_is_a_viewer(company: Directory) -> None:
    grafana = Grafana(company, rendered("grafana", company, "none", groupBase=GROUPS, roles=ROLES))
    carol = grafana.sign_in("carol", "carol's password")
    assert carol is not None
    assert carol["role"] == "Viewer"


def test_without_groups_everyone_is_a_viewer(company: Directory) -> None:
    ada = Grafana(company, rendered("grafana", company, "none")).sign_in("ada", "ada's password")
    assert ada is not None
    assert ada["role"] == "Viewer"


def test_people_as_active_directory_has_them(company: Directory) -> None:
    """They are no inetOrgPerson, and have brackets in their names."""
    objects = rendered("metabase", company, "none")
    assert Metabase(company, objects).sign_in("carol", "carol's password") == {
        "EMAIL": "carol@example.com",
        "FIRSTNAME": "Carol",
        "LASTNAME": "Carolson",
    }


def test_accounts_that_are_no_people(company: Directory) -> None:
    assert Metabase(company, rendered("metabase", company, "none")).find("printer") == []


@pytest.mark.parametrize("product", [Metabase, Grafana])
@pytest.mark.parametrize("login", ["*", "a*", "ada)(uid=*", "ada)(|(uid=*"])
def test_a_login_cannot_change_the_filter(company: Directory, product: type[Metabase | Grafana], login: str) -> None:
    assert product(company, rendered(product.__name__.lower(), company, "none")).find(login) == []


@pytest.mark.parametrize("product", [Metabase, Grafana])
def test_other_attributes(company: Directory, product: type[Metabase | Grafana]) -> None:
    names = {"loginAttribute": "cn", "emailAttribute": "uid", "firstNameAttribute": "sn", "lastNameAttribute": "cn"}
    it = product(company, rendered(product.__name__.lower(), company, "none", **names))
    ada = it.sign_in("Ada", "ada's password")
    assert ada is not None
    assert {"ada", "Lovelace", "Ada"} <= set(ada.values())
