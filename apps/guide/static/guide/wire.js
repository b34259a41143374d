// The bytes of a stream as they come, without the client: each [data-wire] shows them when its button is pressed.
(() => {
  "use strict";

  const read = async (element) => {
    const [log, state] = [element.querySelector("[data-log]"), element.querySelector("[data-state]")];
    log.textContent = "";
    state.textContent = "reading …";
    const response = await fetch(element.dataset.wire, { headers: { Accept: "text/event-stream" } });
    const named = ["Content-Type", "Cache-Control", "SSE-Keepalive", "X-Accel-Buffering"];
    named.forEach((name) => log.append(`${name}: ${response.headers.get(name)}\n`));
    log.append("\n");
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      log.append(value);
    }
    state.textContent = "the end";
  };

  document.querySelectorAll("[data-wire]").forEach((element) => {
    const button = element.querySelector("button");
    button.addEventListener("click", async () => {
      button.disabled = true;
      await read(element).catch(() => {});
      button.disabled = false;
    });
  });
})();
