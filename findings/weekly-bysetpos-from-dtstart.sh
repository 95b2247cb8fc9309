#!/usr/bin/env bash
# FREQ=WEEKLY;BYDAY=TU,SU;BYSETPOS=2 from Wednesday 2026-05-13. RFC 5545 forms the set of the whole
# week first (Tuesday 12 and Sunday 17 May), takes the second, and only then leaves out what lies
# before DTSTART: one would expect Sunday 17 May as the first date.
# What happens: dateutil, rrule (npm) and rrule-rust form the first week's set from DTSTART's own day
# on, so that Sunday 17 is its first and only member, and the first date is 24 May. rrule-temporal
# gives 17 May. Exits 1 if this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check python-dateutil==2.9.0.post0
npm init -y >/dev/null
npm install --silent --no-audit --no-fund rrule@2.8.1 rrule-rust@3.1.1 rrule-temporal@2.2.8
cat >seen.cjs <<'JS'
const text = "DTSTART:20260513T000000Z\nRRULE:FREQ=WEEKLY;BYDAY=TU,SU;BYSETPOS=2;COUNT=1";
const { rrulestr } = require("rrule");
const { RRuleSet } = require("rrule-rust");
const { RRuleTemporal } = require("rrule-temporal");
console.log("rrule 2.8.1", rrulestr(text).all()[0].toISOString().slice(0, 10));
const { year, month, day } = RRuleSet.fromString(text).all(1)[0];
console.log("rrule-rust 3.1.1", new Date(Date.UTC(year, month - 1, day)).toISOString().slice(0, 10));
const [first] = new RRuleTemporal({ rruleString: text }).all();
console.log("rrule-temporal 2.2.8", first.toPlainDate().toString());
JS
cat >expected <<'TXT'
dateutil 2.9.0.post0 2026-05-24
rrule 2.8.1 2026-05-24
rrule-rust 3.1.1 2026-05-24
rrule-temporal 2.2.8 2026-05-17
TXT
{
    venv/bin/python - <<'PY'
from datetime import datetime
from dateutil import __version__
from dateutil.rrule import rrulestr
first = rrulestr("FREQ=WEEKLY;BYDAY=TU,SU;BYSETPOS=2;COUNT=1", dtstart=datetime(2026, 5, 13))[0]
print("dateutil", __version__, first.date())
PY
    node seen.cjs
} | tee seen
diff expected seen || exit 1
