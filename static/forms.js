// A form is sent by the browser as usual, but only after the server has answered a small request. Without an answer
// the page stays, with everything that was typed and chosen, and a message offers to try again.
(() => {
  "use strict";

  const ANSWER_WITHIN_MS = 10_000;
  const IGNORE_REPEATS_MS = 10_000;
  // A browser that gets a second form within this time may drop the first one unsent.
  const SEND_ALONE_MS = 1000;
  const ANSWERS_OF_A_PROXY_ALONE = new Set([502, 503, 504]);

  let message = null;
  let isPassing = false;
  let isLeaving = false;
  let sending = Promise.resolve();
  let passed = null; // the submit event of the form that is being passed on

  const isReachable = async () => {
    const options = { method: "HEAD", cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(ANSWER_WITHIN_MS) };
    try {
      const { status } = await fetch("/health/live", options);
      return !ANSWERS_OF_A_PROXY_ALONE.has(status);
    } catch {
      return false;
    }
  };

  /** The button as one of this form: an event may have replaced its row in the meantime. */
  const buttonOf = (form, button) => {
    if (!button || button.form === form) return button;
    const copy = Object.assign(button.cloneNode(), { hidden: true });
    copy.removeAttribute("form");
    form.append(copy);
    return copy;
  };

  /** Return whether the page will be left for the answer. */
  const pass = (form, button) => {
    // An event may have replaced the form, too; it is sent with what was typed.
    if (!form.isConnected) document.body.append(Object.assign(form, { hidden: true }));
    const own = buttonOf(form, button);
    isPassing = true;
    passed = null;
    form.requestSubmit(own);
    isPassing = false;
    if (own !== button) own.remove();
    return passed !== null && !passed.defaultPrevented;
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

  /** Send a form once, in the order in which buttons were pressed. */
  const send = (form, button) => {
    const pressed = button ?? form;
    if (pressed.ariaBusy === "true") return;
    pressed.ariaBusy = "true";
    sending = sending.then(() => sendNow(form, button, () => (pressed.ariaBusy = null))).catch(reportError);
  };

  const sendNow = async (form, button, finish) => {
    const canSend = await isReachable();
    message?.remove();
    if (canSend && !isLeaving && pass(form, button)) {
      isLeaving = true;
      setTimeout(() => (isLeaving = false), SEND_ALONE_MS);
      setTimeout(finish, IGNORE_REPEATS_MS);
      return;
    }
    finish();
    if (!canSend) showNotSent(form, button);
  };

  const isPost = (form, button) => (button?.getAttribute("formmethod") ?? form.getAttribute("method"))?.toLowerCase() === "post";

  // Before the scripts of pages, whose own forms are held back in the same way.
  addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (isPassing) passed = event;
    else if (isPost(form, submitter)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      send(form, submitter);
    }
  }, { capture: true });

  addEventListener("keydown", ({ key }) => key === "Escape" && message?.remove());
  // A page that comes back from the browser's cache is as it was left.
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) isLeaving = false;
    if (persisted) for (const pressed of document.querySelectorAll(":is(form, button, input)[aria-busy]")) pressed.ariaBusy = null;
  });
})();
