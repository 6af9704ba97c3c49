"""A repaired dataset as a new folder: the files, what left them and why, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from datacheck.config import Config
from datacheck.errors import SourceError
from datacheck.findings import names
from datacheck.pipelines.plan import Plan
from datacheck.pipelines.repairing import companions, folder, settings
from datacheck.pipelines.repairing.members import (
    File,
    class_of,
    closed,
    members_of,
    names_in,
    originals,
)
from datacheck.pipelines.repairing.mending import ROWS, Mender, Tally
from datacheck.pipelines.repairing.pieces import concerned, pieces_of, shape_of
from datacheck.pipelines.repairing.quarantine import Quarantine
from datacheck.pipelines.repairing.texts import write_files, write_objects, write_pairs
from datacheck.pipelines.repairing.writing import writer
from datacheck.pipelines.repairing.writing_pictures import pictures_beside, write_pictures
from datacheck.sources.images.folders import IMAGE, FolderFragment
from datacheck.sources.links import OUT
from datacheck.sources.objects import ObjectsFragment
from datacheck.sources.raw import read_raw, stored
from datacheck.sources.texts.files import FilesFragment
from datacheck.sources.texts.pairs import PairsFragment

if TYPE_CHECKING:
    from datacheck.pipelines.fixing import Fixed, Job, Progress


def publish(
    source: Any,
    job: Job,
    plan: Plan,
    target: Path,
    config: Config,
    finish: Callable[[Mapping[str, Tally]], Fixed],
    progress: Progress | None,
) -> Fixed:
    """Write the folder, whole or not at all. Raises DatacheckError."""
    files = _files(source, job.mender)
    root = Path(source).expanduser() if isinstance(source, str | Path) else None
    with folder.staged(target) as aside:
        received = _moving(job, files)
        total = sum(f.size for f in files) or 1
        before = 0
        told: list[dict[str, Any]] = []
        with Quarantine(aside / folder.QUARANTINE, job.steps) as quarantine:
            with ThreadPoolExecutor(1, "datacheck-originals") as copier:
                for one in files:
                    places = [folder.placed(aside / folder.ORIGINALS / n) for _, n in one.members]
                    kept = copier.submit(originals, one, places)
                    share = before / total
                    came = received.get(one.name, [])
                    _write(one, job, aside, came, quarantine, progress, share, root)
                    told += closed(one, aside, kept.result())
                    before += one.size
            _prune(aside / folder.ORIGINALS)
            told += _unread(source, job, aside, files, quarantine)
        told += pictures_beside(source, job.mender.view, aside, {str(one["file"]) for one in told})
        told += _companions(source, job, aside, told)
        done = finish({f"{i}": f.tally for i, f in enumerate(files)})
        done.pipeline.save(aside / "pipeline.json")
        plan.save(aside / "plan.toml")
        settings.write(aside / "datacheck.toml", job, config)
        folder.write_manifest(aside, _manifest(job, done, told, quarantine.rows))
    return done


def _files(source: Any, mender: Mender) -> list[File]:
    """The files in order; a file of several fragments (or splits) is written once."""
    root = Path(source).expanduser() if isinstance(source, str | Path) else None
    out: dict[Path, File] = {}
    for seen in mender.view.fragments():
        fragment = stored(seen)
        if isinstance(fragment, FolderFragment):  # the pictures of each split by themselves
            place = fragment.root / fragment.file
            out[place] = File(place, fragment.file, members_of(fragment, root), [fragment])
            continue
        path: Path = fragment.path  # type: ignore[attr-defined] # all but frames in memory have one
        if path not in out:
            members = members_of(fragment, root)
            files = isinstance(fragment, FilesFragment)
            out[path] = File(path, fragment.file if files else members[0][1], members)
        elif isinstance(fragment, FilesFragment):
            out[path].members += members_of(fragment, root)
        out[path].fragments.append(fragment)
    return list(out.values())


def _moving(job: Job, files: list[File]) -> dict[str, list[pl.DataFrame]]:
    """Rows that go to another split's file, by that file: they have to be read beforehand."""
    view = job.mender.view
    if not view.moves.moved.size or view.data.split_column:
        return {}
    homes: dict[tuple[str, str | None], File] = {}
    for one in files:
        for fragment in one.fragments:
            homes[fragment.split, class_of(fragment)] = one
    ordinals, out = view.file_of, dict[str, list[pl.DataFrame]]()
    for one in files:
        for fragment in one.fragments:
            for raw in read_raw(fragment, ROWS):
                if not raw.frame.height:
                    continue
                mended = job.mender.mend(raw, fragment, ordinals[fragment.file], Tally())
                for home, frame in mended.sent():
                    key = view.splits[home], class_of(fragment)
                    if key not in homes:
                        raise SourceError(
                            f"{key[0]} has no file of the class {key[1]!r}",
                            "make one there, or take the step that moves rows out of the plan",
                        )
                    out.setdefault(homes[key].name, []).append(frame)
    return out


