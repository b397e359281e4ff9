// What a page does beyond its links and forms. Every page works without it.
"use strict";

// On a telephone the menu starts folded.
const menu = document.querySelector(".menu");
if (menu && window.matchMedia("(max-width: 50rem)").matches) menu.open = false;

// Drag an event to another day: the page of that move asks before anything changes.
const days = document.querySelectorAll("td[data-day]");
for (const hint of document.querySelectorAll("[data-drag]")) hint.hidden = false;
for (const entry of document.querySelectorAll("td [data-move]")) {
  entry.draggable = true;
  entry.addEventListener("dragstart", (event) => event.dataTransfer.setData("text/plain", entry.dataset.move));
}
for (const day of days) {
  const mark = (on) => day.classList.toggle("over-here", on);
  day.addEventListener("dragover", (event) => { event.preventDefault(); mark(true); });
  day.addEventListener("dragleave", () => mark(false));
  day.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(false);
    const moved = new URLSearchParams(event.dataTransfer.getData("text/plain"));
    if (!moved.has("event")) return;
    moved.set("to", day.dataset.day);
    location.href = "/module/calendar/move/?" + moved;
  });
}

// Calls as they happen: each event is told in words, and the parts of the page that it concerns are read again.
const live = document.querySelector("[data-live]");
if (live && window.EventSource) {
  const log = live.querySelector("ol");
  const parts = document.querySelectorAll("[id^=live-]");
  const numbers = new Map();  // of calls, by their UUID
  let waiting = false;
  const refresh = async () => {
    waiting = false;
    const answer = await fetch(location.pathname, {credentials: "same-origin"});
    if (!answer.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of parts) {
      const other = fresh.getElementById(part.id);
      if (other && !part.contains(document.activeElement)) part.replaceChildren(...other.childNodes);
    }
  };
  const soon = () => { if (!waiting) { waiting = true; setTimeout(refresh, 400); } };
  const tell = (words) => {
    live.hidden = false;
    const line = document.createElement("li");
    line.textContent = new Date().toLocaleTimeString() + " " + words;
    log.prepend(line);
    while (log.children.length > 30) log.lastChild.remove();
    soon();
  };
  const listen = () => {
    const stream = new EventSource(live.dataset.live);
    stream.addEventListener("error", () => {
      // A refusal (too many pages listen) is final for the stream: ask again later.
      if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 20000);
    });
    stream.addEventListener("call", (event) => {
      const told = JSON.parse(event.data);
      const where = told.last_section ? `, section ${told.last_section}` : "";
      numbers.set(told.request_uuid, told.phone_number);
      tell(`${told.phone_number}: ${told.state}${told.disposition ? ", " + told.disposition : ""}${where}`);
    });
    stream.addEventListener("key", (event) => {
      const told = JSON.parse(event.data);
      const meaning = told.response && told.response !== told.digits ? ` (${told.response})` : "";
      const whom = numbers.get(told.request_uuid) || "somebody";
      tell(`${whom}: pressed ${told.digits || "nothing"}${meaning}${told.valid ? "" : ", not valid"}`);
    });
    stream.addEventListener("result", soon);
    stream.addEventListener("reset", soon);
    window.addEventListener("pagehide", () => stream.close());
  };
  listen();
}
