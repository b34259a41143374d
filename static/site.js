// Loaded in <head> before the page is drawn, so that the chosen theme never flashes.
(() => {
  "use strict";

  const root = document.documentElement;
  const themes = ["system", "light", "dark"];

  const storedTheme = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage may be forbidden
    }
  };

  const storeTheme = (theme) => {
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // then the choice lasts as long as the page
    }
  };

  const showTheme = (theme) => {
    root.dataset.theme = themes.includes(theme) ? theme : "system";
    const button = document.getElementById("theme");
    if (button) button.title = button.ariaLabel = button.dataset[root.dataset.theme];
  };

  const nextTheme = () => {
    const theme = themes[(themes.indexOf(root.dataset.theme) + 1) % themes.length];
    storeTheme(theme);
    showTheme(theme);
  };

  // A script fails to load if the network changes at that moment: load it again.
  const MAX_LOADS = 4;
  const LOAD_AGAIN_MS = 500;
  let policy;
  let isIncomplete = false;

  const loadAgain = (script, loads) => {
    const copy = document.createElement("script");
    for (const { name, value } of script.attributes) if (name !== "src") copy.setAttribute(name, value);
    copy.nonce = script.nonce;
    copy.dataset.loads = loads + 1;
    policy ??= globalThis.trustedTypes?.createPolicy("site", { createScriptURL: (url) => url });
    copy.src = policy?.createScriptURL(script.src) ?? script.src;
    setTimeout(() => script.replaceWith(copy), LOAD_AGAIN_MS * loads);
  };

  const handleLoadError = ({ target }) => {
    if (!(target instanceof HTMLScriptElement)) return;
    const loads = Number(target.dataset.loads ?? 1);
    if (loads < MAX_LOADS) return loadAgain(target, loads);
    isIncomplete = true;
    showLive();
  };

  // The header shows the worst state of all streams on the page.
  const streams = new Map(); // by element: the state, and the time of the next attempt
  const offline = new Set(["disconnected", "reconnecting"]);
  const ended = new Set(["finished", "closed", "removed"]);
  const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hourCycle: "h23" });
  const COUNTDOWN_MS = 250;
  let countdown;
  let lastEvent = null;

  const liveState = () => {
    for (const element of streams.keys()) if (!element.isConnected) streams.delete(element);
    if (isIncomplete) return "offline";
    const states = [...streams.values()].map(({ state }) => state);
    if (!states.length) return null;
    if (states.some((state) => offline.has(state))) return "offline";
    return states.every((state) => state === "connected") ? "connected" : "connecting";
  };

  const isOtherUser = () => [...streams.values()].some(({ reason }) => reason === "other-user");

  const liveText = (words, state) => {
    if (!state) return "";
    if (isOtherUser()) return words.otherUser;
    if (state !== "offline" || !lastEvent) return words[state];
    return words.offlineSince.replace("{time}", clock.format(lastEvent));
  };

  const showLive = () => {
    const element = document.getElementById("live");
    if (!element) return;
    const state = liveState();
    const words = liveText(element.dataset, state);
    for (const each of document.querySelectorAll("[data-live]")) {
      if (state) each.dataset.state = state;
      else delete each.dataset.state;
      const span = each.querySelector("span");
      if (span && span.textContent !== words) span.textContent = words;
    }
    document.getElementById("try-again")?.toggleAttribute("hidden", state !== "offline");
    if (state === "offline") countdown ??= setInterval(showCountdown, COUNTDOWN_MS);
    else countdown = clearInterval(countdown);
    showCountdown();
  };

  // Not in the live region: a screen reader would read each second.
  const showCountdown = () => {
    const button = document.getElementById("try-again");
    if (!button || button.hidden) return;
    const lost = [...streams.values()].filter(({ state }) => offline.has(state));
    const seconds = Math.ceil((Math.min(...lost.map(({ dueAt }) => dueAt)) - Date.now()) / 1000);
    const { now, inSeconds, trying } = button.dataset;
    const waiting = Number.isFinite(seconds) ? inSeconds.replace("{seconds}", seconds) : now;
    const words = seconds > 0 ? waiting : trying;
    if (button.textContent !== words) button.textContent = words;
  };

  const tryAgain = () => {
    if (isIncomplete || isOtherUser()) return location.reload();
    for (const [element, { state }] of streams) if (offline.has(state)) element._djustSSE?.connect();
  };

  document.addEventListener("sse:state", ({ target, detail: { state, reason, attempt, delay } }) => {
    const isTrying = state === "connecting" && attempt > 0;
    const dueAt = isTrying ? 0 : Date.now() + (delay ?? Infinity);
    if (ended.has(reason)) streams.delete(target);
    // Offline until an attempt succeeds.
    else streams.set(target, { state: isTrying ? "reconnecting" : state, dueAt, reason });
    showLive();
  });
  document.addEventListener("sse:data", () => {
    lastEvent = new Date();
  });

  const focusFirstError = () => document.querySelector("[aria-invalid='true']")?.focus();

  addEventListener("error", handleLoadError, true);
  addEventListener("storage", (event) => {
    if (event.key === "theme") showTheme(event.newValue);
  });
  document.addEventListener("DOMContentLoaded", () => {
    showTheme(storedTheme());
    showLive();
    document.getElementById("theme")?.addEventListener("click", nextTheme);
    document.getElementById("try-again")?.addEventListener("click", tryAgain);
    requestAnimationFrame(focusFirstError); // after the browser's own autofocus
  });

  showTheme(storedTheme());
})();