# -- one file ----------------------------------------------------------------------------------


def _write(
    one: File,
    job: Job,
    aside: Path,
    received: list[pl.DataFrame],
    quarantine: Quarantine,
    progress: Progress | None,
    share: float,
    root: Path | None,
) -> None:
    targets = [folder.placed(aside / name) for _, name in one.members]
    if not received and job.anew is None and not concerned(one, job.mender):
        one.changed = False
        return
    shape = shape_of(one.fragments[0], job.mender)
    pieces = pieces_of(one, job.mender, received, shape, quarantine, progress, share)
    first = one.fragments[0]
    if isinstance(first, FolderFragment):

        def written(n: int) -> None:
            for i in job.anew.steps if job.anew is not None else ():
                one.tally.add(i, IMAGE, n)

        names_of = names_in(first, root)
        one.kept = write_pictures(
            first, pieces, aside, names_of, _told(job), shape, job.anew, written
        )
        return
    if isinstance(first, FilesFragment):
        mine = [f for f in one.fragments if isinstance(f, FilesFragment)]
        one.kept = write_files(mine, pieces, aside, shape)
        return
    if isinstance(first, PairsFragment):
        write_pairs(first, pieces, targets, shape)
    elif isinstance(first, ObjectsFragment):
        of_json = [f for f in one.fragments if isinstance(f, ObjectsFragment)]
        write_objects(of_json, pieces, targets[0], shape)
    else:
        writer(first, one.path)(pieces, targets[0], shape)
    tally = one.tally
    one.changed = bool(
        received or not shape.same or tally.values or tally.gone or tally.away or tally.bad
        or one.changed
    )  # fmt: skip
    if not one.changed:
        for target in targets:
            target.unlink()


def _told(job: Job) -> dict[str, Path]:
    """All pictures of folders, as they are told, to their files."""
    return {
        told: f.root / name
        for f in map(stored, job.mender.view.fragments())
        if isinstance(f, FolderFragment)
        for told, name in zip(f.paths, f.names, strict=True)
    }


def _prune(originals: Path) -> None:
    """Remove folders without a file."""
    for path in sorted((p for p in originals.rglob("*") if p.is_dir()), reverse=True):
        with suppress(OSError):
            path.rmdir()
    with suppress(OSError):
        originals.rmdir()


def _unread(
    source: Any, job: Job, aside: Path, files: list[File], quarantine: Quarantine
) -> list[dict[str, Any]]:
    """Files that could not even be opened: train's leave if the plan says so, others stay."""
    root = Path(source).expanduser() if isinstance(source, str | Path) else None
    if root is None or not root.is_dir():
        return []
    known, out = {n for f in files for n in (f.name, *(m for _, m in f.members))}, []
    if links := [p.file for p in job.data.problems if p.reason == OUT]:
        job.said.append(f"not copied, links that lead out of the folder: {names(links)}")
        known.update(links)
    for problem in job.data.problems:
        path = root / problem.file
        if problem.row >= 0 or problem.file in known or not path.is_file():
            continue
        known.add(problem.file)
        leaves = problem.split in job.mender.quarantine
        kept = f"{folder.ORIGINALS}/{problem.file}" if leaves else problem.file
        digest = folder.copied(path, folder.placed(aside / kept))
        if leaves:
            quarantine.unread(problem)
        out.append(
            {"file": problem.file, "splits": [problem.split], "original_sha256": digest,
             "sha256": None if leaves else digest, "changed": leaves, "rows": None}
        )  # fmt: skip
    return out


def _companions(
    source: Any, job: Job, aside: Path, told: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    root = Path(source).expanduser() if isinstance(source, str | Path) else None
    if root is None or not root.is_dir():
        return []
    files, left = companions.carried(root, aside, {str(one["file"]) for one in told})
    if left:
        job.said.append(f"not copied, no data and large: {names(left)}")
    return files


def _manifest(
    job: Job, done: Fixed, files: list[dict[str, Any]], quarantined: int
) -> dict[str, Any]:
    from datacheck.auditing import versions

    return {
        "dataset": job.data.name,
        "steps": [
            {
                "repair": d.step.repair,
                "rules": list(d.step.rules),
                "safety": d.step.safety,
                "columns": list(d.step.columns),
                "rows": d.rows,
                "values": dict(d.values),
            }
            for d in done.done
        ],
        "files": files,
        "quarantined": quarantined,
        "said": list(done.said),
        "versions": versions(),
    }
