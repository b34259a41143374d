"""The terminal of a development server."""

import atexit
import os
import sys

from django.core.mail.backends import console

STDIN = 0


class EmailBackend(console.EmailBackend):
    """Prints the text of mails, without their HTML and encoded headers."""

    def write_message(self, message) -> None:
        text = f"Subject: {message.subject}\nTo: {', '.join(message.to)}\n\n{message.body}"
        self.stream.write(f"{text.rstrip()}\n{'-' * 79}\n")


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
