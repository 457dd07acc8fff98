"""What rollout.toml asks of what lets a deployment into production."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool, StrictInt, StrictStr

from gonogo.config.application import Location, Section, Variable


class AdmissionConfig(Section):
    """``[admission]``: what a deployment to production asks, beside a signed GO of staging.

    Args:
        signers: How many people must have signed "go".
        signer_is_not_deployer: Whether none of them may be who deploys.
        deployer: The variable that names who deploys; without it, the system's user.
        go_valid_days: How old the record may be, in days.
    """

    signers: Annotated[StrictInt, Field(ge=1)] = 1
    signer_is_not_deployer: StrictBool = False
    deployer: Variable | None = None
    go_valid_days: Annotated[StrictInt, Field(ge=1)] = 7


class AnchorConfig(Section):
    """``[anchor]``: a git ref that goes on with the archive's chains, and cannot go back unseen.

    Args:
        repository: A git repository on this machine.
        ref: The ref's full name.
        remote: The remote that the ref is pushed to and read from; without it, the repository alone
            has it.
    """

    repository: Location
    ref: Annotated[StrictStr, Field(pattern=r"^refs/[A-Za-z0-9_]+(/[A-Za-z0-9_-]+)+$")] = (
        "refs/gonogo/archive"
    )
    remote: Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")] | None = None
