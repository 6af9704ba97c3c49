"""The rules of loaders, family DL: what is wrong with how a dataset is handed out.

One rule, one file, one page, as in ``datacheck/checks``; the table is ``checks/codes.py``. Pages
and options are read without torch.
"""
