"""Drop for good what a revert moved aside, or copy it back into a later deployment.

Both are a step in the ledger: of the deployment that wrote it, or of the one that gets it back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gonogo.application.environment import LOOKS
from gonogo.errors import UsageError
from gonogo.ledger.deployer import migrating
from gonogo.ledger.rows import Deployment
from gonogo.model.step import Tell
from gonogo.postgres.session import application_schema
from gonogo.rollout.migrations.reapply import Reapplied, reapply
from gonogo.rollout.migrations.revert import Aside, chosen, drop_aside
from gonogo.rollout.runner.context import RolloutContext
from gonogo.rollout.runner.site import Consent, Site, open_site
from gonogo.rollout.runner.steps import Evidence, Procedure, Step, running


def drop_kept(
    context: RolloutContext, tell: Tell, deployment_id: int | None, consent: Consent
) -> None:
    """Remove for good what a revert moved aside.

    Args:
        context: The rollout's context.
        tell: Shows each event.
        deployment_id: Which deployment's; None where data of only one lies aside.
        consent: A person's consent.

    Raises:
        GonogoError: Nothing of it lies aside, or it could not be dropped: nothing was changed.
    """
    with _opened(context, tell, "rollback", consent) as site:
        aside = chosen(site.connection, deployment_id)

        def run(site: Site, evidence: Evidence) -> str:
            with migrating(site.connection, site.lock):
                rows = drop_aside(site.connection, aside.deployment_id)
            evidence |= {"aside": aside.schema, "rows": dict(rows)}
            return f"{sum(rows.values()):,} rows of {len(rows)} tables are gone for good"

        step = Step("drop_aside", f"Drop {aside.schema}", run)
        site.runner.run(step, site, site.ledger, aside.deployment_id)


def reapply_kept(
    context: RolloutContext, tell: Tell, deployment_id: int | None, consent: Consent
) -> Sequence[Reapplied]:
    """Copy what lies aside back into the tables of the deployment that is in place.

    Args:
        context: The rollout's context.
        tell: Shows each event.
        deployment_id: Which deployment's; None where data of only one lies aside.
        consent: A person's consent.

    Raises:
        GonogoError: Nothing of it lies aside, no later deployment is in place, or a statement
            failed: nothing was changed.
    """
    with _opened(context, tell, "deploy", consent) as site:
        aside = chosen(site.connection, deployment_id)
        latest = _require_later(site, aside)
        reapplied: list[Reapplied] = []

        def run(site: Site, evidence: Evidence) -> str:
            schema = application_schema(site.connection, site.context.anchor)
            with migrating(site.connection, site.lock):
                reapplied.extend(reapply(site.connection, aside, schema))
            evidence |= {"aside": aside.schema, "tables": [str(one) for one in reapplied]}
            rows = sum(one.rows for one in reapplied)
            applied = sum(one.applied for one in reapplied)
            return f"{applied:,} of {rows:,} rows copied back"

        step = Step("reapply_aside", f"Copy back what lies in {aside.schema}", run)
        site.runner.run(step, site, site.ledger, latest.id)
    return reapplied


def _require_later(site: Site, aside: Aside) -> Deployment:
    """The deployment in place, into whose tables the data is copied back.

    Raises:
        UsageError: No deployment is in place that is later than the one that was reverted.
    """
    latest = site.ledger.latest_deployment(site.context.environment)
    if latest is None or latest.outcome != "succeeded" or latest.id <= aside.deployment_id:
        raise UsageError(
            f"no deployment is in place that could take back what {aside.schema} holds;"
            " nothing was done",
            "deploy again first",
        )
    return latest


@contextmanager
def _opened(
    context: RolloutContext, tell: Tell, procedure: Procedure, consent: Consent
) -> Iterator[Site]:
    with (
        running(procedure, tell, context.logs, context.environ) as runner,
        open_site(context, runner, consent, LOOKS) as site,
    ):
        yield site
