""":data:`FAULTS`, the one table: rule code → the faults that plant what the rule looks for."""

from __future__ import annotations

from difflib import get_close_matches

from datacheck.errors import UsageError
from datacheck.testing.faults import cells, labels, leakage, lengths, near, pictures, scales
from datacheck.testing.faults.planting import Chain, Fault

_ALL = (
    Fault("duplicates-across-splits", "LK001", leakage.duplicates_across_splits),
    Fault("near-copies-across", "LK002", near.near_copies_across, adds=("text",)),
    Fault("one-cell-off-across", "LK002", near.one_cell_off_across),
    Fault("group-leak", "LK003", leakage.group_leak, group="patient", adds=("patient",)),
    Fault("time-overlap", "LK004", leakage.time_overlap, time="time", adds=("time",)),
    Fault("target-leak", "LK005", leakage.target_leak, adds=("outcome_code",)),
    Fault(
        "missingness-leak",
        "LK006",
        leakage.missingness_leak,
        classification=True,
        related={"MV001": "a feature that a whole class lacks is one that many rows lack"},
    ),
    Fault("fitted-on-both", "LK007", leakage.fitted_on_both),
    Fault("fitted-on-each", "LK007", leakage.fitted_on_each),
    Fault("order-leak", "LK008", leakage.order_leak),
    Fault(
        "metadata-leak",
        "LK009",
        leakage.metadata_leak,
        classification=True,
        adds=("notes",),
    ),
    Fault("conflicting-labels", "LB001", labels.conflicting_labels, classification=True),
    Fault("suspect-labels", "LB002", labels.suspect_labels, classification=True),
    Fault("missing-labels", "LB003", labels.missing_labels),
    Fault("duplicates-within", "LB004", labels.duplicates_within),
    Fault("near-copies-within", "LB005", near.near_copies_within, adds=("text",)),
    Fault("one-cell-off-within", "LB005", near.one_cell_off_within),
    Fault("imbalance", "CB001", labels.imbalance, classification=True),
    Fault("rare-class", "CB002", labels.rare_class, classification=True),
    Fault("class-missing", "CB003", labels.class_missing_from_test, classification=True),
    Fault("label-shift", "CB004", labels.label_shift, classification=True),
    Fault("skewed-target", "CB005", labels.skewed_target, classification=False),
    Fault("missing-values", "MV001", cells.missing_values),
    Fault("missing-not-at-random", "MV001", cells.missing_not_at_random),
    Fault("infinite-values", "MV002", cells.infinite_values),
    Fault("sentinel", "MV003", cells.sentinel),
    Fault("text-sentinel", "MV003", cells.text_sentinel, adds=("site",)),
    Fault("missingness-shift", "MV004", cells.missingness_shift),
    Fault("constant-column", "MV005", cells.constant_column),
    Fault("unreadable-pictures", "MV006", pictures.unreadable_pictures, adds=("image",)),
    Fault("mixed-types", "MV007", cells.mixed_types),
    Fault("z-score", "NM001", scales.standardized_test),
    Fault("times-1000", "NM001", scales.thousandfold_test),
    Fault("by-255", "NM001", scales.divided_test),
    Fault("log1p", "NM001", scales.log_test),
    Fault("fahrenheit", "NM001", scales.fahrenheit_test),
    Fault("sign-flip", "NM001", scales.negated_test),
    Fault("red-and-blue-swapped", "NM001", pictures.swapped_channels, adds=("image",)),
    Fault("scale-disparity", "NM002", scales.scale_disparity),
    Fault("distribution-shift", "NM003", scales.distribution_shift),
    Fault("transforms-differ", "NM004", pictures.transforms_differ),
    Fault("extreme-values", "NM005", scales.extreme_values),
    Fault("unseen-categories", "NM006", scales.unseen_categories, adds=("site",)),
    Fault("image-formats", "NM007", pictures.image_formats, adds=("image",)),
    Fault("skewed-lengths", "SL001", lengths.skewed_lengths, adds=("events",)),
    Fault("length-shift", "SL002", lengths.length_shift, adds=("events",)),
    Fault("empty-sequences", "SL003", lengths.empty_sequences, adds=("events",)),
    Fault("overlong-sequences", "SL004", lengths.overlong_sequences, adds=("events",)),
    Fault(
        "length-label-confounding",
        "SL005",
        lengths.length_label_confounding,
        classification=True,
        adds=("events",),
    ),
    Fault("mispaired", "SL006", lengths.mispaired, adds=("source", "translation")),
    Fault("untranslated", "SL007", lengths.untranslated, adds=("source", "translation")),
    Fault("column-missing", "SC001", cells.column_missing),
    Fault("column-renamed", "SC001", cells.column_renamed),
    Fault("type-changed", "SC002", cells.type_changed),
    Fault("schema-violation", "SC003", cells.schema_violation),
    Fault("unused-suppression", "DC001", cells.unused_suppression),
)

FAULTS: dict[str, list[Fault]] = {}
"""The faults that each rule of data has to find, by its code."""
for _fault in _ALL:
    FAULTS.setdefault(_fault.rule, []).append(_fault)


def find(name: str) -> Fault:
    """The fault of that name, or the first one of that rule. Raises UsageError, with the nearest.

    >>> find("z-score").rule, find("LK001").name
    ('NM001', 'duplicates-across-splits')
    """
    wanted = name.strip()
    for fault in _ALL:
        if wanted.lower() == fault.name or wanted.upper() == fault.rule:
            return fault
    near_by = get_close_matches(wanted, [*FAULTS, *(f.name for f in _ALL)], n=1, cutoff=0.3)
    hint = f"did you mean {near_by[0]}?" if near_by else "datacheck.testing.FAULTS has them all"
    raise UsageError(f"no fault {name!r}", hint)


def compose(*faults: Fault | str) -> Chain:
    """Faults planted one after the other, in this order, each in what the one before has made.

    Faults are given themselves, or by name. ``touched`` of the result tells the rows and columns
    of each in the frames of the end. Raises UsageError for none, and for two faults that add a
    column of the same name.

    >>> compose("missing-values", "duplicates-across-splits").rules
    ('MV001', 'LK001')
    """
    chosen = tuple(find(f) if isinstance(f, str) else f for f in faults)
    if not chosen:
        raise UsageError("no fault to plant", "name some, such as 'target-leak'")
    by: dict[str, str] = {}
    for fault in chosen:
        for column in fault.adds:
            if column in by:
                raise UsageError(
                    f"{by[column]} and {fault.name} both add a column {column!r}", "plant one"
                )
            by[column] = fault.name
    return Chain(chosen)
