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
  const [states, outcomes, results] = ["states", "outcomes", "results"].map((name) => JSON.parse(live.dataset[name]));
  const calls = new Map();  // by their UUID: the number, and what the page says of it now
  let waiting = false;
  const paint = () => {
    for (const card of document.querySelectorAll("[data-call]")) {
      const known = calls.get(card.dataset.call);
      if (!known) continue;
      card.querySelector("[data-state]").textContent = known.state;
      card.querySelector("[data-detail]").textContent = known.detail;
    }
  };
  const refresh = async () => {
    waiting = false;
    const answer = await fetch(location.pathname, {credentials: "same-origin"});
    if (!answer.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of parts) {
      const other = fresh.getElementById(part.id);
      if (other && !part.contains(document.activeElement)) part.replaceChildren(...other.childNodes);
    }
    paint();
  };
  const soon = () => { if (!waiting) { waiting = true; setTimeout(refresh, 400); } };
  const tell = (words) => {
    live.hidden = false;
    const line = document.createElement("li");
    line.textContent = new Date().toLocaleTimeString() + " " + words;
    log.prepend(line);
    while (log.children.length > 30) log.lastChild.remove();
    paint();
    soon();
  };
  const listen = () => {
    const stream = new EventSource(live.dataset.live);
    stream.addEventListener("open", () => { for (const one of document.querySelectorAll(".no-live")) one.hidden = true; });
    stream.addEventListener("error", () => {
      // A refusal (too many pages listen) is final for the stream: ask again later.
      if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 20000);
    });
    stream.addEventListener("call", (event) => {
      const told = JSON.parse(event.data);
      const known = calls.get(told.request_uuid) || {detail: ""};
      const state = states[told.state] || told.state;
      const ended = told.disposition ? `${state}: ${outcomes[told.disposition] || told.disposition}` : state;
      const asked = told.last_question ? `at “${told.last_question}”` : "";
      const who = told.amd_status && told.amd_status !== known.who ? `, a ${told.amd_status}` : "";
      const moved = ended !== known.ended || !asked;
      calls.set(told.request_uuid, {
        number: told.phone_number, state, ended, asked, who: told.amd_status, detail: asked || known.detail,
      });
      tell(`${told.phone_number}: ${moved ? ended + who : asked + who}`);
    });
    stream.addEventListener("key", (event) => {
      const told = JSON.parse(event.data);
      const result = told.result ? results[told.result] : "";
      const meaning = result || (told.response && told.response !== told.digits ? told.response : "");
      const pressed = `pressed ${told.digits || "nothing"}${meaning ? ` (${meaning})` : ""}${told.valid ? "" : ", not valid"}`;
      const known = calls.get(told.request_uuid) || {number: "somebody", state: states.answered, asked: ""};
      calls.set(told.request_uuid, {...known, detail: [known.asked, pressed].filter(Boolean).join(", ")});
      tell(`${known.number}: ${pressed}`);
    });
    stream.addEventListener("result", soon);
    stream.addEventListener("reset", soon);
    window.addEventListener("pagehide", () => stream.close());
  };
  listen();
}
