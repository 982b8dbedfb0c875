"""Plots of what was measured: bars with their ranges, as SVG. The same figures make the same file, byte for byte."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import imports
from benchmarks.figures import median
from benchmarks.ways import SAID, WAYS

__all__ = ["draw"]

OURS, OTHERS = "#1f6f8b", "#b9b9b9"
SETTINGS = {
    "svg.hashsalt": "agenttrace",
    "svg.fonttype": "none",  # text stays text: small files, which the reader's fonts show
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


class Plot(NamedTuple):
    """One plot: its file, its title, whether its axis is logarithmic, and the values of each bar."""

    name: str
    title: str
    is_logarithmic: bool
    bars: Mapping[str, Sequence[float]]


def draw(found: dict[str, Any], folder: Path) -> list[Path]:
    """Draw what there is into a folder and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_drawn(plot, folder / f"{plot.name}.svg") for plot in _plots(found) if plot.bars]


def _plots(found: dict[str, Any]) -> list[Plot]:
    plots: list[Plot] = []
    if "turn" in found:
        names, each = {name: SAID[name] for name in WAYS}, found["turn"]["rounds"]
        plots += [
            Plot("traced", "Traced thread, CPU µs a span", False, _values(each, names, "traced")),
            Plot("all-threads", "All threads until durable, CPU µs a span", False, _values(each, names, "all")),
        ]
    if "imports" in found:
        bars = {imports.SAID[name]: values for name, values in found["imports"]["ms"].items()}
        plots.append(Plot("import", "Import, ms over bare Python", False, bars))
    if "peers" in found:
        each = found["peers"]["rounds"]
        names = {name: SAID.get(name, name) for name in each[-1]}
        taken = {names[name]: values for name, values in found["peers"]["imports"].items() if values}
        plots += [
            Plot("peers-traced", "Traced thread, CPU µs a span (logarithmic)", True, _values(each, names, "traced")),
            Plot("peers-all-threads", "All threads, CPU µs a span (logarithmic)", True, _values(each, names, "all")),
            Plot("peers-import", "Import, ms over bare Python (logarithmic)", True, taken),
        ]
    return plots


def _values(each: list[dict[str, Any]], names: dict[str, str], figure: str) -> dict[str, list[float]]:
    found = {said: [one[name][figure] for one in each if figure in one.get(name, {})] for name, said in names.items()}
    return {said: values for said, values in found.items() if values}


def _drawn(plot: Plot, path: Path) -> Path:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(7.5, 0.6 + 0.34 * len(plot.bars)), layout="constrained")
        axes = figure.subplots()
        labels = [label.replace("`", "") for label in plot.bars]
        middles = [median(values) for values in plot.bars.values()]
        below = [middle - min(values) for middle, values in zip(middles, plot.bars.values(), strict=True)]
        above = [max(values) - middle for middle, values in zip(middles, plot.bars.values(), strict=True)]
        colours = [OURS if "agenttrace" in label else OTHERS for label in labels]
        bars = axes.barh(
            labels, middles, xerr=[below, above], color=colours, capsize=2, ecolor="#555555", log=plot.is_logarithmic
        )
        axes.bar_label(
            bars, labels=[f"{middle:,.3g}" if middle < 1000 else f"{middle:,.0f}" for middle in middles], padding=4
        )
        axes.invert_yaxis()
        axes.margins(x=0.1)
        axes.set_xlim(left=1 if plot.is_logarithmic else 0)
        axes.set_title(plot.title, loc="left", fontsize=11)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    return path
