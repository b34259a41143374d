"""The load of this machine over the last half minute, recorded by each process that serves pages."""

import threading
import time
from collections import deque
from itertools import groupby

import psutil

SECONDS = 30
# Percent at the upper end of the chart: a server with little to do shows movement, too.
TOPS = (10, 25, 50, 100)

THREAD = "load"

starting = threading.Lock()
loads: deque[float | None] = deque(maxlen=SECONDS + 1)


def record() -> None:
    """Start recording, unless this process does so: a fork of one that did does not."""
    with starting:
        if all(each.name != THREAD for each in threading.enumerate()):
            threading.Thread(target=_record, args=[loads], name=THREAD, daemon=True).start()


def _record(loads: deque[float | None]) -> None:
    psutil.cpu_percent()  # begins the first second
    last = time.monotonic()
    while True:
        time.sleep(1)
        now = time.monotonic()
        loads.extend([None] * (round(now - last) - 1))  # seconds in which this process was not run
        loads.append(psutil.cpu_percent())
        last = now


def drawn() -> dict:
    """Return the newest load in percent, all with their age in seconds, and their line and area as SVG paths."""
    record()
    recent = [*loads]
    points = [*enumerate(recent, SECONDS + 1 - len(recent))]
    known = [(second, load) for second, load in points if load is not None]
    if not known:
        return {"now": "–", "top": "100"}
    top = next(top for top in TOPS if top >= max(load for _, load in known))
    runs = [_path(run, top) for is_gap, run in groupby(points, lambda point: point[1] is None) if not is_gap]
    return {
        "now": f"{known[-1][1]:.0f}",
        "top": str(top),
        "values": [(SECONDS - second, None if load is None else f"{load:.0f}") for second, load in points],
        "line": "".join(line for line, _ in runs),
        "area": "".join(area for _, area in runs),
    }


def _path(run, top: int) -> tuple[str, str]:
    """Return the line of neighbouring points, 100 high for `top` percent, and the area under it."""
    corners = [f"{second} {100 - 100 * load / top:.4g}" for second, load in run]
    line = "M" + "L".join(corners)
    return line, f"{line}V100H{corners[0].split()[0]}Z"
