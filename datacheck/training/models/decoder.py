"""A Transformer decoder: a language model, or a classifier of sequences of tokens."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from datacheck.errors import UsageError
from datacheck.training.models.blocks import at_least, check_dropout, pooled


class Decoder(nn.Module):
    """Causal self-attention and feed-forward layers, the normalization before each.

    (Pre-norm: Xiong et al. 2020, arXiv:2002.04745.) Positions are sines (Vaswani et al. 2017,
    arXiv:1706.03762), so that no length is too great. With ``classes`` the mean over real places
    becomes logits of classes; without, each place becomes logits of the ``vocabulary``. ``tied``
    makes the embedding the last layer too (Press & Wolf 2017, arXiv:1608.05859). Raises UsageError
    where ``width`` does not divide into heads of even width.
    """

    def __init__(
        self,
        vocabulary: int,
        *,
        classes: int = 0,
        width: int = 64,
        depth: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
        tied: bool = True,
    ) -> None:
        super().__init__()
        at_least(vocabulary=vocabulary, width=width, depth=depth, heads=heads)
        if width % (2 * heads):
            raise UsageError(
                f"width {width} does not divide into {heads} heads of even width",
                f"such as width {2 * heads * max(1, width // (2 * heads))}",
            )
        self.embed = nn.Embedding(vocabulary, width)
        self.dropout = nn.Dropout(check_dropout(dropout))
        self.layers = nn.ModuleList(_Layer(width, heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.classes = classes
        self.head: nn.Linear | None = None
        if classes or not tied:
            self.head = nn.Linear(width, classes or vocabulary, bias=bool(classes))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew: normal, with deviation 1/√(what comes in).

        So embeddings are as large as the sines once they are scaled. The last matrices of each
        layer are divided by √(2 · depth), so that what all layers add to a place does not grow
        with their number (as in GPT-2; Radford et al. 2019).
        """
        nn.init.normal_(self.embed.weight, std=self.embed.embedding_dim**-0.5)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=module.in_features**-0.5)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for layer in self.layers:
            assert isinstance(layer, _Layer)
            for last in (layer.out, layer.narrow):
                std = (2 * len(self.layers) * last.in_features) ** -0.5
                nn.init.normal_(last.weight, std=std)

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """Logits (batch, longest, vocabulary), or (batch, classes).

        ``tokens`` and ``mask`` are (batch, longest); places where the mask is false are seen by
        none but themselves. Without a mask all are real.
        """
        longest = tokens.shape[1]
        hidden = self.embed(tokens) * math.sqrt(self.embed.embedding_dim)
        hidden = self.dropout(hidden + _sines(longest, self.embed.embedding_dim, hidden))
        seen = torch.ones(longest, longest, dtype=torch.bool, device=tokens.device).tril()
        if mask is not None:
            itself = torch.eye(longest, dtype=torch.bool, device=tokens.device)
            seen = (seen & mask[:, None, :]) | itself  # a place that sees nothing would be NaN
            seen = seen[:, None]
        for layer in self.layers:
            hidden = layer(hidden, seen)
        hidden = self.norm(hidden)
        if self.classes:
            hidden = pooled(hidden, mask)
        weight = self.embed.weight if self.head is None else self.head.weight
        return functional.linear(hidden, weight, None if self.head is None else self.head.bias)


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.share = heads, dropout
        self.before = nn.LayerNorm(width)
        self.into = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.between = nn.LayerNorm(width)
        self.wide = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        batch, longest, width = x.shape
        parts = self.into(self.before(x)).view(batch, longest, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        # Spelled out: the fused kernel can neither be mapped over an ensemble nor over rows.
        scores = (query @ key.transpose(-1, -2)) / math.sqrt(width // self.heads)
        shares = scores.masked_fill(~seen, float("-inf")).softmax(-1)
        told = functional.dropout(shares, self.share, self.training) @ value
        x = x + self.dropout(self.out(told.transpose(1, 2).reshape(batch, longest, width)))
        out: Tensor = x + self.dropout(self.narrow(functional.gelu(self.wide(self.between(x)))))
        return out


def _sines(longest: int, width: int, like: Tensor) -> Tensor:
    """Sines and cosines of places, (longest, width), wave lengths from 2π to 10,000 · 2π."""
    places = torch.arange(longest, device=like.device, dtype=torch.float32)
    waves = torch.exp(torch.arange(0, width, 2, device=like.device) * (-math.log(10_000.0) / width))
    angles = places[:, None] * waves
    return torch.stack([angles.sin(), angles.cos()], -1).reshape(longest, width).to(like.dtype)
