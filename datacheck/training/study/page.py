"""A study as one HTML page: no network, no script; everything from the data is escaped."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from datacheck.findings import plain
from datacheck.training.study import words
from datacheck.training.study.svg import Band, Interval, Mark, curves, forest

STYLE = """
:root{--ink:#1c2430;--dim:#5c6675;--line:#d5dae2;--paper:#fff;--soft:#f4f6f9;--a:#2b6cb0;
--b:#b7791f;--good:#2f7d4f;--bad:#b83232;--mixed:#a66a00}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ee;--dim:#9aa4b2;--line:#39424e;--paper:#14181d;
--soft:#1d232a;--a:#6aa9e9;--b:#e0ad56;--good:#6cc492;--bad:#ef8080;--mixed:#e0ad56}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:2rem auto;
max-width:68rem;padding:0 1rem}h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.15rem;
margin-top:2.2rem}p.lead,.dim,td.dim{color:var(--dim)}table{border-collapse:collapse;width:100%;
font-size:.92rem}th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid var(--line);
vertical-align:top}th{color:var(--dim);font-weight:600}td.n{white-space:nowrap;
font-variant-numeric:tabular-nums}.reduces{color:var(--good)}.increases{color:var(--bad)}
.trades{color:var(--mixed)}.word{font-weight:700}svg{max-width:100%;height:auto}
svg text{font:11px system-ui,sans-serif;fill:var(--dim)}svg text.strong{fill:var(--ink);
font-weight:600}line.grid{stroke:var(--line)}line.none{stroke:var(--dim);stroke-dasharray:3 3}
line.strong{stroke:var(--a);stroke-width:3}line.weak{stroke:var(--dim);stroke-width:1.5}
circle.strong{fill:var(--a)}circle.weak{fill:var(--dim)}line.reduces{stroke:var(--good)}
circle.reduces{fill:var(--good)}line.increases{stroke:var(--bad)}circle.increases{fill:var(--bad)}
line.trades{stroke:var(--mixed)}circle.trades{fill:var(--mixed)}
polygon.band{opacity:.18}polygon.loss,circle.mark{fill:var(--b)}polygon.clean{fill:var(--a)}
polyline.curve{fill:none;stroke-width:1.6}polyline.loss{stroke:var(--b)}
polyline.clean{stroke:var(--a)}.arms{display:grid;gap:1rem;
grid-template-columns:repeat(auto-fill,minmax(19rem,1fr))}figure{margin:0;background:var(--soft);
padding:.6rem;border-radius:6px}figcaption{font-size:.85rem;margin-bottom:.3rem}tr:target,
li:target{background:var(--soft)}code{font-size:.9em}
"""
MOST_SPIKES = 200


def render(study: Mapping[str, Any]) -> str:
    """The page of an outcome, as ``study.json`` holds it."""
    name = escape(plain(str(study["dataset"])))
    body = [
        f"<h1>datacheck study · {name}</h1>",
        f'<p class="lead">{escape(_setup(study))}</p>',
        _table(study),
        _forests(study),
        _controls(study),
        _arms(study),
        _spikes(study),
        _list("What was assumed", study["assumed"]),
        _list("How to read this", [words.READING, *_meanings()]),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        "style-src 'unsafe-inline'\">"
        f"<title>datacheck study · {name}</title><style>{STYLE}</style></head><body>"
        f"{''.join(body)}</body></html>\n"
    )


def _setup(study: Mapping[str, Any]) -> str:
    setup = study["setup"]
    return plain(
        f"{len(study['arms'])} arms × {len(study['seeds'])} seeds of {setup['steps']:,} steps: "
        f"{setup['model']} with {setup['parameters']:,} parameters, {setup['optimizer']}, "
        f"learning rate {setup['lr']:g}, {setup['batch']} rows a step. Pairs share initial "
        "weights, row order, evaluation rows and the number of steps."
    )


def _meanings() -> list[str]:
    return [f"{word}: {meaning}." for word, meaning in words.MEANING.items()]


def _table(study: Mapping[str, Any]) -> str:
    titles = ("Verdict", "Repair", "Metric", "Without → with", "Effect [95 %]", "p (Holm)")
    head = f"<tr>{''.join(f'<th>{t}</th>' for t in titles)}</tr>"
    rows = [row for one in study["repairs"] for row in _rows(one, one["p_holm"])]
    if not rows:
        return "<h2>Repairs</h2><p>The plan holds no repair.</p>"
    return f"<h2>What each repair does to training</h2><table>{head}{''.join(rows)}</table>"


def _controls(study: Mapping[str, Any]) -> str:
    rows = [row for one in study["controls"] for row in _rows(one, one["p"])]
    return f"<h2>Controls</h2><table>{''.join(rows)}</table>" if rows else ""


def _rows(one: Mapping[str, Any], p: float | None) -> Iterator[str]:
    """The verdict with its metric, and a line for each further one that was declared."""
    unsafe = " <span class=dim>(unsafe)</span>" if one.get("unsafe") else ""
    rules = f"<br><span class=dim>{_said(one['key'])}</span>" if "key" in one else ""
    why = f"<br><span class=dim>{_said(one['why'])}</span>" if one["why"] else ""
    word = f'<span class="word {one["verdict"].split()[0]}">{_said(one["verdict"])}</span>'
    cells = [f"<td>{word}{why}</td><td>{_said(one['words'])}{unsafe}{rules}</td>"]
    yield f"<tr>{cells[0]}{_cells(one, one['metric'], one, p)}</tr>"
    wanted = (*one.get("declared", ()), "clean_loss", "clean_score")
    for key in dict.fromkeys(k for k in wanted if k in one["beside"]):
        if one["beside"][key]["refused"]:
            continue  # few of the pairs have a number on both sides
        yield f"<tr><td></td><td></td>{_cells(one, key, one['beside'][key], None)}</tr>"


def _cells(
    one: Mapping[str, Any], key: str, effect: Mapping[str, Any], p: float | None
) -> str:
    levels = words.levels(key, one["levels"].get(key, {}))
    shown = "" if p is None else words.probability(p)
    left = f" · {effect['left_out']} pairs without a number" if effect["left_out"] else ""
    return (
        f"<td>{_said(words.metric(key))}</td><td class=n>{_said(levels)}</td>"
        f"<td class=n>{_said(words.effect(effect))}<span class=dim>{left}</span></td>"
        f"<td class=n>{shown}</td>"
    )


def _forests(study: Mapping[str, Any]) -> str:
    """Ratios on a log axis, differences in points on another."""
    ratios: list[Interval] = []
    points: list[Interval] = []
    for one in (*study["repairs"], *study["controls"]):
        label = str(one.get("key", one["words"]))
        effects = {one["metric"]: one}
        for key in (*one.get("declared", ()), "VLJ", "LV", "clean_loss"):
            if key in one["beside"] and not one["beside"][key]["refused"]:
                effects[key] = one["beside"][key]
        for key, effect in effects.items():
            strong = key == one["metric"]
            shown = f"{_brief(plain(label))} · {words.metric(key)}"
            style = one["verdict"].split()[0] if strong else ""
            factor = 1.0 if effect["kind"] == "ratio" else 100.0
            value, low, high = (
                math.nan if effect[k] is None else effect[k] * factor
                for k in ("value", "low", "high")
            )
            line = Interval(shown, value, low, high, strong, style)
            (ratios if effect["kind"] == "ratio" else points).append(line)
    out = ["<h2>Effects with their intervals</h2>"]
    if ratios:
        out.append("<p class=dim>Ratios without / with the repair, log axis: right of 1× is "
                   "calmer. Bold: the metric of the verdict.</p>")  # fmt: skip
        out.append(forest(ratios, log=True, unit="ratios", width=900))
    if points:
        out.append("<p class=dim>Differences in percentage points: right of 0 is better.</p>")
        out.append(forest(points, log=False, unit="points", width=900))
    return "".join(out)


def _arms(study: Mapping[str, Any]) -> str:
    figures = []
    top, listed = _top(study), 0
    for at, arm in enumerate(study["arms"]):
        bands = []
        for name in ("loss", "clean"):
            curve = arm["curves"].get(name)
            if curve and curve["steps"]:
                bands.append(Band(curve["steps"], curve["middle"], curve["low"], curve["high"],
                                  name))  # fmt: skip
        marks = []
        for seed, spike in _spikes_of(arm):
            listed += 1
            if spike["loss"] is not None:
                href = f"#spike-{at}-{seed}-{spike['step']}" if listed <= MOST_SPIKES else ""
                y = min(spike["loss"], top)
                title = f"seed {seed}, step {spike['step']}"
                marks.append(Mark(spike["step"], y, title, href))
        lost = sum(run["first"] is not None for run in arm["runs"])
        note = f"; {lost} of {len(arm['runs'])} runs did not stay finite" if lost else ""
        caption = f"<b>{_said(arm['key'])}</b> <span class=dim>{_said(arm['words'])}{note}</span>"
        plot = curves(bands, marks, title=plain(str(arm["key"])), top=top)
        figures.append(f"<figure><figcaption>{caption}</figcaption>{plot}</figure>")
    return (
        "<h2>Curves of each arm</h2><p class=dim>Loss of the steps (ochre, with its spikes) and "
        "of the clean evaluation set (blue): median of the seeds, and all of them as a band.</p>"
        f'<div class="arms">{"".join(figures)}</div>'
    )


def _top(study: Mapping[str, Any]) -> float:
    """A common end of the axes, so that arms can be compared and one spike flattens no other."""
    values = sorted(
        v for arm in study["arms"] for c in arm["curves"].values() for v in c["middle"]
    )
    return 1.5 * values[int(0.98 * (len(values) - 1))] if values else 1.0


def _spikes_of(arm: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for run in arm["runs"]:
        for spike in run.get("spikes", ()):
            yield run["seed"], spike


def _spikes(study: Mapping[str, Any]) -> str:
    rows = []
    for at, arm in enumerate(study["arms"]):
        for seed, spike in _spikes_of(arm):
            where = ", ".join(_said(r) for r in spike["rows"])
            rows.append(
                f'<tr id="spike-{at}-{seed}-{spike["step"]}"><td>{_said(arm["key"])}</td>'
                f"<td class=n>{seed}</td><td class=n>{spike['step']:,}</td>"
                f"<td>{_said(spike['what'])}</td><td class=n>{_said(spike['size'])}</td>"
                f"<td>{where}</td></tr>"
            )
    if not rows:
        return "<h2>Spikes</h2><p>No step of any run was a spike.</p>"
    more = ""
    if len(rows) > MOST_SPIKES:
        more = f"<p>{len(rows) - MOST_SPIKES:,} more are in study.json.</p>"
    return (
        "<h2>Spikes, and the rows behind them</h2><p class=dim>The rows of the batch with the "
        "largest share of its loss.</p><table><tr><th>Arm</th><th>Seed</th><th>Step</th>"
        f"<th>What</th><th>Size</th><th>Rows</th></tr>{''.join(rows[:MOST_SPIKES])}</table>{more}"
    )


def _list(title: str, texts: Sequence[str]) -> str:
    items = "".join(f"<li>{_said(t)}</li>" for t in texts)
    return f"<h2>{escape(title)}</h2><ul>{items}</ul>" if texts else ""


def _brief(label: str) -> str:
    """A label that leaves room for its metric."""
    label = label.partition(":")[0]
    return label if len(label) <= 24 else f"{label[:23]}…"


def _said(text: object) -> str:
    return escape(plain(str(text)))


