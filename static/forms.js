// Submits a form only if the server answers a small request first. Otherwise the page stays with its input, and a
// message offers to try again.
(() => {
  "use strict";

  const TIMEOUT_MS = 10_000;
  const IGNORE_REPEATS_MS = 10_000;
  // Browsers may drop a form if a second one is submitted within this time.
  const SEND_ALONE_MS = 1000;
  const PROXY_ERRORS = new Set([502, 503, 504]);

  let message = null;
  let isSubmitting = false;
  let isLeaving = false;
  let sending = Promise.resolve();
  let submitEvent = null; // of the form that is being submitted

  const isReachable = async () => {
    const options = { method: "HEAD", cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(TIMEOUT_MS) };
    try {
      const { status } = await fetch("/health/live", options);
      return !PROXY_ERRORS.has(status);
    } catch {
      return false;
    }
  };

  /** Return the button, or a copy if an event has removed it from the form. */
  const buttonOf = (form, button) => {
    if (!button || button.form === form) return button;
    const copy = Object.assign(button.cloneNode(), { hidden: true });
    copy.removeAttribute("form");
    form.append(copy);
    return copy;
  };

  /** Submit a form, and return whether the browser will load the response. */
  const submit = (form, button) => {
    // An event may have replaced the form: submit the one with the input.
    if (!form.isConnected) document.body.append(Object.assign(form, { hidden: true }));
    const own = buttonOf(form, button);
    isSubmitting = true;
    submitEvent = null;
    form.requestSubmit(own);
    isSubmitting = false;
    if (own !== button) own.remove();
    return submitEvent !== null && !submitEvent.defaultPrevented;
  };

  const showNotSent = (form, button) => {
    const toasts = document.querySelector(".toasts");
    const text = document.createElement("span");
    text.textContent = toasts.dataset.notSent;
    const again = Object.assign(document.createElement("button"), { type: "button", className: "button is-quiet" });
    again.textContent = toasts.dataset.tryAgain;
    again.addEventListener("click", () => send(form, button));
    message = Object.assign(document.createElement("div"), { className: "toast is-bad" });
    message.append(text, again);
    toasts.append(message);
  };

  /** Send each form once, in the order of the clicks. */
  const send = (form, button) => {
    const pressed = button ?? form;
    if (pressed.ariaBusy === "true") return;
    pressed.ariaBusy = "true";
    sending = sending.then(() => sendNow(form, button, () => (pressed.ariaBusy = null))).catch(reportError);
  };

  const sendNow = async (form, button, finish) => {
    const canSend = await isReachable();
    message?.remove();
    if (canSend && !isLeaving && submit(form, button)) {
      isLeaving = true;
      setTimeout(() => (isLeaving = false), SEND_ALONE_MS);
      setTimeout(finish, IGNORE_REPEATS_MS);
      return;
    }
    finish();
    if (!canSend) showNotSent(form, button);
  };

  const isPost = (form, button) => (button?.getAttribute("formmethod") ?? form.getAttribute("method"))?.toLowerCase() === "post";

  // Capture, so that it runs before the scripts of pages.
  addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (isSubmitting) submitEvent = event;
    else if (isPost(form, submitter)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      send(form, submitter);
    }
  }, { capture: true });

  // allauth's script dispatches it when a passkey was not used.
  document.addEventListener("allauth.error", (event) => {
    const { exception } = event.detail;
    const message = document.getElementById("passkey-error");
    const isKnown = exception instanceof DOMException || !isSecureContext;
    if (isKnown) event.preventDefault();
    const words = exception.name === "SecurityError" || !isSecureContext ? "address" : "device";
    message.textContent = isKnown ? message.dataset[words] : document.querySelector(".toasts").dataset.notSent;
    message.hidden = false;
    message.scrollIntoView({ block: "nearest" });
  });

  addEventListener("keydown", ({ key }) => key === "Escape" && message?.remove());
  // The browser's cache restores a page with its busy buttons.
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) isLeaving = false;
    if (persisted) for (const pressed of document.querySelectorAll(":is(form, button, input)[aria-busy]")) pressed.ariaBusy = null;
  });
})();
