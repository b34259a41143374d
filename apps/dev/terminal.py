"""The terminal that a development server was started in."""

import atexit
import os
import sys

STDIN = 0


def is_there() -> bool:
    """Say whether somebody can be asked something."""
    return os.isatty(STDIN)


def restore_at_exit() -> None:
    """Give the terminal back as it is now, since a debugger that was ended at its prompt leaves the echo off."""
    if sys.platform != "win32" and is_there():
        import termios

        atexit.register(_restore, termios.tcgetattr(STDIN))


def _restore(attributes: list) -> None:
    import termios

    # In the background, the system would stop the process for it.
    if is_there() and os.tcgetpgrp(STDIN) == os.getpgrp():
        termios.tcsetattr(STDIN, termios.TCSANOW, attributes)
