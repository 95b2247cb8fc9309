#!/usr/bin/env bash
# CLDR's wide name of May in Tigrinya (ti), as Babel has it. One would expect the short name ግን to be a
# short form of the wide one, as it is in the other months (ጥር, የካ, መጋ …), which ግንቦት is.
# What happens: the wide name is ጉንበት, while the month's short name is ግን. Exits 1 if this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check Babel==2.19.0
cat >expected <<'TXT'
Babel 2.19.0 wide ጉንበት, abbreviated ግን, the short name begins the wide one: False
TXT
venv/bin/python - <<'PY' | tee seen
from babel import __version__
from babel.dates import get_month_names
wide, short = (get_month_names(width, locale="ti")[5] for width in ("wide", "abbreviated"))
begins = wide.startswith(short)
print(f"Babel {__version__} wide {wide}, abbreviated {short}, the short name begins the wide one: {begins}")
PY
diff expected seen || exit 1
