"""Reference implementations of the streaming contract. Run them from the root: `python -m impls.starlette`.

This folder must never be on `sys.path` itself: it holds folders that are named like the frameworks they use.
"""
