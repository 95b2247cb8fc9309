#!/usr/bin/env bash
# RFC 8058, 4, asks for a DKIM signature that covers List-Unsubscribe and List-Unsubscribe-Post, or a
# mail program shows no button. One would expect a signer's own list of headers to have both.
# What happens: dkimpy, without include_headers, signs the first and not the second.
# Exits 1 if this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check dkimpy==1.1.8 cryptography==46.0.3
cat >expected <<'TXT'
dkimpy 1.1.8: list-unsubscribe True, list-unsubscribe-post False, subject True
TXT
venv/bin/python - <<'PY' | tee seen
import re
from importlib.metadata import version
import dkim
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
key = rsa.generate_private_key(65537, 2048).private_bytes(
    Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
mail = (b"From: desk@school.example\r\nTo: sara@school.example\r\nSubject: Lesson\r\n"
        b"List-Unsubscribe: <https://school.example/stop/x>\r\n"
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nHello\r\n")
signature = dkim.sign(mail, b"s", b"school.example", key).decode()
signed = re.sub(r"\s", "", re.search(r"\bh=([^;]*)", signature)[1]).lower().split(":")
names = ("list-unsubscribe", "list-unsubscribe-post", "subject")
print(f"dkimpy {version('dkimpy')}:", ", ".join(f"{name} {name in signed}" for name in names))
PY
diff expected seen || exit 1
