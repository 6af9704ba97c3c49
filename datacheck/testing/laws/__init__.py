"""Laws that anyone can hold their own code to; a broken one names its counterexample.

* :func:`check_summary`: a summary is a commutative monoid, and does not see how rows were cut;
* :func:`check_rule`: a check does not see the order of rows, nor (where it should not) which split
  is which, and more copies never make it say less;
* :func:`does_not_leak`: what a preprocessing function makes of train does not depend on the rows
  of evaluation, nor one of those on the others;
* :func:`check_transform`: a transform learns from what it was fitted on and nothing else, is
  idempotent, agrees with its inverse;
* :func:`check_sampler`: every index once, the same again from the same seed, and on from any step;
* :func:`check_loader`: :func:`datacheck.audit_loader` finds nothing.

Each takes plain data, so it goes below ``@given`` with data of ``datacheck.testing.strategies``,
or stands alone; it raises :class:`AssertionError`.
"""

from __future__ import annotations

from datacheck.testing.laws.checks import (
    check_rule,
    leaves_its_arguments,
    more_copies_say_no_less,
    row_order_is_not_seen,
    splits_may_be_swapped,
)
from datacheck.testing.laws.leaks import does_not_leak
from datacheck.testing.laws.loaders import check_loader
from datacheck.testing.laws.samplers import (
    check_sampler,
    every_index_once,
    goes_on_where_it_stood,
    same_again,
)
from datacheck.testing.laws.summaries import (
    associativity,
    check_summary,
    commutativity,
    identity,
    of,
    pieces,
    round_trip,
    split_invariance,
)
from datacheck.testing.laws.transforms import (
    agrees_with_its_inverse,
    check_transform,
    rows_stand_alone,
    transforming_teaches_nothing,
    twice_is_once,
)

check_all = check_summary  # as it was called first

__all__ = [
    "agrees_with_its_inverse",
    "associativity",
    "check_loader",
    "check_rule",
    "check_sampler",
    "check_summary",
    "check_transform",
    "commutativity",
    "does_not_leak",
    "every_index_once",
    "goes_on_where_it_stood",
    "identity",
    "leaves_its_arguments",
    "more_copies_say_no_less",
    "of",
    "pieces",
    "round_trip",
    "row_order_is_not_seen",
    "rows_stand_alone",
    "same_again",
    "split_invariance",
    "splits_may_be_swapped",
    "transforming_teaches_nothing",
    "twice_is_once",
]
