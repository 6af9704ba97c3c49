"""What a rule is: options, needs, and a verdict on summaries. A rule never looks at a file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from datacheck.dataset import Column, Dataset, Kind, Problem, Role, Task
from datacheck.findings import Effect, Example, Finding, Repair, Severity
from datacheck.summaries.base import Need, Summary, summary_key

if TYPE_CHECKING:
    import polars as pl

    from datacheck.checks.pred_probs import PredProbs
    from datacheck.summaries.keys import Keys
    from datacheck.summaries.lengths import Lengths
    from datacheck.summaries.moments import Moments
    from datacheck.summaries.nulls import Nulls
    from datacheck.summaries.row_hashes import RowHashes
    from datacheck.summaries.row_sample import RowSample
    from datacheck.summaries.tokens import Tokens
    from datacheck.summaries.values import Values

ADDRESS = "__address__"  # the int64 address column of a row sample


class NotApplicable(Exception):  # noqa: N818 - it is an outcome, not an error
    """Raised by a rule that has nothing to judge here; the message is the reason shown."""


@dataclass(frozen=True)
class BaseRule:
    """What every rule has. Dataclass fields are its options; the module's docstring is its page."""

    code: ClassVar[str]
    name: ClassVar[str]
    severity: ClassVar[Severity]
    why: ClassVar[str]
    """One sentence: why it hurts training or the score."""
    repairs: ClassVar[tuple[Repair, ...]] = ()

    def finding(
        self,
        message: str,
        *,
        splits: Sequence[str] = (),
        columns: Sequence[str] = (),
        count: int = 0,
        total: int = 0,
        unit: str = "rows",
        effect: Effect | None = None,
        evidence: Mapping[str, Any] | None = None,
        examples: Sequence[Example] = (),
        severity: Severity | None = None,
        repairs: Sequence[Repair] | None = None,
        why: str = "",
    ) -> Finding:
        """A finding of this rule; ``severity``, ``repairs`` and ``why`` default to the rule's."""
        return Finding(
            rule=self.code,
            name=self.name,
            severity=severity or self.severity,
            message=message,
            why=why or self.why,
            splits=tuple(splits),
            columns=tuple(columns),
            count=int(count),
            total=int(total),
            unit=unit,
            effect=effect,
            evidence=dict(evidence or {}),
            examples=tuple(examples),
            repairs=tuple(self.repairs if repairs is None else repairs),
        )


@dataclass(frozen=True)
class Rule(BaseRule, ABC):
    """A check of data: what it needs of the scan, and its verdict on that."""

    @abstractmethod
    def needs(self, data: Dataset) -> Iterable[Need]:
        """What the scan must gather. Nothing, where the rule cannot apply."""

    @abstractmethod
    def judge(self, context: Context) -> Iterable[Finding]:
        """The findings; raises :class:`NotApplicable` with the reason."""


