"""How a folder is laid out: which files are data, and which split each belongs to."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from datacheck.errors import SourceError
from datacheck.findings import names
from datacheck.sources.images.pictures import is_picture
from datacheck.sources.links import folder_leads_on, leads_out

FORMS = {
    ".csv": "delimited", ".tsv": "delimited", ".tab": "delimited", ".psv": "delimited",
    ".parquet": "parquet", ".pq": "parquet",
    ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow",
    ".npz": "npz",
}  # fmt: skip
JSON = ".json"  # one document, if there is no table; often it holds settings, and no data
# Texts with a form of their own.
TEXTS = (".conll", ".conllu", ".iob", ".iob2", ".bio", ".annotated", ".ts")
MAYBE = (".txt", ".data", ".dat", "", *TEXTS)  # delimited text or lines if nothing else is there
PACKED = (".gz", ".zst", ".gzip", ".zstd")
ASIDE = re.compile(
    r"^(\.|_|readme|license|licence|source|notice|changelog|contributing|requirements|manifest|"
    r"datacheck|citation|metadata)", re.IGNORECASE
)  # fmt: skip
_SPLIT = re.compile(
    r"^(train(?:ing)?|test(?:ing)?|val(?:id(?:ation)?)?|dev|eval(?:uation)?|holdout)(\d*)$"
)
_JOINED = re.compile(r"^(?:data)?(train(?:ing)?|test(?:ing)?|val(?:id(?:ation)?)?|dev)(\d*)$")
SHARD = re.compile(r"[-_.](?:part[-_.]?)?\d{1,}(?:[-_.]of[-_.]\d+)?$")
CANONICAL = {
    "training": "train",
    "testing": "test",
    "valid": "val",
    "validation": "val",
    "evaluation": "eval",
}
OUT_OF_REPAIR = ("originals", "quarantine")  # folders that `datacheck fix` writes beside the data
OF_REPAIR = ("manifest.json", "pipeline.json", "plan.toml", "datacheck.toml")  # what it wrote
MAX_FILES = 100_000
MAX_PICTURES = 5_000_000


def split_of(word: str) -> str:
    """The split that a word names (``training`` → ``train``, ``test2``), or ''."""
    match = _SPLIT.match(word.lower()) or _JOINED.match(word.lower())
    return CANONICAL.get(match[1], match[1]) + match[2] if match else ""


def form_of(path: Path) -> tuple[str, str]:
    """(form, suffix) by the name: ``('delimited', '.csv')`` for ``a.csv.gz``; '' if unknown."""
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    return FORMS.get(suffix, ""), suffix


def stem_of(path: Path) -> str:
    """The name without what tells the format."""
    name = path.name
    for suffix in reversed(path.suffixes):
        if suffix.lower() in (*PACKED, *FORMS, *MAYBE, JSON):
            name = name[: -len(suffix)]
        else:
            break
    return name


@dataclass(slots=True)
class Layout:
    """Files by split, in order of name; ``''`` holds files that name no split."""

    files: dict[str, list[Path]] = field(default_factory=dict)
    aside: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Listing:
    """All files below a folder in order of name, hidden ones and documents aside; one walk.

    What is shown of their names begins with ``prefix``. ``outside`` are files that are links to
    somewhere else, which are not read.
    """

    files: list[Path] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    prefix: str = ""
    outside: list[str] = field(default_factory=list)


def explore(folder: Path, listing: Listing | None = None) -> Layout:
    """The layout of a folder of tables. Raises SourceError where there is no data, or too many
    stories.
    """
    listing = listing or listed(folder)
    layout = Layout(aside=list(listing.aside), said=list(listing.said))
    found = listing.files
    data = [p for p in found if form_of(p)[0]]
    if not data:
        data = [p for p in found if form_of(p)[1] == JSON and place(p.relative_to(folder))[0]]
    if not data:
        data = [p for p in found if form_of(p)[1] in MAYBE]
    if not data:
        data = [p for p in found if form_of(p)[1] == JSON]
    layout.aside += [str(p.relative_to(folder)) for p in found if p not in set(data)]
    if not data:
        seen = names(layout.aside, 5)
        if listing.outside:
            count = len(listing.outside)
            raise SourceError(
                f"{folder} holds no data files but "
                + ("a link that leads" if count == 1 else f"{count:,} links that lead")
                + " out of it",
                "follow them with --follow-links, if you know where they lead",
            )
        raise SourceError(
            f"{folder} holds no data files",
            (f"there is only: {seen}; " if seen else "the folder is empty; ")
            + "CSV, TSV, Parquet, JSONL, JSON, Arrow, npz, text and pictures are read",
        )
    placed = [(path, *place(path.relative_to(folder))) for path in data]
    stories = {story for _, split, story in placed if split}
    if len(stories) > 1 and _each_once(placed):
        layout.said.append(
            f"file names tell more than one dataset ({names(sorted(stories), 5)}), and each split "
            "once: they are read as one"
        )
    elif len(stories) > 1:
        raise SourceError(
            f"{folder} holds more than one dataset: {names(sorted(s or '.' for s in stories), 5)}",
            "name one: datacheck audit --train FILE --test FILE",
        )
    named = [p for p, split, _ in placed if split]
    if named and len(named) < len(placed):
        rest = [str(p.relative_to(folder)) for p, split, _ in placed if not split]
        layout.aside += rest
        placed = [one for one in placed if one[1]]
    for path, split, _ in sorted(placed, key=lambda one: natural(str(one[0].relative_to(folder)))):
        layout.files.setdefault(split, []).append(path)
    order = {"train": 0, "val": 1, "dev": 1, "test": 2}
    layout.files = dict(
        sorted(layout.files.items(), key=lambda kv: (order.get(kv[0], 3), natural(kv[0])))
    )
    return layout


def _each_once(placed: Sequence[tuple[Path, str, str]]) -> bool:
    """Whether files of one folder are train and others, one file each, whatever their names."""
    splits = [split for _, split, _ in placed if split]
    homes = {path.parent for path, split, _ in placed if split}
    forms = {form_of(path)[0] for path, split, _ in placed if split}
    once = len(set(splits)) == len(splits) and "train" in splits
    return once and len(homes) == 1 and len(forms) == 1


def shown(name: str) -> str:
    """A name as text, whatever bytes the file system holds."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def natural(text: str) -> list[tuple[int, str]]:
    """``part-2`` before ``part-10``."""
    return [(int(t), "") if t.isdigit() else (-1, t) for t in re.split(r"(\d+)", text)]


