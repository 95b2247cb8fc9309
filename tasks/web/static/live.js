// Rows of the table of messages, as they go out. Without it the page is as it was when it was read.
"use strict";
const table = document.querySelector("table[data-live]");
const KEPT = 50;
const cell = (row, name, text) => {
  const made = document.createElement(name);
  made.textContent = text;
  row.append(made);
  return made;
};
const show = (told) => {
  const row = document.createElement("tr");
  cell(row, "td", told.time);
  cell(row, "th", told.message).scope = "row";
  const link = document.createElement("a");
  link.href = `/sessions/${told.session}`;
  link.textContent = told.session;
  cell(row, "td", "").append(link);
  cell(row, "td", told.channel);
  const state = document.createElement("span");
  state.className = `state ${told.outcome}`;
  state.textContent = told.said;
  cell(row, "td", "").append(state);
  cell(row, "td", told.words).lang = "en";
  table.tBodies[0].prepend(row);
  while (table.rows.length > KEPT) table.deleteRow(-1);
  document.getElementById("silence")?.remove();
  document.getElementById("told").textContent = `${told.message}: ${told.said}`;
};
if (table) {
  const events = new EventSource(table.dataset.live);
  events.addEventListener("message", (event) => show(JSON.parse(event.data)));
  addEventListener("pagehide", () => events.close());
}
