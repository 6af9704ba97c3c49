"""Units that are dead or saturated: the share in each activation layer, by forward hooks.

The hooks are there only on the steps that are looked at, on modules of the kinds below; what a
model calls as a function (``torch.relu``), or what is compiled, is not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

NEAR = 0.99  # of the bound of a saturating function
NOTHING = 1e-3  # at most this, for every row: a smooth rectifier says nothing

Judge = Callable[
    [Tensor, list[int]], Tensor
]  # (output, dimensions other than units) → bool (units,)


def _zero(out: Tensor, rest: list[int]) -> Tensor:
    return out.amax(rest) == 0


def _silent(out: Tensor, rest: list[int]) -> Tensor:
    return (out.amax(rest) < NOTHING) & (out.amin(rest) > -NOTHING)


def _at_one(out: Tensor, rest: list[int]) -> Tensor:
    return out.abs().amin(rest) > NEAR


def _at_zero_or_one(out: Tensor, rest: list[int]) -> Tensor:
    return (out - 0.5).abs().amin(rest) > NEAR / 2


def _below(bound: float) -> Judge:
    return lambda out, rest: out.amax(rest) < -NEAR * bound


KINDS: dict[type[nn.Module], Judge] = {
    nn.ReLU: _zero,
    nn.ReLU6: _zero,
    nn.GELU: _silent,
    nn.SiLU: _silent,
    nn.Mish: _silent,
    nn.Hardswish: _silent,
    nn.Tanh: _at_one,
    nn.Hardtanh: _at_one,
    nn.Sigmoid: _at_zero_or_one,
    nn.Hardsigmoid: _at_zero_or_one,
    nn.SELU: _below(1.7581),
    nn.RNN: _at_one,
    nn.GRU: _at_one,
}
CHANNELS_SECOND = (nn.modules.conv._ConvNd, nn.modules.batchnorm._BatchNorm, nn.GroupNorm)
CHANNELS_LAST = (nn.Linear, nn.LayerNorm, nn.Embedding, nn.MultiheadAttention, nn.RNNBase)


class Hook:
    """Calls ``of`` from a module.

    A copy of the module, or a pickle, has one that does nothing; so has what is compiled of it.
    """

    def __init__(self, of: Callable[..., Any] | None = None) -> None:
        self.of = of

    def __call__(self, *arguments: Any) -> Any:
        """From the module."""
        if self.of is not None and not torch.compiler.is_compiling():
            return self.of(*arguments)
        return None

    def __deepcopy__(self, memo: dict[int, Any]) -> Hook:
        return Hook()

    def __copy__(self) -> Hook:
        return Hook()

    def __reduce__(self) -> tuple[type[Hook], tuple[()]]:
        return Hook, ()


class Units:
    """The share of dead or saturated units, layer by layer.

    A unit (a feature, or a channel of a convolution) is dead if it is 0 for all rows of the
    batch (ReLU; below 1e-3 in size for GELU, SiLU and such), and saturated if all its outputs
    lie within 1 % of a bound (tanh, sigmoid, SELU, the states of RNN and GRU). A module called
    several times a step counts with the mean over its calls.
    """

    def __init__(self, model: nn.Module) -> None:
        self._layers: list[tuple[str, nn.Module, Judge, bool | None]] = []
        self._handles: list[Any] = []
        self._shares: dict[str, list[Tensor]] = {}
        second: bool | None = None
        for name, module in model.named_modules():
            if isinstance(module, CHANNELS_SECOND):
                second = True
            elif isinstance(module, CHANNELS_LAST):
                second = False
            judge = KINDS.get(type(module))
            if isinstance(module, nn.ELU):
                judge = _below(float(module.alpha))
            elif isinstance(module, nn.RNN) and module.nonlinearity == "relu":
                judge = _zero
            if judge is not None:
                self._layers.append((name, module, judge, second))

    def listen(self) -> None:
        """From here on, until :meth:`stop`."""
        if not self._handles:
            for name, module, judge, second in self._layers:
                hook = Hook(_looking(name, judge, second, self._shares))
                self._handles.append(module.register_forward_hook(hook))

    def stop(self) -> Mapping[str, Tensor]:
        """The shares since :meth:`listen`, scalars by the layer's name."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        found = {n: s[0] if len(s) == 1 else torch.stack(s).mean() for n, s in self._shares.items()}
        self._shares.clear()
        return found


def _looking(
    name: str, judge: Judge, second: bool | None, shares: dict[str, list[Tensor]]
) -> Callable[..., None]:
    def look(module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, tuple) and not isinstance(output, PackedSequence):
            output = output[0]  # of a recurrent layer: the states, and the last one
        if isinstance(output, PackedSequence):
            output = output.data
        if not module.training or not isinstance(output, Tensor) or output.ndim < 2:
            return
        if torch._C._functorch.is_functorch_wrapped_tensor(output) or not output.numel():
            return  # within vmap a number has no value that could be kept
        at = 1 if (output.ndim >= 4 if second is None else second) else output.ndim - 1
        rest = [d for d in range(output.ndim) if d != at]
        bad = judge(output.detach(), rest)
        shares.setdefault(name, []).append(bad.float().mean())

    return look
