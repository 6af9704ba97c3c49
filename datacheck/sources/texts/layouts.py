"""Which files of a folder are texts, and how they belong together: the layouts beside tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from datacheck.errors import DatacheckError
from datacheck.sources.layout import PACKED, SHARD, natural, place, split_of, stem_of
from datacheck.sources.options import SourceOptions
from datacheck.sources.texts.languages import in_order, is_side
from datacheck.sources.texts.telling import short_lines, tabular

T = TypeVar("T")
Sided = Callable[[Path], tuple[str, str, str] | None]
TXT = (".txt", ".text")
SAMPLED = 12  # files that are looked into


@dataclass(slots=True)
class Pairs:
    """Files that go together, by split: for each side (in order) its file."""

    sides: list[str]
    splits: dict[str, list[dict[str, Path]]] = field(default_factory=dict)
    left: list[Path] = field(default_factory=list)
    alone: list[Path] = field(default_factory=list)
    """Files whose other side is not there."""


@dataclass(slots=True)
class Classes:
    """Files by split, each with the class that its folder (or its own name) tells."""

    splits: dict[str, list[tuple[str, Path]]] = field(default_factory=dict)
    left: list[Path] = field(default_factory=list)


def pairs(root: Path, files: Sequence[Path]) -> Pairs | None:
    """Parallel files: ``train.en`` + ``train.de``, or ``en/train.txt`` + ``de/train.txt``."""
    by_name = _grouped(root, files, _side_in_name)
    by_folder = _grouped(root, files, _side_in_folder)
    groups = max((by_name, by_folder), key=lambda g: sum(len(v) > 1 for v in g.values()))
    whole = [tuple(sorted(v)) for v in groups.values() if len(v) > 1]
    if not whole:
        return None
    sides = in_order([*Counter(sorted(whole)).most_common(1)[0][0]])
    out = Pairs(sides)
    used: set[Path] = set()
    for (folder, stem), found in groups.items():
        if all(s in found for s in sides):
            split, _ = place(Path(folder) / f"{stem}.txt")
            out.splits.setdefault(split, []).append({s: found[s] for s in sides})
            used.update(found[s] for s in sides)
        elif any(s in found for s in sides) and split_of(stem):
            out.alone += [found[s] for s in sides if s in found]
    if "" in out.splits and len(out.splits) > 1:
        for one in out.splits.pop(""):
            used -= set(one.values())
    out.left = [f for f in files if f not in used and f not in out.alone]
    out.splits = _ordered(out.splits)
    return out


def _grouped(
    root: Path, files: Iterable[Path], of: Sided
) -> dict[tuple[str, str], dict[str, Path]]:
    out: dict[tuple[str, str], dict[str, Path]] = {}
    for path in files:
        found = of(path.relative_to(root))
        if found is not None:
            folder, stem, side = found
            out.setdefault((folder, stem), {}).setdefault(side, path)
    return out


def _side_in_name(path: Path) -> tuple[str, str, str] | None:
    parts = path.name.split(".")
    while len(parts) > 2 and (f".{parts[-1].lower()}" in PACKED or f".{parts[-1].lower()}" in TXT):
        parts.pop()
    if len(parts) < 2 or not is_side(parts[-1]):
        return None
    return str(path.parent), ".".join(parts[:-1]), parts[-1]


def _side_in_folder(path: Path) -> tuple[str, str, str] | None:
    if len(path.parts) < 2 or not is_side(path.parts[-2]) or path.suffix.lower() not in TXT:
        return None
    if not split_of(stem_of(path)):
        return None
    return str(path.parent.parent), stem_of(path), path.parts[-2]


# -- classes -----------------------------------------------------------------------------------


def folders(root: Path, files: Sequence[Path], options: SourceOptions) -> Classes | None:
    """``train/pos/12.txt`` or ``pos/12.txt``: a folder a class, a file an example."""
    asked = options.text_layout == "files"
    out = Classes()
    depth: dict[int, list[Path]] = {}
    for path in files:
        parts = path.relative_to(root).parts
        if path.suffix.lower() in (*TXT, "") and not path.name.startswith("."):
            depth.setdefault(len(parts), []).append(path)
    if not depth:
        return None
    level = max(depth, key=lambda d: (len(depth[d]), d))
    for path in depth[level]:
        parts = path.relative_to(root).parts[:-1]
        split, name = _of_folder(parts)
        if name or asked:
            out.splits.setdefault(split, []).append((name, path))
    if "" in out.splits and len(out.splits) > 1:
        del out.splits[""]
    taken = [one for of in out.splits.values() for one in of]
    classes = {name for name, _ in taken}
    if not asked:
        if len(classes) < 2 or len(taken) < 2 * len(classes) * len(out.splits):
            return None
        stems = [stem_of(p) for _, p in taken[:1000]]
        if any(split_of(s) for s in stems) or _tables([p for _, p in taken], options, prose=True):
            return None
    if not taken:
        return None
    used = {p for _, p in taken}
    out.left = [f for f in files if f not in used]
    out.splits = _ordered(out.splits)
    for found in out.splits.values():
        found.sort(key=lambda one: natural(str(one[1])))
    return out


def _of_folder(parts: Sequence[str]) -> tuple[str, str]:
    """(split, class) of the folders above a file: the class stands last, below any split."""
    for i, part in enumerate(parts):
        split = split_of(part)
        if split:
            return split, parts[-1] if i == len(parts) - 2 else ""
    return "", parts[-1] if len(parts) == 1 else ""


def names(root: Path, files: Sequence[Path], options: SourceOptions) -> Classes | None:
    """``English.txt``, ``German.txt``: a file a class, a line an example."""
    asked = options.text_layout == "classes"
    listed = [f for f in files if _bare(f).suffix.lower() in TXT]
    if len(listed) < 2:
        return None
    out = Classes()
    homes: dict[str, set[Path]] = {}
    for path in listed:
        inside = path.relative_to(root)
        split = next((s for s in map(split_of, inside.parts[:-1]) if s), "")
        homes.setdefault(split, set()).add(path.parent)
        out.splits.setdefault(split, []).append((stem_of(path), path))
    if any(len(v) > 1 for v in homes.values()):
        if not asked:
            return None
        parents = [f.parent for f in listed]
        most = max(parents, key=lambda p: (parents.count(p), str(p)))
        out.splits = {"": [(stem_of(f), f) for f in listed if f.parent == most]}
    if "" in out.splits and len(out.splits) > 1:
        del out.splits[""]
    taken = [one for of in out.splits.values() for one in of]
    classes = {name for name, _ in taken}
    if len(classes) < 2:
        return None
    if not asked:
        if any(len({n for n, _ in of}) < 2 for of in out.splits.values()):
            return None
        if any(place(Path(p.name))[0] for _, p in taken):
            return None
        if len({SHARD.sub("", name) for name in classes}) == 1:
            return None
        paths = [p for _, p in taken]
        if _tables(paths, options, prose=False) or not all(
            short_lines(p, options) for p in _some(paths)
        ):
            return None
    used = {p for _, p in taken}
    out.left = [f for f in files if f not in used]
    out.splits = _ordered(out.splits)
    for found in out.splits.values():
        found.sort(key=lambda one: natural(str(one[1])))
    return out


def _bare(path: Path) -> Path:
    return path.with_suffix("") if path.suffix.lower() in PACKED else path


def _some(paths: Sequence[Path]) -> list[Path]:
    """A few of them, evenly spaced."""
    step = max(1, len(paths) // SAMPLED)
    return list(paths[::step][:SAMPLED])


def _tables(paths: Sequence[Path], options: SourceOptions, *, prose: bool) -> bool:
    """Whether files look like tables; what cannot be read has no say."""
    said = []
    for path in _some(paths):
        try:
            said.append(tabular(path, options, prose=prose))
        except (DatacheckError, OSError):
            continue
    return not said or sum(said) > 0.5 * len(said)


def _ordered(splits: Mapping[str, T]) -> dict[str, T]:
    order = {"train": 0, "val": 1, "dev": 1, "test": 2}
    return dict(sorted(splits.items(), key=lambda kv: (order.get(kv[0], 3), natural(kv[0]))))
