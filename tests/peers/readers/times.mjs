// Start and end of each file's event in UTC: node times.mjs ical.js|node-ical FILE…
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const load = createRequire(process.cwd() + "/");
const [library, ...paths] = process.argv.slice(2);
const plain = (at) => at.toISOString().replace(/[-:]|\.000/g, "");

async function times(text) {
  if (library === "node-ical") {
    const found = Object.values(load("node-ical").sync.parseICS(text));
    const event = found.find((each) => each.type === "VEVENT");
    return [event.start, event.end];
  }
  const ICAL = (await import(load.resolve("ical.js"))).default;
  const calendar = new ICAL.Component(ICAL.parse(text));
  for (const zone of calendar.getAllSubcomponents("vtimezone")) ICAL.TimezoneService.register(zone);
  const event = new ICAL.Event(calendar.getFirstSubcomponent("vevent"));
  return [event.startDate.toJSDate(), event.endDate.toJSDate()];
}

for (const path of paths) {
  console.log((await times(readFileSync(path, "utf8"))).map(plain).join(" "));
}
