"""CI systems and platforms: what can be checked of their files where none of them runs."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from gonogo import __version__
from gonogo.config.project import Project
from gonogo.plugin import OPTIONS

ROOT = Project.find(Path(__file__).parent).root
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PUBLISHED = {
    ".github/workflows/ci.yml": "github-workflows",
    "action.yml": "github-actions",
    "examples/github/gate.yml": "github-workflows",
    "examples/gitlab/gate.gitlab-ci.yml": "gitlab-ci",
    "examples/soak/github-workflow.yml": "github-workflows",
}
OURS = [*PUBLISHED, "examples/kubernetes/gate-job.yaml"]
OURS += ["examples/argo-rollouts/analysis-template.yaml", "Dockerfile"]
# Of pytest itself.
MORE_OPTIONS = {"junit-xml", "strict"}


def read(name: str) -> str:
    """The file's text."""
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "schema"), PUBLISHED.items())
def test_a_file_is_as_its_published_schema_asks(name: str, schema: str) -> None:
    """GitHub's for workflows and actions, GitLab's for its CI."""
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    told = subprocess.run([*words, ROOT / name], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("name", OURS)
def test_every_option_of_a_gate_is_one_that_there_is(name: str) -> None:
    """Wherever a file runs the gate."""
    known = {*OPTIONS, *MORE_OPTIONS}
    lines = [line for line in read(name).splitlines() if not line.lstrip().startswith("#")]
    asked = [line for line in lines if "gonogo gate" in line or re.search(r"[\[-] *\"?--", line)]
    named = {option for line in asked for option in re.findall(r"(?<![\w-])--([a-z-]+)=", line)}
    assert named <= known | {"chown"}, named - known


@pytest.mark.parametrize("name", OURS)
def test_versions_are_those_of_this_project(name: str) -> None:
    """Of gonogo itself, and a Python that it runs with."""
    text = read(name)
    supported = SpecifierSet(PROJECT["requires-python"])
    assert {*re.findall(r"gonogo[:@]v?([\d.]+)", text)} <= {__version__}
    pythons = re.findall(r'python(?:-version)?: ?"?(3\.\d+)', text)
    assert all(supported.contains(version) for version in pythons)


def test_ci_runs_every_supported_python_on_both_systems() -> None:
    """From the oldest that the project asks for to the newest that `noxw` looks for."""
    oldest = int(PROJECT["requires-python"].rpartition(".")[2])
    newest = max(int(minor) for minor in re.findall(r"python3\.(\d+)", read("noxw")))
    every = [f"3.{minor}" for minor in range(oldest, newest + 1)]
    jobs = yaml.safe_load(read(".github/workflows/ci.yml"))["jobs"]
    assert {name: job["strategy"]["matrix"]["python"] for name, job in jobs.items()} == {
        "linux": every,
        "macos": every,
    }
    for job in jobs.values():
        assert [step for step in job["steps"] if step.get("run") == ".ci/run"]


def pods() -> Iterator[str]:
    """What the examples have Kubernetes run."""
    job = yaml.safe_load(read("examples/kubernetes/gate-job.yaml"))
    yield yaml.safe_dump(job["spec"]["template"]["spec"])
    for one in yaml.safe_load_all(read("examples/argo-rollouts/analysis-template.yaml")):
        for metric in one["spec"]["metrics"]:
            if "job" in metric["provider"]:
                assert metric.get("failureLimit") == 0
                assert metric["provider"]["job"]["spec"]["backoffLimit"] == 0
                yield yaml.safe_dump(metric["provider"]["job"]["spec"]["template"]["spec"])


@pytest.mark.parametrize("pod", [*pods()], ids=["job", "analysis"])
def test_a_pod_runs_the_image_as_it_is_made(pod: str) -> None:
    """As the image's user, once, with the archive where the gate writes it."""
    dockerfile = read("Dockerfile")
    (user,) = re.findall(r"^USER (\d+)$", dockerfile, re.MULTILINE)
    (volume,) = re.findall(r"^VOLUME (\S+)$", dockerfile, re.MULTILINE)
    assert f"runAsUser: {user}\n" in pod
    assert f"mountPath: {volume}\n" in pod
    assert "restartPolicy: Never" in pod
    assert "- --environment=production" in pod


def test_the_image_is_the_gate_and_not_roots() -> None:
    """With the client tools of the major version that is asked for."""
    text = read("Dockerfile")
    assert re.search(r"^ARG PG_MAJOR=\d+$", text, re.MULTILINE)
    assert '"postgresql-client-${PG_MAJOR}"' in text
    assert text.endswith('ENTRYPOINT ["gonogo", "gate"]\n')
    assert text.index("USER ") > text.index("RUN sed")


def test_the_lock_without_hashes_is_what_pip_calls_constraints() -> None:
    """By the very words of the Dockerfile; each line is one requirement, and pins."""
    (words,) = re.findall(r"^RUN (sed .*) >/tmp/constraints.txt", read("Dockerfile"), re.MULTILINE)
    told = subprocess.run(
        ["bash", "-c", words], cwd=ROOT, capture_output=True, text=True, check=True
    )
    pinned = [Requirement(line) for line in told.stdout.splitlines()]
    assert len(pinned) > 20
    assert all(str(one.specifier).startswith("==") for one in pinned)
