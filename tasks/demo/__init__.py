"""`celery -A tasks demo`: the worker at work on a site of its own, for a minute.

`packages` says whether it is installed, `people` and `lessons` are the site's rows, `stage` the
servers and processes, `mailbox` the mail server, `observations` what can be seen in the database,
`scenario` what happens, `display` how it is shown, `summary` what came of it.
"""