@dataclass
class Context:
    """What the scan gathered, as the rules see it."""

    data: Dataset
    rows: Mapping[str, int]
    """Rows read, by split."""
    summaries: Mapping[tuple[str, str], Summary]
    """By (split, kind + params key); see :meth:`get`."""
    problems: Sequence[Problem] = ()
    severities: Mapping[str, Severity] = field(default_factory=dict)
    """Severities that the configuration sets, by code."""
    transforms: Sequence[Finding] | None = None
    """What a comparison of the transforms found that the caller named; None if none were."""
    unused_suppressions: Sequence[str] = ()
    pred_probs: Mapping[str, PredProbs] = field(default_factory=dict)
    """The user's own class probabilities, by split."""
    notes: list[str] = field(default_factory=list)
    """Sentences for the report's assumptions: what was sampled, capped or left out."""
    fetch: Any = None
    """``fetch(addresses, columns) -> pl.DataFrame`` with those very rows and ``ADDRESS``."""
    _samples: dict[str, pl.DataFrame] = field(default_factory=dict)
    _class_samples: dict[str, pl.DataFrame] = field(default_factory=dict)

    # -- splits -------------------------------------------------------------------------------

    @property
    def train(self) -> str | None:
        """The split that models are fitted on, if it has rows."""
        name = self.data.train
        return name if name is not None and self.rows.get(name) else None

    @property
    def evaluation(self) -> list[str]:
        """All other splits that have rows."""
        return [s for s in self.data.evaluation if self.rows.get(s)]

    @property
    def splits(self) -> list[str]:
        """Splits with rows, in the order of the dataset."""
        return [s for s in self.data.splits if self.rows.get(s)]

    @property
    def total(self) -> int:
        """Rows of all splits."""
        return sum(self.rows.values())

    def pairs(self) -> list[tuple[str, str]]:
        """(train, other) for each evaluation split. Raises NotApplicable without both."""
        train = self.train
        if len(self.splits) < 2:
            raise NotApplicable("needs two splits with rows")
        if train is None or not self.evaluation:
            raise NotApplicable("needs a train split; no split with rows has that name")
        return [(train, other) for other in self.evaluation]

    # -- columns ------------------------------------------------------------------------------

    def columns(
        self, *kinds: Kind, roles: Sequence[Role] = (Role.FEATURE,), splits: Sequence[str] = ()
    ) -> list[str]:
        """Columns of those kinds and roles that all ``splits`` really have, with their own kind."""
        return list(self.data.select(*kinds, roles=roles, splits=splits))

    def label(self, task: Task | None = None) -> Column:
        """The label column. Raises NotApplicable if there is none or it asks for another task."""
        label = self.data.label
        if label is None:
            raise NotApplicable("no label column is known; name it with --label")
        if task is not None and self.data.task is not task:
            raise NotApplicable(f"the label {label.name} is not for {task.value}")
        return label

    # -- summaries ----------------------------------------------------------------------------

    def get(self, kind: str, split: str, params: tuple[tuple[str, Any], ...] = ()) -> Summary:
        """The summary of that kind; KeyError if the rule did not ask for it in ``needs``."""
        return self.summaries[(split, summary_key(kind, params))]

    def _only(self, kind: str, split: str) -> Summary:
        """The one summary of that kind, whatever its parameters."""
        for (name, key), summary in self.summaries.items():
            if name == split and (key == kind or key.startswith(f"{kind}(")):
                return summary
        raise KeyError((split, kind))

    def moments(self, split: str) -> Moments:
        """Counts, means, extremes of numbers, booleans and datetimes."""
        return self.get("moments", split)  # type: ignore[return-value] # by construction of plan

    def nulls(self, split: str) -> Nulls:
        """Missing cells (null; NaN counts too) of any column."""
        return self.get("nulls", split)  # type: ignore[return-value] # by construction of plan

    def values(self, split: str) -> Values:
        """Value counts."""
        return self.get("values", split)  # type: ignore[return-value] # by construction of plan

    def keys(self, split: str) -> Keys:
        """Hashed keys with counts."""
        return self.get("keys", split)  # type: ignore[return-value] # by construction of plan

    def lengths(self, split: str) -> Lengths:
        """Length histograms."""
        return self.get("lengths", split, self.data.measure.params)  # type: ignore[return-value] # by construction of plan

    def tokens(self, split: str) -> Tokens:
        """Raw strings that could not be read as the column's kind, with counts."""
        return self.get("tokens", split)  # type: ignore[return-value] # by construction of plan

    def row_hashes(self, split: str) -> RowHashes:
        """One hash per row over the features, one over the label."""
        return self._only("row_hashes", split)  # type: ignore[return-value] # by construction of plan

    def row_sample(self, split: str) -> RowSample:
        """The coordinated row sample, as a summary."""
        return self._only("row_sample", split)  # type: ignore[return-value] # by construction of plan

    def sample(self, split: str) -> pl.DataFrame:
        """The sampled rows in file order, with their addresses in the column ``ADDRESS``.

        All rows where the split has no more than the sample's size: :meth:`sampled` tells.
        """
        if split not in self._samples:
            self._samples[split] = self.row_sample(split).frame()
        return self._samples[split]

    def class_sample(self, split: str) -> pl.DataFrame:
        """The sample with at least 500 rows of each class (where there are); not uniform."""
        if split not in self._class_samples:
            self._class_samples[split] = self.row_sample(split).frame(with_rare=True)
        return self._class_samples[split]

    def sampled(self, split: str) -> bool:
        """Whether the sample is less than all rows of the split."""
        return self.sample(split).height < self.rows[split]

    def locate(self, split: str, addresses: Iterable[int]) -> tuple[str, ...]:
        """Addresses as people write them."""
        return tuple(self.data.locate(split, int(a)) for a in addresses)
