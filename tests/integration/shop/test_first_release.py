"""The first release of the example shop: nothing runs yet, and nothing stands at `current`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from lab.shop import use_releases

if TYPE_CHECKING:
    from tests.integration.shop.conftest import Shop

pytestmark = [pytest.mark.slow, pytest.mark.npm, pytest.mark.xdist_group("first_release")]


def test_the_first_deployment_makes_the_link(shop: Shop) -> None:
    """It builds the release, finds nothing to stop, makes the link and starts what it leads to."""
    built = shop.run("sh repository.sh; cd app; npm ci; npm run build; npm run setup")
    assert built.returncode == 0, built.stdout + built.stderr
    use_releases(shop.root)
    try:
        told = shop.run("gonogo deploy staging --revision v2 --backup-check read")
        assert told.returncode == 0, told.stdout + told.stderr
        release = (shop.root / "current").readlink()
        assert release.parent == shop.root / "releases"
        runs = httpx.get(f"{shop.environ['SHOP_URL']}/version").json()
        assert runs == {"version": "2.0.0", "revision": release.name}
    finally:
        shop.run("cd current && node ctl.mjs stop worker; node ctl.mjs stop service")
