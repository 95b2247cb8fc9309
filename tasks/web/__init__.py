"""The page of an installation, its metrics and probes, over HTTP: `celery -A tasks web`.

It only reads. `routes.py` lists all addresses, `access.py` says who may ask for them.
"""
