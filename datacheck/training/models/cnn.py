"""A small residual network for images of any size, 8 × 8 among them."""

from __future__ import annotations

from torch import Tensor, nn

from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.training.models.blocks import activation, at_least, check_dropout

NORMS = ("batch", "group", "none")


class ResidualCNN(nn.Module):
    """Convolutions in ``stages``, each but the first halving the image and doubling the channels.

    A stage is ``blocks`` blocks of two 3 × 3 convolutions, each with its normalization, and with
    ``residual`` a way around them (He et al. 2016, arXiv:1512.03385). ``norm`` is ``"batch"``
    (statistics of the batch in training, running ones in evaluation), ``"group"`` (of each image
    alone; Wu & He 2018, arXiv:1803.08494) or ``"none"``. The last layer sees the mean over places.
    Raises UsageError for another ``norm``.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        *,
        width: int = 16,
        stages: int = 2,
        blocks: int = 1,
        norm: str = "batch",
        activation: str = "silu",
        dropout: float = 0.0,
        residual: bool = True,
    ) -> None:
        super().__init__()
        at_least(channels=channels, classes=classes, width=width, stages=stages, blocks=blocks)
        if norm not in NORMS:
            raise UsageError(f"no normalization {norm!r}", names(NORMS))
        self.stem = nn.Conv2d(channels, width, 3, padding=1)
        made, wide = [], width
        for stage in range(stages):
            for block in range(blocks):
                narrow, stride = wide, 2 if stage and not block else 1
                wide = wide * stride
                made.append(_Block(narrow, wide, stride, norm, activation, residual))
        self.blocks = nn.ModuleList(made)
        self.dropout = nn.Dropout(check_dropout(dropout))
        self.head = nn.Linear(wide, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, classes) of images (batch, channels, height, width)."""
        hidden = self.stem(x)
        for block in self.blocks:
            hidden = block(hidden)
        out: Tensor = self.head(self.dropout(hidden.mean((2, 3))))
        return out


class _Block(nn.Module):
    def __init__(
        self, narrow: int, wide: int, stride: int, norm: str, name: str, residual: bool
    ) -> None:
        super().__init__()
        # A bias before a normalization is subtracted again.
        bias = norm == "none"
        self.first = nn.Conv2d(narrow, wide, 3, stride=stride, padding=1, bias=bias)
        self.second = nn.Conv2d(wide, wide, 3, padding=1, bias=bias)
        self.norms = nn.ModuleList([_norm(norm, wide), _norm(norm, wide)])
        self.activation = activation(name)
        self.around: nn.Module | None = None
        if residual:
            same = stride == 1 and narrow == wide
            self.around = nn.Identity() if same else nn.Conv2d(narrow, wide, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.activation(self.norms[0](self.first(x)))
        hidden = self.norms[1](self.second(hidden))
        out: Tensor = self.activation(hidden if self.around is None else hidden + self.around(x))
        return out


def _norm(name: str, channels: int) -> nn.Module:
    if name == "batch":
        return nn.BatchNorm2d(channels)
    if name == "group":
        groups = max(g for g in range(1, 9) if channels % g == 0)
        return nn.GroupNorm(groups, channels)
    return nn.Identity()
