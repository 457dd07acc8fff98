"""How ``postgres`` is started: its settings, its log, its own session."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping

from gonogo.sandbox.address import Address
from gonogo.sandbox.cluster import ENVIRONMENT, Cluster
from gonogo.sandbox.privileges import command

LOG_FILE = "server.log"

SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "checkpoint_timeout": "30min",
    "log_checkpoints": "off",
    "shared_buffers": "256MB",
    # Files within the data directory: a killed server leaves nothing in /dev/shm.
    "dynamic_shared_memory_type": "mmap",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# What an older server does not know, by the major version that brought it.
SETTINGS_SINCE = {18: {"io_method": "sync"}}


def launch(
    cluster: Cluster, address: Address, settings: Mapping[str, str], *, die_with_parent: bool
) -> subprocess.Popen[bytes]:
    """Start ``postgres``; it is not ready yet.

    Args:
        cluster: Its files.
        address: Where it shall listen.
        settings: More settings, over the sandbox's own.
        die_with_parent: Whether it ends with the calling thread (Linux).
    """
    argv = [str(cluster.bin_dir / "postgres"), "-D", str(cluster.data)]
    own = dict(SETTINGS)
    for since, newer in SETTINGS_SINCE.items():
        own |= newer if cluster.major >= since else {}
    for name, value in {**own, **settings, **address.settings()}.items():
        argv += ["-c", f"{name}={value}"]
    death = signal.SIGINT if die_with_parent else None
    with (cluster.directory / LOG_FILE).open("wb") as log:
        return subprocess.Popen(
            command(argv, cluster.account, cluster.data, parent_death=death),
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # The terminal's Ctrl-C is for us; we stop the server in our own order.
            start_new_session=True,
        )
