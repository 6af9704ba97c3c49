"""Studies of labels that are to be said: one encoder for both sides, and a model that says one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from datacheck.errors import UsageError
from datacheck.pipelines.repairing.view import View
from datacheck.sources import open_source
from datacheck.training.objectives import SequenceToSequence
from datacheck.training.study import common
from datacheck.training.study.clean import _labeled
from datacheck.training.study.models import build

PAIRS = Path(__file__).parents[3] / "fixtures" / "pairs"


@pytest.fixture(scope="module")
def pairs():
    data = open_source(PAIRS)
    pieces = list(View(data).pieces(list(data.columns), splits=["train"]))
    return data, [(frame, addresses) for _, frame, addresses in pieces]


def test_both_sides_become_tokens(pairs, tmp_path):
    data, pieces = pairs
    encoder = common.learn(data, [f for f, _ in pieces])
    assert (encoder.target, encoder.label) == ("de", "")
    assert set(encoder.words) == {"en", "de"}
    assert common.joined(encoder, encoder).target == "de"
    assert common.write(tmp_path / "v" / "train", encoder, pieces, labeled=True) == 400
    common.save_encoder(tmp_path, encoder)
    assert common.load_encoder(tmp_path) == encoder
    model, objective = build("auto", encoder, np.zeros(0), None)
    assert isinstance(objective, SequenceToSequence)
    table = common.load_table(tmp_path, "v", "train")
    batch = encoder.collate()(table.__getitems__(np.arange(20)))
    torch.manual_seed(0)
    assert torch.isfinite(objective(model, batch).mean)
    with pytest.raises(UsageError, match="says no sequences"):
        build("table", encoder, np.zeros(0), None)


def test_rows_with_an_empty_target_judge_nothing(pairs):
    data, pieces = pairs
    frame = pieces[0][0]
    mask = _labeled(frame, data, frame)
    assert np.flatnonzero(~mask).tolist() == [16]
