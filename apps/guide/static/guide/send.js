// Forms with [data-send] are sent in the background, so that the page stays. The result arrives on the stream.
document.addEventListener("submit", (event) => {
  const [form, button] = [event.target, event.submitter];
  if (!form.matches("[data-send]")) return;
  event.preventDefault();
  const address = button?.hasAttribute("formaction") ? button.formAction : form.action;
  const clear = ({ ok }) => ok && form.querySelectorAll("input:not([type=hidden])").forEach((input) => (input.value = ""));
  fetch(address, { method: "POST", body: new FormData(form, button) }).then(clear, () => {});
});
