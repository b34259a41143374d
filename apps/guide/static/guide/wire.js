// A stream without the client: each [data-player] shows the response as it arrives when its button is pressed.
(() => {
  "use strict";

  const HEADERS = ["Content-Type", "Cache-Control", "SSE-Keepalive", "X-Accel-Buffering"];

  const read = async ({ dataset }, part, signal) => {
    part("log").textContent = "";
    part("state").textContent = "reading";
    const response = await fetch(dataset.player, { headers: { Accept: "text/event-stream" }, signal });
    part("log").append(HEADERS.map((name) => `${name}: ${response.headers.get(name)}\n`).join(""), "\n");
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      part("log").append(value);
      part("stats").textContent = `${part("log").textContent.length} characters`;
    }
    part("state").textContent = "finished";
  };

  document.querySelectorAll("[data-player]").forEach((element) => {
    const part = (name) => element.querySelector(`[data-${name}]`);
    let reading = new AbortController();
    element.addEventListener("click", ({ target: { dataset } }) => {
      if (!dataset.do) return;
      reading.abort();
      reading = new AbortController();
      part("state").textContent = "disconnected";
      if (dataset.do === "connect") read(element, part, reading.signal).catch(() => {});
    });
  });
})();
