#!/usr/bin/env bash
# A message/delivery-status part and a message/global-delivery-status part (RFC 6533, 3) with the same
# two blocks, read by Python's email package. One would expect both as two blocks of fields.
# What happens: the second is read as a mail: its first block as the header, and that of the recipient
# as the text of it, so that Final-Recipient is no field. Exits 1 if this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >expected <<'TXT'
message/delivery-status [['Reporting-MTA'], ['Final-Recipient', 'Action']]
message/global-delivery-status [['Reporting-MTA']]
TXT
python3 --version
python3 - <<'PY' | tee seen
import email
from email import policy
BLOCKS = "Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; sara@school.example\nAction: failed\n"
for kind in ("message/delivery-status", "message/global-delivery-status"):
    mail = email.message_from_string(f"Content-Type: {kind}\n\n{BLOCKS}", policy=policy.default)
    print(mail.get_content_type(), [block.keys() for block in mail.get_payload()])
PY
diff expected seen || exit 1
