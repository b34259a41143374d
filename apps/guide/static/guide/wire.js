// A stream without the client: each [data-wire] shows the response as it arrives when its button is pressed.
(() => {
  "use strict";

  const read = async (element) => {
    const [log, state] = [element.querySelector("[data-log]"), element.querySelector("[data-state]")];
    log.textContent = "";
    state.textContent = "Reading …";
    const response = await fetch(element.dataset.wire, { headers: { Accept: "text/event-stream" } });
    const headers = ["Content-Type", "Cache-Control", "SSE-Keepalive", "X-Accel-Buffering"];
    headers.forEach((name) => log.append(`${name}: ${response.headers.get(name)}\n`));
    log.append("\n");
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      log.append(value);
    }
    state.textContent = "Finished";
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
