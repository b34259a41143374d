// A stream that a script controls: each [data-player] connects when its button is pressed, and logs the events.
(() => {
  "use strict";

  const MAX_LINES = 50;

  const play = (element) => {
    const part = (name) => element.querySelector(`[data-${name}]`);
    const sse = new DjustSSE(element.dataset.player, { maxRetries: 5 });

    const log = (name, data) => {
      const line = document.createElement("p");
      line.textContent = `${name} ${JSON.stringify(data) ?? ""}`;
      part("log")?.prepend(line);
      while (part("log")?.children.length > MAX_LINES) part("log").lastElementChild.remove();
      if (part("stats")) part("stats").textContent = `${sse.getStats().messages} events, ${sse.getStats().bytes} bytes`;
    };

    sse.on("*", log);
    sse.on("sse:state", ({ state }) => part("state") && (part("state").textContent = state));
    sse.on("connected", () => log("connected"));
    sse.on("disconnected", ({ reason }) => log("disconnected", { reason }));
    sse.on("reconnecting", ({ attempt, delay }) => log("reconnecting", { attempt, delay: Math.round(delay) }));
    sse.on("reconnected", ({ reconnections }) => log("reconnected", { reconnections }));
    sse.on("error", ({ event }) => log("error", event.message ?? event.data));

    element.querySelectorAll("[data-do]").forEach((button) => {
      button.addEventListener("click", () => sse[button.dataset.do]());
    });
  };

  document.querySelectorAll("[data-player]").forEach(play);
})();
