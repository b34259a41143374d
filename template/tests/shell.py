"""Commands that run as in a new shell, without the environment of this project and of its tests."""

import os
import subprocess
import sys

OWN_VARIABLES = ("PYTEST", "MAKE", "MFLAGS", "DJANGO", "DEBUG", "DATA_DIR", "SECRET_KEY")


def new_environment():
    """Return the environment without this project's variables."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OWN_VARIABLES)}


def run(folder, *command, fails=False, timeout=600, **variables):
    """Run a command in a folder, check whether it `fails`, and return its output."""
    command = [str(part) for part in command]
    environment = new_environment() | variables
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert bool(done.returncode) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def run_python(folder, *arguments, **options):
    """Run this Python in a folder, like `run`."""
    return run(folder, sys.executable, *arguments, **options)
