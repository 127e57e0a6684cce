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
  const form = session.querySelector("form"), warning = Number(session.dataset.warning);
  let timer, closed = 0;
  const ask = async (method, body) => {
    const reply = await fetch(form.action, { method, body, redirect: "error" }).catch(() => null);
    return reply?.ok ? (await reply.json()).seconds : null;
  };
  // The server knows the time that is left: another tab may have extended the session, or signed out.
  const check = async () => show(await ask("GET"));
  const show = (left) => {
    clearTimeout(timer);
    if (left === 0) {
      const title = session.querySelector("h2");
      title.textContent = title.dataset.over;
      session.querySelector("[data-before]").hidden = form.hidden = true;
      session.querySelector("[data-after]").hidden = false;
      if (!session.open) session.showModal();
      return;
    }
    if (left > warning && session.open) session.close();
    if (left !== null && left <= warning && !session.open && Date.now() - closed > warning * 1000) session.showModal();
    timer = setTimeout(check, (left > warning ? left - warning : 15) * 1000);
  };
  session.addEventListener("close", () => (closed = Date.now()));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const left = await ask("POST", new URLSearchParams(new FormData(form)));
    session.close();
    show(left);
  });
  show(Number(session.dataset.ends));
}
