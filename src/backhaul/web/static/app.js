// Everything the pages do in the browser. Each part works alone: without it the page still reads and its forms still send.

// ---- time that runs on: the server's text is right when it is sent; here it follows the shop's own clock
const DAY = 86400, HOUR = 3600;

function span(seconds) {
  const left = Math.floor(Math.abs(seconds));
  const d = Math.floor(left / DAY), h = Math.floor(left / HOUR) % 24, m = Math.floor(left / 60) % 60;
  if (d) return `${d} d ${h} h`;
  if (h) return `${h} h ${m} min`;
  return m ? `${m} min` : `${left} s`;
}

function tick() {
  const real = Date.now() / 1000;
  for (const element of document.querySelectorAll("[data-deadline]")) {
    const [epochReal, epochVirtual, rate] = element.dataset.clock.split(" ").map(Number);
    const left = Number(element.dataset.deadline) - (epochVirtual + (real - epochReal) * rate);
    const text = left <= 0 ? `${span(left)} over` : span(left);
    if (element.textContent !== text) element.textContent = text;
    const tone = left <= 0 ? "over" : left < 4 * HOUR ? "near" : left < DAY ? "soon" : "far";
    if (!element.classList.contains(tone)) {
      element.classList.remove("over", "near", "soon", "far");
      element.classList.add(tone);
    }
  }
}
setInterval(tick, 1000);
tick();

// ---- theme: as the system does, until somebody chooses
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-theme-toggle]");
  if (!button) return;
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
});

// ---- copy buttons
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  event.preventDefault();
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.classList.add("done");
    const said = document.getElementById("said") ?? document.body.appendChild(Object.assign(document.createElement("p"), { id: "said", className: "sr", role: "status" }));
    said.setAttribute("role", "status");
    said.textContent = `Copied ${button.dataset.copy.slice(0, 80)}`;
    setTimeout(() => button.classList.remove("done"), 1200);
  } catch {
    // A page without TLS may not write to the clipboard: select the text beside the button instead.
    const beside = button.parentElement.querySelector(".mono") ?? button.previousElementSibling;
    if (beside) getSelection().selectAllChildren(beside);
  }
});

// ---- a menu closes when something else is pressed
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

// ---- keys: / searches, j and k walk the rows
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") for (const menu of document.querySelectorAll(".menu[open]")) menu.open = false;
  if (event.target.closest("input, select, textarea")) return;
  if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    if (search) { event.preventDefault(); search.focus(); search.select(); }
  } else if (event.key === "j" || event.key === "k") {
    const rows = [...document.querySelectorAll(".row-link")];
    if (!rows.length) return;
    const at = rows.indexOf(document.activeElement);
    rows[Math.max(0, Math.min(rows.length - 1, at + (event.key === "j" ? 1 : -1)))].focus();
  }
});

// ---- a verdict's usual consequence, which the person may change
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-condition]")) return;
  const fate = event.target.closest("fieldset").querySelector("[data-disposition]");
  const usual = { sellable: "restock", damaged: "not_restocked", wrong_item: "not_restocked", missing: "missing" };
  fate.value = usual[event.target.value] ?? fate.value;
});

// ---- htmx: our word against forged forms, short addresses, and morphing that never eats what somebody types
document.body.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRF-Token"] = document.body.dataset.csrf ?? "";
  if (event.detail.elt.hasAttribute("data-trim")) {
    for (const [name, value] of [...event.detail.formData.entries()]) if (value === "") event.detail.formData.delete(name);
  }
});
let shown = location.pathname;
document.body.addEventListener("htmx:pushedIntoHistory", () => {
  if (location.pathname !== shown) scrollTo(0, 0);
  shown = location.pathname;
});
document.body.addEventListener("htmx:sendError", () => {
  document.getElementById("notices").innerHTML = '<p class="notice bad" role="alert">The server does not answer. Try again in a moment.</p>';
});

function touched(element) {
  const active = document.activeElement;
  if (active && active !== document.body && element.contains(active) && active.matches("input, select, textarea")) return true;
  return [...element.querySelectorAll("input:not([type=hidden]), textarea, select")].some((field) =>
    field.matches("select") ? [...field.options].some((option) => option.selected !== option.defaultSelected && field.selectedIndex > 0)
      : field.type === "checkbox" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue);
}

if (window.Idiomorph) {
  Idiomorph.defaults.callbacks.beforeNodeMorphed = (old, fresh) => {
    if (old.nodeType !== 1) return true;
    // The same question: leave it, with all that was typed and chosen in it.
    if (old.dataset.keep && old.dataset.keep === fresh.dataset?.keep) return false;
    // A form that somebody is filling in outside of a question.
    if (old.matches("form[data-draft]") && touched(old)) return false;
    if (old.matches("details") && old.open) fresh.setAttribute?.("open", "");
    if (old.matches("[data-deadline]") && old.dataset.deadline === fresh.dataset?.deadline && old.dataset.clock === fresh.dataset?.clock) return false;
    return true;
  };
}

// ---- live: one stream per browser. The tab that holds the lock listens and tells the others.
const live = document.body.dataset.live;
let held = false;

function refresh(shop) {
  const main = document.getElementById("main");
  if (!main || !window.htmx || main.dataset.shop === "none") return;
  if (main.dataset.shop && shop !== "*" && main.dataset.shop !== shop) return;
  if (document.hidden) { held = true; return; }
  htmx.trigger(main, "live");
}

function state(on) {
  const dot = document.querySelector("[data-live-state]");
  if (!dot) return;
  dot.classList.toggle("on", on);
  dot.querySelector("[data-live-text]").textContent = on ? "live" : "off";
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && held) { held = false; refresh("*"); }
});

if (live && "BroadcastChannel" in window) {
  const channel = new BroadcastChannel("backhaul-live");
  let leads = false, connected = false;
  channel.onmessage = ({ data }) => {
    if (data.ask) { if (leads) channel.postMessage({ state: connected }); }
    else if ("state" in data) state(data.state);
    else refresh(data.shop);
  };
  const listen = () => new Promise(() => {
    leads = true;
    let broken = false;
    const source = new EventSource(live);
    const say = (on) => { connected = on; state(on); channel.postMessage({ state: on }); };
    source.onopen = () => { say(true); if (broken) { broken = false; refresh("*"); channel.postMessage({ shop: "*" }); } };
    source.onerror = () => {
      broken = true;
      say(false);
      if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000); // signed out, or a proxy's error
    };
    source.addEventListener("changed", (event) => { refresh(event.data); channel.postMessage({ shop: event.data }); });
    addEventListener("pagehide", () => source.close());
  });
  if (navigator.locks) navigator.locks.request("backhaul-live", listen);
  else listen();
  channel.postMessage({ ask: true });
}
