// What the console does in the browser. Without it every page reads and every form still sends.

// ---- the simulator's clock runs on between two pages
function tick() {
  for (const element of document.querySelectorAll("[data-clock]")) {
    const [real, virtual, rate] = element.dataset.clock.split(" ").map(Number);
    const now = virtual + (Date.now() / 1000 - real) * rate;
    const text = new Date(now * 1000).toISOString().slice(0, 19).replace("T", " ");
    if (element.textContent !== text) element.textContent = text;
  }
}
setInterval(tick, 1000);
tick();

// ---- theme: as the system does, until somebody chooses
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-toggle]")) return;
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
});

// ---- copy buttons
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.classList.add("done");
    button.textContent = "copied";
    setTimeout(() => { button.classList.remove("done"); button.textContent = "copy"; }, 1200);
  } catch {
    getSelection().selectAllChildren(button.previousElementSibling);
  }
});

// ---- lists that follow what happens, while they are looked at and nobody is filling in a form
async function follow() {
  const list = document.querySelector("[data-follow]");
  if (!list || document.hidden || document.activeElement?.matches("input, select, textarea") || list.contains(document.activeElement)) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-follow]");
    if (fresh && fresh.innerHTML !== list.innerHTML) list.replaceChildren(...fresh.childNodes);
  } catch {
    // The simulator has gone; the page stays as it was last seen.
  }
}
setInterval(follow, 2000);
