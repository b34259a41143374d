"""The debugger behind `breakpoint()` in the processes of `manage.py dev`."""

import pdb
import signal
import sys
import threading
from bdb import BdbQuit


class Debugger(pdb.Pdb):
    """pdb whose prompt ends at SIGTERM, so that a reload or a stop does not wait for it."""

    def cmdloop(self, intro=None):
        """Read commands until one of them continues the program, or until SIGTERM."""
        previous = signal.getsignal(signal.SIGTERM)
        if not callable(previous) or threading.current_thread() is not threading.main_thread():
            return super().cmdloop(intro)

        def quit(number, frame):
            previous(number, frame)
            raise BdbQuit

        signal.signal(signal.SIGTERM, quit)
        try:
            super().cmdloop(intro)
        finally:
            signal.signal(signal.SIGTERM, previous)


def set_trace() -> None:
    """Start the debugger in the caller; Ctrl-C stays with the process's own handler."""
    Debugger(nosigint=True).set_trace(sys._getframe().f_back)
