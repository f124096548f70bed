// What the desk adds to plain pages: stories that arrive, keys, and forms that send themselves.
// Every page works without it.
"use strict";

(() => {
  const stories = () => document.getElementById("stories");
  const title = document.title;
  const held = []; // stories that came while the reader was further down
  let unseen = 0; // stories that came while the page was in the background

  // The zone of the reader, so that times are shown in it; a zone that was set by hand stays.
  if (!/(^|; )zone=/.test(document.cookie)) {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (zone) document.cookie = `zone=${zone}; path=/; max-age=31536000; samesite=lax`;
  }

  // ---------------------------------------------------------------- what arrives

  const idOf = (html) => (html.match(/\sid="([^"]+)"/) || [])[1];

  const put = (html) => {
    const id = idOf(html);
    const known = id && document.getElementById(id);
    if (known) {
      htmx.swap({ sourceElement: known, target: known, swap: "outerMorph", text: html });
    } else if (stories()) {
      const waiting = held.findIndex((one) => idOf(one) === id);
      if (waiting >= 0) held[waiting] = html;
      else if (window.scrollY > 400 && !document.body.classList.contains("wall")) held.push(html);
      else show(html);
      offer();
      if (document.hidden) document.title = `(${++unseen}) ${title}`;
    }
  };

  const show = (html) => {
    htmx.swap({ sourceElement: stories(), target: stories(), swap: "afterbegin", text: html });
    document.querySelector(".empty")?.remove();
    if (document.body.classList.contains("wall")) stories().lastElementChild?.remove();
  };

  const offer = () => {
    const button = document.getElementById("new");
    if (!button) return;
    button.hidden = !held.length;
    button.textContent =
      held.length === 1 ? button.dataset.one : button.dataset.many.replace("%s", held.length);
  };

  document.addEventListener("put", (event) => put(event.detail.data));
  document.addEventListener("visibilitychange", () => {
    unseen = 0;
    document.title = title;
  });

  // ---------------------------------------------------------------- forms

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });

  document.addEventListener("click", (event) => {
    const sure = event.target.closest("[data-confirm]");
    if (sure && !window.confirm(sure.dataset.confirm)) event.preventDefault();
    if (event.target.id === "new") {
      held.splice(0).forEach(show);
      offer();
      window.scrollTo({ top: 0 });
      stories().firstElementChild?.focus();
    }
    document.querySelectorAll("details.more[open]").forEach((open) => {
      if (!open.contains(event.target)) open.open = false;
    });
  });

  // ---------------------------------------------------------------- keys

  const rows = () => [...document.querySelectorAll(".story, [data-row]")];
  const current = () => document.activeElement?.closest(".story, [data-row]");

  const move = (step) => {
    const all = rows();
    const at = all.indexOf(current());
    const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step];
    if (!next) return;
    if (!next.hasAttribute("tabindex")) next.tabIndex = -1;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  };

  const keys = {
    j: () => move(1),
    k: () => move(-1),
    o: () => current()?.querySelector("h1 a, h2 a, h3 a, th a")?.click(),
    a: () => (current() ?? document).querySelector("[data-key=a]")?.click(),
    "/": () => {
      const field = document.querySelector("[data-search]");
      if (field) field.focus();
      else window.location.assign("/search");
    },
  };

  document.addEventListener("keydown", (event) => {
    if (!("shortcuts" in document.body.dataset)) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.matches("input, textarea, select, [contenteditable]")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const act = keys[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  });

  // On a phone the row of pages is longer than the window.
  document.querySelector(".masthead [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  if (location.pathname === "/search" && !location.search) {
    document.querySelector("[data-search]")?.focus();
  }
})();
