"""Pictures, texts and pairs from end to end: audit, fix, undo, loaders and study."""

from __future__ import annotations

import filecmp
from pathlib import Path

import pytest
import torch

import datacheck

FIXTURES = Path(__file__).parents[1] / "fixtures"
KINDS = ["shapes", "reviews", "pairs"]
PLANTED = {
    "shapes": {"LK001", "MV006"},
    "reviews": {"LK001", "MV006", "SL003"},
    "pairs": {"LB001", "LK001", "SL003", "SL004", "SL006", "SL007"},
}
# A text in another encoding is read as that; a text may have two translations: told, not mended.
LEFT = {"shapes": set(), "reviews": {"MV006"}, "pairs": {"LB001"}}


def files(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module", params=KINDS)
def mended(request, tmp_path_factory):
    """A fixture by its name, and the folder that its whole plan makes of it."""
    work = tmp_path_factory.mktemp(request.param)
    report = datacheck.audit(FIXTURES / request.param)
    assert {f.rule for f in report.findings} == PLANTED[request.param]
    report.plan().save(work / "plan.toml")
    datacheck.fix(
        FIXTURES / request.param, work / "mended", plan=str(work / "plan.toml"), unsafe=True
    )
    return request.param, work / "mended"


def test_an_audit_after_the_repairs_shows_them_done(mended):
    name, folder = mended
    report = datacheck.audit(folder)
    assert {f.rule for f in report.findings} == LEFT[name]
    assert [o for o in report.not_checked if "failed" in o.reason] == []


def test_undo_gives_the_fixture_back(mended, tmp_path):
    name, folder = mended
    datacheck.undo(folder, tmp_path / "restored")
    given = files(FIXTURES / name)
    assert files(tmp_path / "restored") == given
    same, differ, lost = filecmp.cmpfiles(FIXTURES / name, tmp_path / "restored", given, False)
    assert (set(same), differ, lost) == (given, [], [])


def test_loaders_of_what_is_mended(mended):
    name, folder = mended
    loaders = datacheck.loaders(folder, seed=0)
    rows = 0
    for batch in datacheck.guard(loaders.train, datacheck.Profile.fit(loaders.train)):
        rows += len(batch)
        if name == "shapes":
            assert batch.x.shape[1:] == (3, 24, 24)
            assert torch.isfinite(batch.x).all()
        else:
            sides = {"reviews": {"text"}, "pairs": {"en", "de"}}[name]
            assert set(batch.sequences) == sides
            assert all(s.values.shape == s.mask.shape for s in batch.sequences.values())
    assert rows == {"shapes": 38, "reviews": 26, "pairs": 391}[name]
    datacheck.Pipeline.load(folder / "pipeline.json")


@pytest.mark.parametrize("name", KINDS)
def test_a_study_of_a_fixture(name, tmp_path):
    done = datacheck.study(
        FIXTURES / name, tmp_path / "study",
        seeds=1, steps=20, workers=0, batch=8, repairs=("LK001",),
    )  # fmt: skip
    (one,) = done.told["repairs"]
    assert one["rules"] == ["LK001"]
    assert (tmp_path / "study" / "study.html").exists()
