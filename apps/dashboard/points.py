"""The figures of the whole deployment, from the samples of its processes."""

from collections import Counter
from collections.abc import Collection, Mapping

from .histogram import quantile
from .models import BUCKET, Sample

type Point = dict[str, float | int | None]


def point(bucket: int, samples: Collection[Mapping], durations: Counter[int]) -> Point:
    """
    Return the figures of one bucket; None stands for what is not known.

    `durations` is the histogram of the response times that are summed up. Rates are per second,
    response times in milliseconds, CPU in percent of one core, memory in bytes.
    """

    def total(name: str) -> float:
        return sum(sample[name] for sample in samples)

    return {
        "time": bucket,
        "requests": round(total("requests") / BUCKET, 2),
        "errors": round(total("errors") / BUCKET, 2),
        **percentiles(durations),
        "users": len({pk for sample in samples for pk in sample["users"]}),
        "anonymous": total("anonymous"),
        "streams": total("streams"),
        "published": round(total("published") / BUCKET, 2),
        "delivered": round(total("delivered") / BUCKET, 2),
        "queries": round(total("queries") / BUCKET, 2),
        "cpu": round(100 * total("cpu") / BUCKET, 1),
        "memory": total("memory"),
        "running": total("running"),
        "queued": max((sample["queued"] for sample in samples if sample["queued"] is not None), default=None),
        "web": sum(sample["kind"] == Sample.Kind.WEB for sample in samples),
        "workers": sum(sample["kind"] == Sample.Kind.WORKER for sample in samples),
    }


def percentiles(durations: Counter[int]) -> Point:
    """Return the median and the 95th percentile of a histogram, in milliseconds."""
    return {"median": rounded(quantile(durations, 0.5)), "p95": rounded(quantile(durations, 0.95))}


def rounded(milliseconds: float | None) -> float | None:
    return milliseconds if milliseconds is None else float(f"{milliseconds:.3g}")
