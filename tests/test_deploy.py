"""The files in `deploy` say of the service what the service says of itself; `make deploy-check` lints them."""

import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from qa_service.cli import main
from qa_service.settings import Settings

DEPLOY = Path(__file__).parents[1] / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
FILES = [each for each in sorted(DEPLOY.rglob("*")) if each.is_file() and each.suffix != ".json"]
# The places of a compose file that its user fills in are no settings of the service.
PLACES = {"QA_HOST"}


def _documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(DEPLOY).as_posix())
def test_every_setting_that_a_file_names_exists(path: Path) -> None:
    named = {*re.findall(r"\bQA_[A-Z_]+\b", path.read_text(encoding="utf-8"))} - PLACES

    assert named <= {f"QA_{field.upper()}" for field in Settings.model_fields}


def test_every_kubernetes_file_is_either_applied_or_an_example() -> None:
    (kustomization,) = _documents(KUBERNETES / "kustomization.yaml")
    others = {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}

    assert {name for name in others if ".example." not in name} == set(kustomization["resources"])


@pytest.mark.parametrize(
    "path", [DEPLOY / "Dockerfile", KUBERNETES / "deployment.yaml"], ids=lambda path: path.name
)
def test_the_command_that_is_run_is_one_that_the_program_has(path: Path) -> None:
    found = re.search(r'\["serve"(?:, "[^"]+")*\]', path.read_text(encoding="utf-8"))
    assert found
    arguments = re.findall(r'"([^"]+)"', found[0])

    shown = CliRunner().invoke(main, [arguments[0], "--help"]).output

    assert all(option in shown for option in arguments if option.startswith("--"))


@pytest.mark.parametrize("name", ["compose.yaml", "compose.scaled.yaml", "kubernetes/deployment.yaml"])
def test_the_service_is_run_without_rights_and_on_a_file_system_that_it_cannot_write(name: str) -> None:
    (document,) = _documents(DEPLOY / name)

    if "services" in document:
        service = document["services"]["qa"]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
    else:
        (container,) = document["spec"]["template"]["spec"]["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]
        assert document["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] is True


@pytest.mark.parametrize("name", ["compose.yaml", "compose.scaled.yaml"])
def test_the_image_is_that_of_this_release(name: str) -> None:
    (document,) = _documents(DEPLOY / name)

    assert document["services"]["qa"]["image"] == f"qa-service:{version('qa-service')}"


def test_no_port_but_that_of_the_proxy_is_open_to_other_machines() -> None:
    for name in ("compose.yaml", "compose.scaled.yaml"):
        (document,) = _documents(DEPLOY / name)
        for service, said in document["services"].items():
            for port in said.get("ports", []):
                assert service == "proxy" or port.startswith("127.0.0.1:")


def test_the_proxy_comes_from_an_address_that_the_service_trusts() -> None:
    (document,) = _documents(DEPLOY / "compose.scaled.yaml")
    services, networks = document["services"], document["networks"]

    # Where two containers share several networks, Docker chooses which address they meet by.
    (shared,) = {*services["proxy"]["networks"]} & {*services["qa"]["networks"]}
    (config,) = networks[shared]["ipam"]["config"]

    assert config["subnet"] == services["qa"]["environment"]["QA_TRUSTED_PROXIES"]
    assert not networks[shared].get("internal")


def test_the_proxy_waits_longer_for_a_replica_than_it_remembers_one_that_is_gone() -> None:
    said = dict(
        re.findall(r"^\s*(\w+) (\S+)$", (DEPLOY / "Caddyfile").read_text(encoding="utf-8"), re.MULTILINE)
    )

    assert int(said["lb_try_duration"].removesuffix("s")) > int(said["refresh"].removesuffix("s"))
    assert said["fail_duration"]
    # Caddy runs no active checks of dynamic upstreams, and its own limit would hide the service's words.
    assert not {"health_uri", "max_size"} & said.keys()
