"""Models of the presets: plain modules with documented shapes, and no knowledge of training."""

from __future__ import annotations

from datacheck.training.models.cnn import ResidualCNN
from datacheck.training.models.decoder import Decoder
from datacheck.training.models.mlp import MLP
from datacheck.training.models.rnn import EncoderDecoder, RecurrentClassifier

__all__ = ["MLP", "Decoder", "EncoderDecoder", "RecurrentClassifier", "ResidualCNN"]
