#!/usr/bin/env bash
# A file given to Apprise as AttachMemory: one would expect each plugin that takes attachments to send
# it, since nothing of it lies on a disk.
# What happens: the plugins for Mailgun and Amazon SES open the attachment's path, which for one in
# memory is its bare name; Mailgun's returns false without a request, SES's raises. If the working
# directory has a file of that name, its content is sent in place of the attachment's.
# Nothing here reaches a service: both stop before a request, or are answered on this machine. Exits
# 1 if this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment
environment/bin/pip install --quiet --disable-pip-version-check apprise==2.3.0
cat >seen.py <<'PY'
import logging
from pathlib import Path
from unittest import mock

import apprise
from apprise.attachment.memory import AttachMemory

logging.disable(logging.CRITICAL)
URLS = {
    "mailgun": "mailgun://desk@school.example/key/person@example.com",
    "ses": "ses://desk@school.example/KEYID/secret/eu-west-1/person@example.com",
}


def tried(url):
    """What the plugin says, and whether it sent the words of memory or of the disk."""
    plugin = apprise.Apprise.instantiate(url)
    sent = []

    def post(url, data=None, files=None, **_):
        sent.append(b"".join(each[1].read() for each in (files or {}).values()))
        return mock.Mock(status_code=200, content=b"{}")

    with mock.patch("requests.post", post):
        try:
            said = plugin.notify(body="words", attach=[AttachMemory(b"of memory", "session.ics")])
        except Exception as error:
            said = type(error).__name__
    return said, sent


for name, url in URLS.items():
    print("apprise", apprise.__version__, name, *tried(url))
Path("session.ics").write_bytes(b"of the disk")
print("apprise", apprise.__version__, "mailgun", *tried(URLS["mailgun"]))
PY
cat >expected <<'TXT'
apprise 2.3.0 mailgun False []
apprise 2.3.0 ses FileNotFoundError []
apprise 2.3.0 mailgun True [b'of the disk']
TXT
environment/bin/python seen.py | tee seen
diff expected seen || exit 1
