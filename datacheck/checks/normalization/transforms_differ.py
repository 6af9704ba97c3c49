"""# transforms-differ (NM004)

## What it finds
Image transforms that make of one image something else for the evaluation than for train: a
`Normalize` that one of them lacks or has with other statistics; statistics for another number of
channels; pixels of 0–255 in one and 0–1 in the other (`ToDtype` without `scale=True`); another
size, crop or interpolation; gray images against color; augmentation at random in the evaluation.
And mistakes within one transform: `Normalize` before the image is a tensor of floats, twice, by a
standard deviation of zero, or with statistics of 0–1 on pixels of 0–255.

## Why it hurts training
The model is asked about images that were made otherwise than those it has learned from. Nothing
fails: the score is simply wrong, and differs from run to run where the evaluation draws at random.

## How it is measured
The transforms are those that `--transforms module:train,module:test` names (or `transforms=` in
Python); no others are ever imported. Their steps are read: torchvision v1 and v2, `Compose` and
`nn.Sequential` in any depth, functional forms, presets of weights. A pixel x becomes a·x + b in
each channel, so that two ways to write the same are the same; two transforms differ where a pixel
ends more than half a gray level (of 256) apart, on train's scale. Steps that are not torchvision's
own are the same only if they are one object, or the same code with the same values; otherwise that
is said (info). `audit_transforms(train, evaluation, sample=images)` also runs them, six times for
each image, and compares types, shapes and values: pixel by pixel if neither draws at random;
otherwise means half a deviation apart, or deviations one and a half times as great.

## Example
Train is `ToTensor(), Normalize((0.5,), (0.5,))`, test is `ToTensor()`: values of 0 to 1 in test,
−1 to 1 in train, up to 128 gray levels apart.

## Repair and repair safety
`shared-transform` (safe): one transform with statistics from train for all splits
(`datacheck.pipelines.shared_transform`); what train alone does is augmentation.

## Options
None.

## Known limits
Images are taken to be uint8 pixels where no sample tells. A crop is taken to be as large as the
images where their size is not known. Deliberately larger images in the evaluation, as the weights
of torchvision have them, are told all the same (a warning). What a step of one's own does to values
is seen only by running it on a sample; globals that its code reads are taken to be the same.

## References
- Touvron et al. 2019, "Fixing the train-test resolution discrepancy", NeurIPS.
- Breck et al. 2019, "Data validation for machine learning", MLSys (training–serving skew).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from datacheck.checks.base import Context, NotApplicable, Rule
from datacheck.dataset import Dataset
from datacheck.findings import Finding, Repair
from datacheck.summaries.base import Need


@dataclass(frozen=True)
class TransformsDiffer(Rule):
    """The image transforms of two splits do not belong together."""

    why = "the model is asked about images that were made otherwise than those it has learned from"
    repairs = (Repair("shared-transform", "safe"),)

    def needs(self, data: Dataset) -> Iterable[Need]:
        return ()

    def judge(self, context: Context) -> Iterable[Finding]:
        if context.transforms is None:
            raise NotApplicable("no transforms were named (--transforms module:train,module:test)")
        for found in context.transforms:
            # A transform may be for a split that this dataset does not have.
            splits = tuple(s for s in found.splits if s in context.data.splits)
            yield replace(found, splits=splits)
