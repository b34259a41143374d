"""What a process's row holds: what it has counted, and what else belongs to it."""

import time
from typing import Any

from . import metrics


def report() -> dict[str, Any]:
    """
    Return the content of this process's row, which is JSON.

    `seconds` is the time since the counts began.
    """
    return {
        "seconds": time.monotonic() - metrics.began,
        "counts": {**metrics.counts, "cpu_seconds": time.process_time()},
        "hang_ups": dict(metrics.hang_ups),
        "gauges": {name: value() for name, value in metrics.gauges.items()},
        "histograms": {name: vars(histogram) for name, histogram in metrics.histograms.items()},
        **{name: value() for name, value in metrics.sections.items()},
    }
