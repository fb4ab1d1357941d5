// Mostra um slide de cada vez. Sem JavaScript, o arquivo é uma página comum, com tudo à vista.
"use strict";
const slides = [...document.querySelectorAll("main > section > section")];
const fragments = () => [...slides[current].querySelectorAll(".fragment")];
let current = 0;

function show(number, { whole = false } = {}) {
  slides[current].hidden = true;
  current = Math.min(Math.max(number, 0), slides.length - 1);
  slides[current].hidden = false;
  fragments().forEach((fragment) => fragment.classList.toggle("waiting", !whole));
  document.getElementById("counter").textContent = `${current + 1} de ${slides.length}`;
  history.replaceState(null, "", `#${current + 1}`);
  slides[current].focus();
  scrollTo(0, 0);
}

function forward() {
  const next = fragments().find((fragment) => fragment.classList.contains("waiting"));
  if (!next) return current < slides.length - 1 && show(current + 1);
  next.classList.remove("waiting");
  next.scrollIntoView({ block: "nearest" });
}

function back() {
  const last = fragments().findLast((fragment) => !fragment.classList.contains("waiting"));
  if (!last) return current > 0 && show(current - 1, { whole: true });
  last.classList.add("waiting");
}

function toggleNotes() {
  const on = document.body.classList.toggle("with-notes");
  document.getElementById("notes").setAttribute("aria-pressed", on);
}

const KEYS = { ArrowRight: forward, PageDown: forward, ArrowLeft: back, PageUp: back, n: toggleNotes, N: toggleNotes };
KEYS.Home = () => show(0);
KEYS.End = () => show(slides.length - 1);
document.addEventListener("keydown", (event) => {
  if (!KEYS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  KEYS[event.key]();
});
document.getElementById("forward").addEventListener("click", forward);
document.getElementById("back").addEventListener("click", back);
document.getElementById("notes").addEventListener("click", toggleNotes);
slides.forEach((slide) => { slide.hidden = true; slide.tabIndex = -1; });
show(Number(location.hash.slice(1)) - 1 || 0);
