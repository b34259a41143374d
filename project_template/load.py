"""The load of this machine over the last half minute, recorded by each process that serves pages."""

import threading
import time
from collections import deque

import psutil

SECONDS = 30
# Percent at the upper end of the chart: a server with little to do shows movement, too.
TOPS = (10, 25, 50, 100)

THREAD = "load"

starting = threading.Lock()
loads: deque[float] = deque(maxlen=SECONDS + 1)


def record() -> None:
    """Start recording, unless this process does so: a fork of one that did does not."""
    with starting:
        if all(each.name != THREAD for each in threading.enumerate()):
            threading.Thread(target=_record, name=THREAD, daemon=True).start()


def _record() -> None:
    psutil.cpu_percent()  # begins the first second
    while True:
        time.sleep(1)
        loads.append(psutil.cpu_percent())


def drawn() -> dict[str, str]:
    """Return the newest load in percent, and all as SVG paths, a line and an area, 100 high for `top` percent."""
    record()
    points = [*loads]
    if not points:
        return {"now": "–", "top": "100"}
    first = SECONDS + 1 - len(points)
    top = next(top for top in TOPS if top >= max(points))
    line = "L".join(f"{first + i} {100 - 100 * load / top:.4g}" for i, load in enumerate(points))
    return {"now": f"{points[-1]:.0f}", "top": str(top), "line": f"M{line}", "area": f"M{line}V100H{first}Z"}
