"""A picture of some figures as SVG: bars that are readable in light and in dark."""

from html import escape

from .compared import SYSTEMS
from .results import Result
from .scenarios import SCENARIOS

# Each panel: the scenario, the figure, and the title.
PANELS = [
    ("deliver", "paced", "CPU seconds per 100,000 deliveries, 1,000 clients at 5/s"),
    ("latency", "p99", "99th percentile of the latency in ms, the same load"),
    ("many", "channels", "KiB for each further client"),
    ("open", "cpu", "CPU ms to open a stream"),
    ("storm", "all", "seconds until 10,000 clients are back after kill -9"),
    ("publish", "transactions3", "events a second, three processes that publish"),
    ("workers", "rate2", "deliveries a second, two workers"),
]
OURS = {"ours", "sqlite", "postgresql", "valkey"}
WIDTH, LABELS, VALUES, ROW, BAR, TITLE, GAP = 720, 256, 70, 22, 12, 26, 14
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2937 }
.title { font-weight: 600 }
.value { font-variant-numeric: tabular-nums }
rect { fill: #9ca3af }
rect.ours { fill: #2563eb }
@media (prefers-color-scheme: dark) {
  text { fill: #e5e7eb }
  rect { fill: #6b7280 }
  rect.ours { fill: #60a5fa }
}
"""


def draw(found: dict[str, Result]) -> str:
    """Return the picture."""
    lines, top = [], 0
    for scenario, figure, title in PANELS:
        if scenario in found:
            panel, top = drawn_panel(found[scenario], scenario, figure, title, top)
            lines += panel
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {max(top, 1)}" role="img">'
    head += f"<title>Results of make bench</title><style>{STYLE}</style>"
    return "\n".join([head, *lines, "</svg>", ""])


def drawn_panel(result: Result, scenario: str, figure: str, title: str, top: int) -> tuple[list[str], int]:
    """Return the lines of one panel that begins at `top`, and where it ends."""
    values = {key: result.figure(key, figure) for key in SCENARIOS[scenario].systems}
    bars = {key: value for key, value in values.items() if value is not None}
    if not bars:
        return [], top
    scale = (WIDTH - LABELS - VALUES) / (max(bars.values()) or 1)
    lines = [f'<text class="title" x="0" y="{top + 17}">{escape(title)}</text>']
    decimals = SCENARIOS[scenario].figures[figure].decimals
    for number, (key, value) in enumerate(bars.items()):
        y = top + TITLE + number * ROW
        width = max(value * scale, 1)
        kind = ' class="ours"' if key in OURS else ""
        lines += [
            f'<text x="0" y="{y + 11}">{escape(SYSTEMS[key].name)}</text>',
            f'<rect{kind} x="{LABELS}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2"/>',
            f'<text class="value" x="{LABELS + width + 6:.1f}" y="{y + 11}">{value:,.{decimals}f}</text>',
        ]
    return lines, top + TITLE + len(bars) * ROW + GAP