def listed(folder: Path, *, follow: bool = False) -> Listing:
    """All files below. Links to folders are not followed, and no link that leads out of this one,
    unless ``follow``. Raises SourceError for too many.
    """
    found = Listing()
    out = found.files
    outside: list[Path] = []
    denied: list[str] = []
    links: list[str] = []

    def refuse(error: OSError) -> None:
        denied.append(f"{error.filename}: {error.strerror}")

    repaired = (folder / "manifest.json").is_file() and (folder / "pipeline.json").is_file()
    tables = 0
    known: set[str] = set()  # folders behind links, each read once
    for root, folders, files in os.walk(folder, onerror=refuse, followlinks=follow):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        linked = [f for f in folders if _is_link(root, f)]
        if follow:
            linked = [f for f in linked if not _leads_on(Path(root) / f, folder, known)]
            folders[:] = [f for f in folders if f not in linked]
        links += [str((Path(root) / f).relative_to(folder)) for f in linked]
        if repaired and Path(root) == folder:  # what a repair took out is no data any more
            folders[:] = [f for f in folders if f not in OUT_OF_REPAIR]
        for name in sorted(files):
            path = Path(root) / name
            picture = is_picture(name)
            if picture and not name.startswith("."):
                (out if follow or not leads_out(path, folder) else outside).append(path)
            elif (
                (ASIDE.match(name) and not form_of(path)[0])
                or name.startswith(".")
                or (ASIDE.match(name) and name.startswith(("_", "datacheck")))
            ):
                if not (repaired and Path(root) == folder and name in OF_REPAIR):
                    found.aside.append(str(path.relative_to(folder)))
            else:
                (out if follow or not leads_out(path, folder) else outside).append(path)
                tables += 1
            if tables > MAX_FILES or len(out) > MAX_PICTURES:
                raise SourceError(
                    f"{folder} holds more than {MAX_FILES:,} files", "name a folder below it"
                )
    if denied and not out:
        raise SourceError(f"cannot read {denied[0]}", "check the permissions")
    found.said += [f"not read: {one}" for one in denied]
    found.outside = [str(one.relative_to(folder)) for one in outside]
    if links:
        found.said.append(f"not followed, links to folders: {names(links, 5)}")
    return found


def _leads_on(path: Path, root: Path, known: set[str]) -> bool:
    """Whether a link to a folder is to be followed: to somewhere else, for the first time."""
    target = os.path.realpath(path)
    if target in known or not folder_leads_on(path, root):
        return False
    known.add(target)
    return True


def _is_link(root: str, name: str) -> bool:
    return os.path.islink(os.path.join(root, name))  # noqa: PTH118, PTH114 - one of 100,000


def place(path: Path) -> tuple[str, str]:
    """(split, story): a folder's name tells the split, or else the file's.

    The story is the rest of the name: files of one dataset share it.
    """
    for i, part in enumerate(path.parts[:-1]):
        split = split_of(part)
        if split:
            return split, "/".join(path.parts[:i])
    stem = stem_of(Path(path.name))
    bare = SHARD.sub("", stem)
    for candidate in (bare, stem):
        split = split_of(candidate)
        if split:
            return split, ""
        words = re.split(r"([-_. ]+)", candidate)
        for at in (len(words) - 1, *range(len(words) - 1)):
            split = split_of(words[at])
            if split:
                story = "".join(words[:at] + words[at + 1 :]).strip("-_. ")
                return split, "/".join([*path.parts[:-1], story]).strip("/")
    match = re.match(r"^(.*?)(train|test|valid|val|dev)(?:ing|ation)?$", bare.lower())
    if match and match[1]:
        return CANONICAL.get(match[2], match[2]), match[1]
    return "", str(path.parent)
