#!/usr/bin/env bash
# FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=2: one would expect one date a week, each Wednesday (RFC 5545,
# 3.3.10: "BYSETPOS" picks from the set of a period).
# What happens: ical.js, which Thunderbird's calendar is built on, reads the part and keeps it, but
# gives all three days of each week; with FREQ=MONTHLY it picks as it should. Exits 1 if this has
# changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund ical.js@2.2.1
cat >seen.mjs <<'JS'
import ICAL from "ical.js";
const STARTS = { WEEKLY: "2026-12-02", MONTHLY: "2026-12-04" }; // each the second of its period
for (const [frequency, start] of Object.entries(STARTS)) {
  const recur = ICAL.Recur.fromString(`FREQ=${frequency};BYDAY=MO,WE,FR;BYSETPOS=2`);
  const steps = recur.iterator(ICAL.Time.fromDateString(start));
  const days = [1, 2, 3, 4].map(() => String(steps.next())); // next() gives one object, changed
  console.log("ical.js 2.2.1", recur.toString(), days.join(" "));
}
JS
cat >expected <<'TXT'
ical.js 2.2.1 FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=2 2026-12-02 2026-12-04 2026-12-07 2026-12-09
ical.js 2.2.1 FREQ=MONTHLY;BYDAY=MO,WE,FR;BYSETPOS=2 2026-12-04 2027-01-04 2027-02-03 2027-03-03
TXT
node seen.mjs | tee seen
diff expected seen || exit 1
