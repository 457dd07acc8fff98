"""Steps that reach the application: its code, its processes, its endpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gonogo.application import code, endpoints, release
from gonogo.application.exchange import AnswerKind, EndpointAnswer
from gonogo.config.application import Asker
from gonogo.errors import CommandError, StepError
from gonogo.ledger.ledger import CUT_SHORT
from gonogo.model.limit import Json
from gonogo.rollout.runner.steps import Evidence, HowItEnded, Resumption, Skipped, Step
from gonogo.rollout.runner.work import Work, last_stretch

REQUEST_TIMEOUT_S = 10.0
GIT_TIMEOUT_S = 120.0
LOOKED_AT = ("stopped", "wait_healthy", "identity", "endpoints", "old_endpoints")
LEFT_OUT = "endpoints are left out by rollout.toml"
PROCEDURES = {"deploy": "deployment", "rollback": "rollback"}


def command_step(name: str, title: str, resumption: Resumption[Work] | None = None) -> Step[Work]:
    """A step that runs the command of that name, where the team configured one."""

    def run(work: Work, evidence: Evidence) -> str | Skipped:
        done = work.commands.run(name)
        if done is None:
            return Skipped(f"no command {name} is configured")
        evidence |= {"command": done.command, "last_lines": list(done.last_lines)}
        return f"`{done.command}` ended with 0"

    return Step(name, title, run, resumption or Resumption())


def build_step(name: str, title: str, *, last: bool = False) -> Step[Work]:
    """A step that installs or builds; it leaves a release alone that was built to its end.

    Args:
        name: The command.
        title: What it does, for the reader.
        last: Whether the release is whole after it.
    """
    step = command_step(name, title)

    def run(work: Work, evidence: Evidence) -> str | Skipped:
        section, revision = work.context.section, work.commands.target_revision
        if release.is_whole(section, revision):
            return Skipped(f"the release {code.short(revision)} is kept as it was built")
        result = step.run(work, evidence)
        if last:
            release.mark_whole(section, revision)
        return result

    return replace(step, run=run)


def switch(work: Work, evidence: Evidence) -> str | Skipped:
    """Let the link lead to the release that is to run."""
    revision = work.commands.target_revision
    link = release.switch(work.context.section, revision)
    if link is None:
        return Skipped("the code is changed in place")
    evidence |= {"link": str(link), "revision": revision}
    return f"{link} leads to {code.short(revision)}"


def _leads_there(work: Work) -> bool:
    section = work.context.section
    return section.releases is None or release.running(section) == work.commands.target_revision


SWITCH: Step[Work] = Step(
    "switch",
    "Switch to the release",
    switch,
    Resumption(stands=_leads_there, otherwise="the link leads elsewhere"),
)


def undone_by(name: str) -> Resumption[Work]:
    """How a resumed run treats a command that starts something: it is stopped first.

    Args:
        name: The command that stops it. Its failure is only shown: perhaps nothing ran.
    """

    def undo(work: Work, _how: HowItEnded) -> None:
        try:
            work.commands.run(name)
        except CommandError as error:
            work.site.runner.note(str(error))

    cut_short = f"the command {name} is run first, so that nothing runs twice, and then it again"
    return Resumption(cut_short=cut_short, undo=undo)


def became_healthy(work: Work) -> bool:
    """Whether no step saw the application fail after its last start."""
    site = work.site
    earlier = last_stretch(site.ledger.steps(work.deployment.id), site.runner.procedure)
    seen = [earlier[name] for name in LOOKED_AT if name in earlier]
    return not any(row.outcome == "failed" and row.error != CUT_SHORT for row in seen)


def restarted(stopped_by: str = "") -> Resumption[Work]:
    """How a resumed run treats a command of the restart: again when the application failed after.

    Args:
        stopped_by: For a command that starts something, the command that stops it.
    """
    base: Resumption[Work] = undone_by(stopped_by) if stopped_by else Resumption()
    return replace(
        base, stands=became_healthy, otherwise="the application was not healthy after it"
    )


def check_out(work: Work, evidence: Evidence) -> str | Skipped:
    """Bring the code to the revision that is deployed, and verify that it is there."""
    revision = work.deployment.revision
    if work.context.section.releases:
        return _released(work, evidence)
    done = work.commands.run("checkout")
    if done:
        evidence["command"] = done.command
    repository = work.context.section.repository
    if repository is None:
        return f"revision {code.short(revision)}" if done else Skipped("the code is not in git")
    _require_head(work, revision)
    return f"the code is at {code.short(revision)}"


def _released(work: Work, evidence: Evidence) -> str:
    """Make the release that is to run, or keep the one that is whole."""
    section, revision = work.context.section, work.commands.target_revision
    was_made = release.make(section, work.context.environ, revision)
    evidence["release"] = str(release.directory(section, revision))
    _require_head(work, revision)
    return f"the release {code.short(revision)} is {'made' if was_made else 'kept'}"


def _is_at(revision: Callable[[Work], str]) -> Resumption[Work]:
    def stands(work: Work) -> bool:
        section, environ = work.context.section, work.context.environ
        if section.repository is None:
            return True
        wanted = code.resolve(section.repository, environ, revision(work))
        place = release.directory(section, wanted) or section.repository
        return place.is_dir() and code.head(place, environ) == wanted

    return Resumption(stands, otherwise="the code has been moved to another revision since")


CHECKOUT_AGAIN = _is_at(lambda work: work.deployment.revision)
REVERT_CODE_AGAIN = _is_at(lambda work: work.deployment.previous_revision)


def revert_code(work: Work, evidence: Evidence) -> str | Skipped:
    """Bring the code back: by the configured command, else by git to the recorded revision."""
    previous = work.deployment.previous_revision
    if work.context.section.releases:
        return _released(work, evidence)
    repository = work.context.section.repository
    done = work.commands.run("revert_code")
    if done is None and repository is None:
        return Skipped("no command revert_code is configured, and the code is not in git")
    if done is None and repository is not None:
        words = ("git", "checkout", "--quiet", "--detach", previous)
        done = work.commands.run_words(
            "revert_code", words, cwd=repository, timeout_s=GIT_TIMEOUT_S
        )
    evidence |= {"command": done.command if done else "", "revision": previous}
    if repository:
        _require_head(work, previous)
    return f"the code is back at {code.short(previous)}"


def wait_healthy(work: Work, evidence: Evidence) -> str | Skipped:
    """Wait until the application says that it is healthy."""
    if not work.context.asks_endpoints:
        return Skipped(LEFT_OUT)
    ready = work.context.config.http.ready
    if ready is None:
        return Skipped("rollout.toml marks no endpoint as ready")
    answer = endpoints.wait_healthy(
        work.context.base_url,
        ready,
        work.context.environ,
        timeout_s=work.context.section.health_timeout_s,
    )
    evidence["answer"] = _shown(answer)
    return f"{answer.url}: {answer.reason}"


def verify_endpoints(work: Work, evidence: Evidence) -> str | Skipped:
    """Ask every endpoint of the new version."""
    return _verify(work, evidence, "deploy")


def verify_old_endpoints(work: Work, evidence: Evidence) -> str | Skipped:
    """Ask the endpoints that the version before the deployment had."""
    return _verify(work, evidence, "rollback")


def _verify(work: Work, evidence: Evidence, asker: Asker) -> str | Skipped:
    if not work.context.asks_endpoints:
        return Skipped(LEFT_OUT)
    asked = work.context.config.http.asked_by(asker)
    if not asked:
        return Skipped(f"rollout.toml names no endpoint that a {PROCEDURES[asker]} asks")
    answers = endpoints.probe(
        work.context.base_url, asked, work.context.environ, timeout_s=REQUEST_TIMEOUT_S
    )
    evidence["answers"] = [_shown(answer) for answer in answers]
    fine = {AnswerKind.OK, AnswerKind.WARNING}
    wrong = [answer for answer in answers if answer.kind not in fine]
    if wrong:
        raise StepError(
            "; ".join(f"{one.name} {one.url}: {one.reason}" for one in wrong),
            "read the application's log, fix it and run this again",
        )
    return ", ".join(f"{answer.name}: {answer.reason}" for answer in answers)


def _require_head(work: Work, revision: str) -> None:
    repository = work.context.section.repository
    if repository is None:
        return
    environ = work.context.environ
    now = code.head(release.directory(work.context.section, revision) or repository, environ)
    if now != code.resolve(repository, environ, revision):
        raise StepError(
            f"the code is at {code.short(now)}, not at {code.short(revision)}",
            "configure a command that brings it there, or check it out by hand",
        )


def _shown(answer: EndpointAnswer) -> dict[str, Json]:
    return {
        "name": answer.name,
        "url": answer.url,
        "status": answer.status,
        "kind": answer.kind.value,
        "reason": answer.reason,
        "attempts": answer.attempts,
    }
