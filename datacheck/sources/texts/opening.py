"""Folders of text: files side by side, a folder a class, a file a class."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from datacheck.dataset import Problem
from datacheck.errors import SourceError
from datacheck.findings import names
from datacheck.sources.layout import Listing, form_of
from datacheck.sources.options import SourceOptions
from datacheck.sources.table import ALONE, Opened
from datacheck.sources.texts import layouts
from datacheck.sources.texts.files import open_files
from datacheck.sources.texts.forms import Plain
from datacheck.sources.texts.lines import open_lines
from datacheck.sources.texts.pairs import open_pairs
from datacheck.sources.trying import tried

HOW = "set with --text-layout"


def open_texts(root: Path, listing: Listing, options: SourceOptions) -> Opened | None:
    """The texts of a folder; None where it holds tables, or files to be read one by one.

    Raises SourceError where a layout was asked for that is not there.
    """
    asked = options.text_layout
    if asked in ("table", "lines", "conll") or options.delimiter is not None:
        return None
    if asked == "auto" and any(form_of(p)[0] for p in listing.files):
        return None
    opened = Opened(root.resolve().name or str(root))
    opened.said += listing.said
    made = (
        (asked in ("auto", "parallel") and _pairs(opened, root, listing, options))
        or (asked in ("auto", "files") and _files(opened, root, listing, options))
        or (asked in ("auto", "classes") and _classes(opened, root, listing, options))
    )
    if made:
        return opened
    if asked != "auto":
        seen = names((str(p.relative_to(root)) for p in listing.files), 5)
        raise SourceError(f"{root} holds no {WANTED[asked]}", f"there is: {seen or 'nothing'}")
    return None


WANTED = {
    "parallel": "files that go together, such as train.en and train.de",
    "files": "files of text",
    "classes": "files of lines, one for each class",
}


def _shown(path: Path, root: Path, listing: Listing) -> str:
    return listing.prefix + str(path.relative_to(root))


def _aside(opened: Opened, root: Path, listing: Listing, left: Iterable[Path]) -> None:
    aside = [str(p.relative_to(root)) for p in left] + listing.aside
    aside = [listing.prefix + one for one in aside]
    if aside:
        shown = sorted(aside, key=lambda one: (one.startswith("."), one))
        opened.said.append(f"passed over, no data: {names(shown, 5)}")


def _pairs(opened: Opened, root: Path, listing: Listing, options: SourceOptions) -> bool:
    found = layouts.pairs(root, listing.files)
    if found is None or not found.splits:
        return False
    first = found.sides[0]
    why = f"the {'second' if len(found.sides) == 2 else 'last'} of files that go with {first}"
    for split, groups in found.splits.items():
        for group in groups:
            files = {side: (path, _shown(path, root, listing)) for side, path in group.items()}
            shown = files[first][1]
            made = tried(
                opened, split or ALONE, shown,
                lambda files=files: {"": open_pairs(files, options.encoding, why)},  # type: ignore[misc] # mypy cannot infer a lambda's default
            )  # fmt: skip
            for table in made.values():
                opened.tables.setdefault(split or ALONE, []).append(table)
    for path in found.alone:
        lacking = f"has no other side: files ending in {names(f'.{s}' for s in found.sides)}"
        opened.problems.append(Problem("", _shown(path, root, listing), -1, lacking))
    opened.said.append(
        f"files are read side by side, line by line: {names(found.sides)}, assumed: "
        f"{'their names' if options.text_layout == 'auto' else 'as asked'}; {HOW}"
    )
    _aside(opened, root, listing, found.left)
    return True


def _files(opened: Opened, root: Path, listing: Listing, options: SourceOptions) -> bool:
    found = layouts.folders(root, listing.files, options)
    if found is None:
        return False
    for split, listed in found.splits.items():
        inside = [_shown(p, root, listing) for _, p in listed]
        classes = [name for name, _ in listed]
        of = classes if any(classes) else []
        name = split or ALONE
        made = tried(
            opened, name, name,
            lambda inside=inside, of=of, split=split: {  # type: ignore[misc] # as above
                "": open_files(root, split, inside, of, options.encoding, listing.prefix)
            },
        )  # fmt: skip
        for table in made.values():
            opened.tables.setdefault(name, []).append(table)
    opened.said.append(f"each file is an example, assumed: folders that hold texts; {HOW}")
    _aside(opened, root, listing, found.left)
    return True


def _classes(opened: Opened, root: Path, listing: Listing, options: SourceOptions) -> bool:
    found = layouts.names(root, listing.files, options)
    if found is None:
        return False
    why = "the name of each file"
    for split, listed in found.splits.items():
        for label, path in listed:
            shown = _shown(path, root, listing)
            made = tried(
                opened, split or ALONE, shown,
                lambda path=path, shown=shown, label=label: {  # type: ignore[misc] # as above
                    "": open_lines(
                        path, shown, Plain(), options.encoding, constant=label, why=why
                    )
                },
            )  # fmt: skip
            for table in made.values():
                opened.tables.setdefault(split or ALONE, []).append(table)
    files = [_shown(p, root, listing) for of in found.splits.values() for _, p in of]
    opened.said.append(
        f"each file holds a class, a line an example ({names(files, 3)}), assumed: short lines and "
        f"names that tell no split; {HOW}"
    )
    _aside(opened, root, listing, found.left)
    return True
