// Asks the browser for a passkey when its button is pressed, and sends the answer with the form (Web Authentication,
// level 3). Without this script, or in a browser without passkeys, the page says what else to do.
for (const form of document.querySelectorAll("form[data-passkey]")) {
  const failed = form.querySelector("[data-failed]");
  if (!window.PublicKeyCredential?.parseCreationOptionsFromJSON) {
    form.querySelector("[data-without]").hidden = false;
    continue;
  }
  form.querySelector("button").hidden = false;
  form.addEventListener("submit", async (event) => {
    if (form.elements.credential.value) return;
    event.preventDefault();
    failed.hidden = true;
    const { publicKey } = JSON.parse(form.dataset.options);
    try {
      const credential =
        form.dataset.passkey === "create"
          ? await navigator.credentials.create({
              publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey),
            })
          : await navigator.credentials.get({
              publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey),
            });
      form.elements.credential.value = JSON.stringify(credential.toJSON());
    } catch {
      failed.hidden = false;
      failed.focus();
      return;
    }
    form.submit();
  });
}
