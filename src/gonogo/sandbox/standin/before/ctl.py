"""The application's control: `python ctl.py service|jobs start|stop|status`.

`start` returns when the process is ready, `stop` when it is gone; both may be said twice. `status`
exits 0 when the process runs and 3 when it does not.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

import daemon

NOT_RUNNING = 3
HERE = Path(__file__).resolve().parent


def main() -> int:
    """Do what the command line asks; say it in one line."""
    parser = argparse.ArgumentParser(description="Start and stop the application.")
    parser.add_argument("name", choices=("service", "jobs"))
    parser.add_argument("action", choices=("start", "stop", "status"))
    asked = parser.parse_args()
    # Told to end, `start` leaves no half-started process behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    run_dir = Path(os.environ.get("APP_RUN_DIR", HERE / "run"))
    try:
        text, code = _act(asked.action, asked.name, run_dir)
    except daemon.DaemonError as error:
        text, code = str(error), 1
    sys.stdout.write(f"{text}\n")
    return code


def _act(action: str, name: str, run_dir: Path) -> tuple[str, int]:
    file = daemon.pid_file(run_dir, name)
    if action == "start":
        started = daemon.start(run_dir, name, HERE / f"{name}.py")
        return f"{name} {'started' if started else 'runs already'}", 0
    if action == "stop":
        return f"{name} {'stopped' if daemon.stop(file) else 'did not run'}", 0
    pid = daemon.running(file)
    return (f"{name} runs as {pid}", 0) if pid else (f"{name} does not run", NOT_RUNNING)


if __name__ == "__main__":
    sys.exit(main())
