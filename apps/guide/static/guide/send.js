// Forms of [data-send] are sent by script, so that the page stays; what they cause comes back on the stream.
document.addEventListener("submit", (event) => {
  const [form, button] = [event.target, event.submitter];
  if (!form.matches("[data-send]")) return;
  event.preventDefault();
  const address = button?.hasAttribute("formaction") ? button.formAction : form.action;
  const clear = ({ ok }) => ok && form.querySelectorAll("input:not([type=hidden])").forEach((input) => (input.value = ""));
  fetch(address, { method: "POST", body: new FormData(form, button) }).then(clear, () => {});
});
