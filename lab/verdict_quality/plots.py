"""Curves as static SVG, small and without a script; they follow the reader's light or dark page."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 150, 16, 40
STEPS = 4
COLOURS = ("#9aa5b1", "#6aa9d8", "#2f7fb8", "#0b4f86", "#d97706")
STYLE = """\
text { font: 12px system-ui, sans-serif; fill: #24292f }
.grid { stroke: #8886; stroke-width: 1 } .mark { stroke: #b42318; stroke-dasharray: 2 3 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }"""

Points = Sequence[tuple[float, float]]


def curves(
    lines: Mapping[str, Points], dashed: Mapping[str, Points], x_title: str, marks: Sequence[float]
) -> str:
    """Draw shares over rates.

    Args:
        lines: By name: (rate, share), both 0 to 1; drawn solid.
        dashed: The same, drawn dashed in the same colours.
        x_title: What runs along the bottom.
        marks: Rates of which a vertical line is drawn.
    """
    rates = [x for points in lines.values() for x, _ in points]
    low, high = min(rates), max(rates)

    def at(x: float, y: float) -> str:
        across = LEFT + (x - low) / (high - low) * (WIDTH - LEFT - RIGHT)
        return f"{across:.1f},{TOP + (1 - y) * (HEIGHT - TOP - BOTTOM):.1f}"

    parts = [*_axes(at, low, high, x_title)]
    parts += [f'<polyline class="mark" points="{at(m, 0)} {at(m, 1)}"/>' for m in marks]
    for style, drawn in (("", lines), (' stroke-dasharray="6 4"', dashed)):
        for colour, points in zip(COLOURS, drawn.values(), strict=False):
            path = " ".join(at(x, y) for x, y in points)
            parts.append(
                f'<polyline fill="none" stroke="{colour}" stroke-width="2"{style} points="{path}"/>'
            )
    parts += _legend(list(lines))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">\n'
        f"<style>{STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _axes(
    at: Callable[[float, float], str], low: float, high: float, x_title: str
) -> Iterator[str]:
    for step in range(STEPS + 1):
        share = step / STEPS
        x, y = at(low, share).split(",")
        yield f'<polyline class="grid" points="{at(low, share)} {at(high, share)}"/>'
        label = f"{share * 100:.0f} %"
        yield f'<text x="{float(x) - 6}" y="{float(y) + 4}" text-anchor="end">{label}</text>'
    for tenth in range(math.ceil(low * 10), math.floor(high * 10) + 1):
        x, y = at(tenth / 10, 0).split(",")
        yield f'<text x="{x}" y="{float(y) + 16}" text-anchor="middle">{tenth * 10} %</text>'
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_title)}</text>'


def _legend(names: Sequence[str]) -> Iterator[str]:
    x = WIDTH - RIGHT + 14
    for row, (name, colour) in enumerate(zip(names, COLOURS, strict=False)):
        y = TOP + 16 + row * 18
        yield f'<line x1="{x}" x2="{x + 18}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="3"/>'
        yield f'<text x="{x + 24}" y="{y + 4}">{escape(name)}</text>'
    for row, (name, dash) in enumerate(
        (("this gate", ""), ("old rule", ' stroke-dasharray="6 4"'))
    ):
        y = TOP + 30 + (len(names) + row) * 18
        line = f'<line x1="{x}" x2="{x + 18}" y1="{y}" y2="{y}" stroke="#57606a" stroke-width="2"'
        yield f"{line}{dash}/>"
        yield f'<text x="{x + 24}" y="{y + 4}">{name}</text>'
