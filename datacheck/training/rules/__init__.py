"""The rules of training, family ST: what is wrong with a run, and which rows were there.

One rule, one file, one page, as in ``datacheck/checks``; the table is ``checks/codes.py``.
"""
