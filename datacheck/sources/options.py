"""What a person says about the data, in place of what would be inferred."""

from __future__ import annotations

from dataclasses import dataclass

from datacheck.dataset import Task


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """Roles and text format; None or () means: infer it and say so."""

    label: str | None = None
    group: str | None = None
    time: str | None = None
    id: tuple[str, ...] = ()
    split_column: str | None = None
    ignore: tuple[str, ...] = ()
    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None
    task: Task | None = None
    text_layout: str = "auto"
    length_unit: str | None = None
    tokenizer: str | None = None
    follow_links: bool = False
