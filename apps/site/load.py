"""The CPU load of this machine in the last 30 seconds, recorded by each web process."""

import threading
import time
from collections import deque
from itertools import groupby

import psutil

SECONDS = 30
# The chart's upper end in percent: the load of an idle server is visible, too.
SCALES = (10, 25, 50, 100)

THREAD = "load"

start_lock = threading.Lock()
loads: deque[float | None] = deque(maxlen=SECONDS + 1)


def record() -> None:
    """Start recording if this process does not record yet. A fork does not inherit the thread."""
    with start_lock:
        if all(each.name != THREAD for each in threading.enumerate()):
            threading.Thread(target=_record, args=[loads], name=THREAD, daemon=True).start()


def _record(loads: deque[float | None]) -> None:
    psutil.cpu_percent()  # starts the first interval
    last = time.monotonic()
    while True:
        time.sleep(1)
        now = time.monotonic()
        loads.extend([None] * (round(now - last) - 1))  # seconds in which this process was suspended
        loads.append(psutil.cpu_percent())
        last = now


def chart() -> dict:
    """Return the newest load in percent, all loads by their age in seconds, and SVG paths of line and area."""
    record()
    recent = [*loads]
    points = [*enumerate(recent, SECONDS + 1 - len(recent))]
    known = [(second, load) for second, load in points if load is not None]
    if not known:
        return {"now": "–", "top": "100"}
    top = next(top for top in SCALES if top >= max(load for _, load in known))
    runs = [_path(run, top) for is_gap, run in groupby(points, lambda point: point[1] is None) if not is_gap]
    return {
        "now": f"{known[-1][1]:.0f}",
        "top": str(top),
        "values": [(SECONDS - second, None if load is None else f"{load:.0f}") for second, load in points],
        "line": "".join(line for line, _ in runs),
        "area": "".join(area for _, area in runs),
    }


def _path(run, top: int) -> tuple[str, str]:
    """Return the line through the points, 100 high for `top` percent, and the area under it."""
    corners = [f"{second} {100 - 100 * load / top:.4g}" for second, load in run]
    line = "M" + "L".join(corners)
    return line, f"{line}V100H{corners[0].split()[0]}Z"
