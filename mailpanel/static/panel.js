// What a page does by itself: look again while something is under way, send once, copy,
// fold the navigation on a small screen. Every page works without it.
"use strict";

document.documentElement.classList.add("js");

// Looks again soon at first, then every few seconds, in milliseconds; where nothing is under way
// but what may need a person is shown, now and then.
const FIRST = 400, LONGEST = 4000, IDLE = 10000;

let pause = FIRST;

const pieces = (page) => page.querySelectorAll("[data-live]");

function take(page) {
  for (const piece of pieces(document)) {
    const fresh = page.getElementById(piece.id);
    if (!fresh) continue;
    piece.toggleAttribute("data-busy", fresh.hasAttribute("data-busy"));
    if (piece.innerHTML !== fresh.innerHTML) {
      piece.innerHTML = fresh.innerHTML;
      pause = FIRST;
    }
  }
}

async function look() {
  const shown = document.querySelector("[data-busy]") ?? document.querySelector("[data-watched]");
  if (!shown) return;
  if (document.hidden) {
    document.addEventListener("visibilitychange", look, {once: true});
    return;
  }
  try {
    const from = shown.dataset.from ?? location.pathname;
    const answer = await fetch(from, {headers: {"X-Live": "1"}, redirect: "manual"});
    // A log-in that has ended answers with a redirect: what is shown stays, and so does what
    // is being typed; the next click says it.
    if (answer.type === "opaqueredirect") return;
    if (answer.ok) take(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // The server may be restarting; the next look tells.
  }
  pause = Math.min(pause * 1.2, LONGEST);
  lookLater(pause);
}

function lookLater(milliseconds) {
  setTimeout(look, document.querySelector("[data-busy]") ? milliseconds : IDLE);
}

function once(form) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "sent";
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
  });
  // Back from the next page the browser may show this one as it was.
  addEventListener("pageshow", () => {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
  });
}

function copies(button) {
  const secret = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(secret.textContent);
      button.textContent = button.dataset.copied;
    } catch {
      // Over plain HTTP a page may not write to the clipboard.
      getSelection().selectAllChildren(secret);
      button.textContent = button.dataset.selected;
    }
  });
}

function folds(button) {
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
  });
}

addEventListener("DOMContentLoaded", () => {
  // A test's page then comes at once, and is followed; else it comes when all is answered.
  for (const button of document.querySelectorAll("button[formaction]"))
    Object.assign(button, {name: "follow", value: "1"});
  document.querySelectorAll("form[data-once]").forEach(once);
  document.querySelectorAll("[data-copy]").forEach(copies);
  document.querySelectorAll(".menu").forEach(folds);
  lookLater(FIRST);
});
