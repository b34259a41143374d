"""The debugger behind `breakpoint()` in the processes of `manage.py dev`."""

import pdb
import signal
import sys
import threading
from bdb import BdbQuit


class Debugger(pdb.Pdb):
    """pdb, whose prompt is over when the process is told to stop: to be reloaded, or for good."""

    def cmdloop(self, intro=None):
        """Ask for commands until one of them goes on, or until SIGTERM."""
        earlier = signal.getsignal(signal.SIGTERM)
        if not callable(earlier) or threading.current_thread() is not threading.main_thread():
            return super().cmdloop(intro)

        def quit(number, frame):
            earlier(number, frame)
            raise BdbQuit

        signal.signal(signal.SIGTERM, quit)
        try:
            super().cmdloop(intro)
        finally:
            signal.signal(signal.SIGTERM, earlier)


def set_trace() -> None:
    """Stop in the caller and ask in the terminal how to go on; Ctrl-C stays with the process's own handler."""
    Debugger(nosigint=True).set_trace(sys._getframe().f_back)
