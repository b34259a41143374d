"""The terminal of a development server."""

import atexit
import os
import sys

STDIN = 0


def is_interactive() -> bool:
    """Return whether standard input is a terminal."""
    return os.isatty(STDIN)


def restore_at_exit() -> None:
    """Restore the present state at exit: a debugger that is killed at its prompt leaves the echo off."""
    if sys.platform != "win32" and is_interactive():
        import termios

        atexit.register(_restore, termios.tcgetattr(STDIN))


def _restore(attributes: list) -> None:
    import termios

    # The system would stop a background process that does this.
    if is_interactive() and os.tcgetpgrp(STDIN) == os.getpgrp():
        termios.tcsetattr(STDIN, termios.TCSANOW, attributes)
