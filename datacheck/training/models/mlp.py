"""A perceptron over the columns of a table: numbers, categories, and sequences by their mean."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from datacheck.errors import UsageError
from datacheck.training.models.blocks import activation, at_least, check_dropout, pooled


class MLP(nn.Module):
    """Layers of ``width`` units over what a table holds.

    ``numbers`` is the number of number columns; ``categories`` the number of codes of each
    category column (0, unknown, among them); ``sequences`` that of each sequence column, 0 for one
    of numbers. Codes become ``embedding`` numbers each; a sequence becomes the mean of its
    embeddings, or the mean and deviation of its numbers.

    With ``residual`` each layer after the first adds to what it gets, so that the gradient
    reaches all of them (He et al. 2016, arXiv:1512.03385); without, with a saturating activation
    and many layers, it vanishes (Glorot & Bengio 2010). Raises UsageError for a table
    without features.
    """

    def __init__(
        self,
        numbers: int,
        outputs: int,
        *,
        categories: Sequence[int] = (),
        sequences: Sequence[int] = (),
        width: int = 64,
        depth: int = 2,
        activation: str = "silu",
        dropout: float = 0.0,
        residual: bool = False,
        embedding: int = 8,
    ) -> None:
        super().__init__()
        at_least(outputs=outputs, width=width, depth=depth, embedding=embedding)
        self.categories = nn.ModuleList(nn.Embedding(codes, embedding) for codes in categories)
        self.sequences = nn.ModuleList(
            nn.Embedding(codes, embedding) if codes else _Spread() for codes in sequences
        )
        wide = numbers + embedding * (len(categories) + sum(c > 0 for c in sequences))
        wide += 2 * sum(c == 0 for c in sequences)
        if not wide:
            raise UsageError("the table has no column to learn from", "it has at least one feature")
        self.layers = nn.ModuleList(
            _Layer(wide if at == 0 else width, width, activation, dropout, residual and at > 0)
            for at in range(depth)
        )
        self.head = nn.Linear(width, outputs)

    def forward(
        self,
        x: Tensor | None = None,
        categories: Tensor | None = None,
        *sequences: Tensor | None,
    ) -> Tensor:
        """Numbers (batch, outputs), from ``x`` (batch, numbers) and codes (batch, columns).

        ``sequences`` are values (batch, longest) and mask (the same, or None) of each column.
        """
        parts = [] if x is None else [x]
        if categories is not None:
            columns = zip(self.categories, categories.unbind(1), strict=True)
            parts += [embed(codes) for embed, codes in columns]
        pairs = zip(self.sequences, sequences[::2], sequences[1::2], strict=True)
        for embed, values, mask in pairs:
            told = (
                embed(values, mask) if isinstance(embed, _Spread) else pooled(embed(values), mask)
            )
            parts.append(told)
        hidden = torch.cat(parts, 1)
        for layer in self.layers:
            hidden = layer(hidden)
        out: Tensor = self.head(hidden)
        return out


class _Layer(nn.Module):
    def __init__(self, wide: int, width: int, name: str, dropout: float, residual: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(wide, width)
        self.activation = activation(name)
        self.dropout = nn.Dropout(check_dropout(dropout))
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.dropout(self.activation(self.linear(x)))
        return x + out if self.residual else out


class _Spread(nn.Module):
    """Mean and deviation of a row's numbers, (batch, 2)."""

    def forward(self, values: Tensor, mask: Tensor | None) -> Tensor:
        mean = pooled(values[..., None], mask)
        variance = pooled((values - mean)[..., None] ** 2, mask)
        # The gradient of a root at 0 is infinite, where someone asks for that of the inputs.
        return torch.cat([mean, (variance + 1e-12).sqrt()], 1)
