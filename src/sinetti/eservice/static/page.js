// Two improvements that pages work without: buttons that copy a value, and a warning before the session ends.
const said = document.getElementById("copied");
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break; // only in secure contexts: https, and localhost
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      return; // the browser or its user refused: the value can still be selected
    }
    for (const other of document.querySelectorAll(".copied")) other.classList.remove("copied");
    button.classList.add("copied");
    said.textContent = "";
    setTimeout(() => (said.textContent = document.body.dataset.copied), 50); // else a second copy is not read aloud
  });
}

const session = document.getElementById("session");
if (session?.showModal) {
  const form = session.querySelector("form");
  let timers = [];
  const ended = () => {
    session.querySelector("[data-before]").hidden = form.hidden = true;
    session.querySelector("[data-after]").hidden = false;
    if (!session.open) session.showModal();
  };
  const start = () => {
    timers.forEach(clearTimeout);
    const left = Number(session.dataset.ends), warning = Number(session.dataset.warning);
    timers = [
      setTimeout(() => session.open || session.showModal(), Math.max(0, left - warning) * 1000),
      setTimeout(ended, left * 1000),
    ];
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const sent = new URLSearchParams(new FormData(form));
    const reply = await fetch(form.action, { method: "POST", body: sent, redirect: "error" }).catch(() => null);
    if (!reply?.ok) return ended();
    session.close();
    start();
  });
  start();
}
