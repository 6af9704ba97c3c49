"""Recurrent networks: an encoder and a decoder of sequences, and a classifier of them.

Over a thousand steps the gradient is a product of a thousand Jacobians: it vanishes or explodes
unless their singular values are near 1 (Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063). What
helps is here by name: gates (LSTM, GRU), orthogonal recurrent weights, clipping in the trainer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from datacheck.errors import UsageError
from datacheck.findings import names
from datacheck.training.models.blocks import at_least, check_dropout

CELLS: Mapping[str, tuple[Any, int, dict[str, Any]]] = {
    "tanh": (nn.RNN, 1, {"nonlinearity": "tanh"}),
    "relu": (nn.RNN, 1, {"nonlinearity": "relu"}),
    "gru": (nn.GRU, 3, {}),
    "lstm": (nn.LSTM, 4, {}),
}
"""The class, how many matrices are stacked in a weight, and further arguments."""
INITS = ("uniform", "orthogonal", "normal")


class Recurrent(nn.Module):
    """Layers of one cell: ``tanh``, ``relu``, ``gru`` or ``lstm``.

    ``init`` says how the recurrent matrices begin: ``"uniform"`` as torch does, within
    ±1/√hidden; ``"orthogonal"`` (Saxe, McClelland & Ganguli 2014, arXiv:1312.6120) times
    ``gain``, one matrix a gate; or ``"normal"`` with deviation ``gain``/√hidden, whose spectral
    radius is ``gain``. Unless uniform, an LSTM's forget gates begin open (bias 1; Jozefowicz et
    al. 2015).
    """

    def __init__(
        self,
        features: int,
        hidden: int,
        *,
        cell: str = "lstm",
        layers: int = 1,
        init: str = "orthogonal",
        gain: float = 1.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        at_least(features=features, hidden=hidden, layers=layers)
        if cell not in CELLS:
            raise UsageError(f"no cell {cell!r}", names(CELLS, len(CELLS)))
        if init not in INITS:
            raise UsageError(f"no initialization {init!r}", names(INITS))
        kind, self.matrices, more = CELLS[cell]
        between = check_dropout(dropout) if layers > 1 else 0.0  # torch warns of it otherwise
        self.inner = kind(features, hidden, layers, batch_first=True, dropout=between, **more)
        self.init, self.gain = init, gain
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw the weights anew, each parameter at once."""
        self.inner.reset_parameters()
        if self.init == "uniform":
            return
        hidden = self.inner.hidden_size
        for name, parameter in self.inner.named_parameters():
            if name.startswith("weight_hh"):
                parameter.normal_()
                for matrix in parameter.view(self.matrices, hidden, hidden):
                    even = self.init == "orthogonal"
                    scaled = _orthogonal(matrix) if even else matrix / math.sqrt(hidden)
                    matrix.copy_(scaled * self.gain)
            elif name.startswith("bias"):
                parameter.zero_()
                if self.matrices == 4 and name.startswith("bias_ih"):
                    parameter[hidden : 2 * hidden] = 1

    def forward(self, x: Tensor, state: Any = None) -> Tensor:
        """The top layer's states (batch, longest, hidden) over ``x`` (batch, longest, features).

        ``state`` (batch, hidden) is where all layers begin; 0 if there is none.
        """
        first = None
        if state is not None:
            first = state.expand(self.inner.num_layers, -1, -1).contiguous()
            if self.matrices == 4:
                first = (first, torch.zeros_like(first))
        out: Tensor = self.inner(x, first)[0]
        return out


class EncoderDecoder(nn.Module):
    """A recurrent encoder reads the source; a decoder of the same kind begins where it ended.

    ``source`` is the vocabulary of the source, 0 if it holds numbers (then ``features`` of them
    a step); ``target`` that of the target, with the token that starts it. Further ``options`` are
    those of :class:`Recurrent`.
    """

    def __init__(
        self,
        source: int,
        target: int,
        *,
        features: int = 1,
        hidden: int = 64,
        embedding: int = 16,
        dropout: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__()
        at_least(target=target, embedding=embedding)
        self.read = nn.Embedding(source, embedding) if source else None
        self.encoder = Recurrent(
            embedding if source else features, hidden, dropout=dropout, **options
        )
        self.bridge = nn.Linear(hidden, hidden)
        self.say = nn.Embedding(target, embedding)
        self.decoder = Recurrent(embedding, hidden, dropout=dropout, **options)
        self.dropout = nn.Dropout(check_dropout(dropout))
        self.head = nn.Linear(hidden, target)

    def forward(self, source: Tensor, mask: Tensor | None, target: Tensor) -> Tensor:
        """Logits (batch, longest target, vocabulary).

        ``source`` is (batch, longest) codes or numbers, or (batch, longest, features); ``mask``
        (batch, longest) is true where it is real, None for everywhere; ``target`` (batch, longest
        target) are the tokens before those that are asked for.
        """
        states = self.encoder(_read(self.read, source))
        last = self.bridge(_last(states, mask))
        out: Tensor = self.head(self.dropout(self.decoder(self.say(target), last)))
        return out


class RecurrentClassifier(nn.Module):
    """Classes, or numbers, from the state after the last real step of a sequence.

    Arguments are those of :class:`EncoderDecoder`, ``outputs`` instead of a target.
    """

    def __init__(
        self,
        source: int,
        outputs: int,
        *,
        features: int = 1,
        hidden: int = 64,
        embedding: int = 16,
        dropout: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__()
        at_least(outputs=outputs, embedding=embedding)
        self.read = nn.Embedding(source, embedding) if source else None
        self.encoder = Recurrent(
            embedding if source else features, hidden, dropout=dropout, **options
        )
        self.dropout = nn.Dropout(check_dropout(dropout))
        self.head = nn.Linear(hidden, outputs)

    def forward(self, source: Tensor, mask: Tensor | None = None) -> Tensor:
        """(batch, outputs), from ``source`` and ``mask`` as in :class:`EncoderDecoder`."""
        states = self.encoder(_read(self.read, source))
        out: Tensor = self.head(self.dropout(_last(states, mask)))
        return out


def _read(embed: nn.Embedding | None, source: Tensor) -> Tensor:
    if embed is not None:
        out: Tensor = embed(source)
        return out
    return source[..., None] if source.ndim == 2 else source


def _last(states: Tensor, mask: Tensor | None) -> Tensor:
    """The state after each row's last real step, (batch, hidden); 0 for an empty row.

    Steps over padding come after it, so that what they do changes nothing; and no length has to
    travel to the host, as packing would ask for.
    """
    if mask is None:
        return states[:, -1]
    lengths = mask.sum(1)
    at = (lengths - 1).clamp(min=0)[:, None, None].expand(-1, 1, states.shape[2])
    last = states.gather(1, at)[:, 0]
    return last.where((lengths > 0)[:, None], last.new_zeros(()))


def _orthogonal(drawn: Tensor) -> Tensor:
    """The orthogonal factor of a square matrix of normal numbers, uniform among them.

    Mezzadri 2007: without the signs of R's diagonal it would not be uniform.
    """
    q, r = torch.linalg.qr(drawn)
    out: Tensor = q * torch.sign(torch.diagonal(r))
    return out
