"""Models of a million parameters and more, and batches for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torchvision
from torch import Tensor, nn


class Decoder(nn.Module):
    """A causal Transformer over tokens."""

    def __init__(self, width: int, layers: int, words: int = 1000, length: int = 64) -> None:
        super().__init__()
        self.embed, self.place = nn.Embedding(words, width), nn.Embedding(length, width)
        layer = nn.TransformerEncoderLayer(
            width,
            4,
            4 * width,
            dropout=0.1,
            activation=nn.GELU(),
            batch_first=True,
            norm_first=True,
        )
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.out = nn.Linear(width, words)
        self.register_buffer("ahead", nn.Transformer.generate_square_subsequent_mask(length))

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits, shape (batch, words, length)."""
        x = self.embed(tokens) + self.place.weight
        logits: Tensor = self.out(self.layers(x, mask=self.ahead, is_causal=True))
        return logits.transpose(1, 2)


def perceptron(width: int) -> nn.Module:
    """Two hidden layers."""
    return nn.Sequential(
        nn.Linear(100, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10)
    )


@dataclass(frozen=True)
class Case:
    """A model, and batches of so many rows for it."""

    name: str
    model: Callable[[], nn.Module]
    inputs: Callable[[int], tuple[Tensor, Tensor]]
    rows: int
    steps: int  # in a block


def numbers(rows: int) -> tuple[Tensor, Tensor]:
    """Rows of a table, with classes."""
    return torch.randn(rows, 100), torch.randint(0, 10, (rows,))


def images(rows: int) -> tuple[Tensor, Tensor]:
    """Images of three channels, with classes."""
    return torch.randn(rows, 3, 32, 32), torch.randint(0, 10, (rows,))


def sequences(rows: int) -> tuple[Tensor, Tensor]:
    """Tokens, and those that follow."""
    tokens = torch.randint(0, 1000, (rows, 65))
    return tokens[:, :-1], tokens[:, 1:]


CASES = [
    Case("perceptron 1 M, 64 rows", lambda: perceptron(950), numbers, 64, 40),
    Case("perceptron 1 M, 256 rows", lambda: perceptron(950), numbers, 256, 20),
    Case("decoder 1 M, 8 × 64", lambda: Decoder(128, 4), sequences, 8, 20),
    Case("decoder 6 M, 8 × 64", lambda: Decoder(256, 7), sequences, 8, 20),
    Case("ResNet-18 11 M, 16 × 32²", torchvision.models.resnet18, images, 16, 20),
]


LARGE = Case("decoder 104 M, 64 × 64", lambda: Decoder(1024, 8), sequences, 64, 20)
"""For an accelerator only."""
