// Dates of RRULEs by four libraries of the npm registry: a JSON list of {text, anchor, last} on
// standard input, a list of {library: [dates] | "error"} on standard output.
import { createRequire } from "node:module";

const load = createRequire(process.cwd() + "/");
const ICAL = (await import(load.resolve("ical.js"))).default;
const { rrulestr } = load("rrule");
const { RRuleTemporal } = load("rrule-temporal");
const { Temporal } = load("@js-temporal/polyfill");
const { RRuleSet } = load("rrule-rust");

const MOST = 400;
const stamp = (day) => day.replaceAll("-", "") + "T000000";

const dayOf = ({ year, month, day }) =>
  `${year}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;

const LIBRARIES = {
  "rrule": ({ text, anchor, last }) =>
    rrulestr(`DTSTART:${stamp(anchor)}Z\nRRULE:${text}`)
      .between(new Date(anchor), new Date(last), true)
      .map((moment) => moment.toISOString().slice(0, 10)),
  "rrule-temporal": ({ text, anchor, last }) => {
    const rule = new RRuleTemporal({ rruleString: `DTSTART:${stamp(anchor)}Z\nRRULE:${text}` });
    const instant = (day) => Temporal.Instant.from(`${day}T00:00:00Z`).toZonedDateTimeISO("UTC");
    return rule.between(instant(anchor), instant(last), true)
      .map((moment) => moment.toPlainDate().toString());
  },
  "ical.js": ({ text, anchor, last }) => {
    const steps = ICAL.Recur.fromString(text).iterator(ICAL.Time.fromDateString(anchor));
    const found = [];
    for (let day = steps.next(); day && found.length < MOST; day = steps.next()) {
      if (day.toString() > last) break;
      found.push(day.toString());
    }
    return found;
  },
  "rrule-rust": ({ text, anchor, last }) =>
    RRuleSet.fromString(`DTSTART:${stamp(anchor)}Z\nRRULE:${text}`)
      .all(MOST)
      .map((moment) => moment.toDate?.().toISOString().slice(0, 10) ?? dayOf(moment))
      .filter((day) => day <= last),
};

let input = "";
for await (const part of process.stdin) input += part;
const answers = JSON.parse(input).map((rule) => {
  const answer = {};
  for (const [name, dates] of Object.entries(LIBRARIES)) {
    try {
      answer[name] = dates(rule);
    } catch (error) {
      answer[name] = `${error.name}: ${String(error.message).slice(0, 60)}`;
    }
  }
  return answer;
});
process.stdout.write(JSON.stringify(answers));
