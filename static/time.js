// Times in the language and time zone of the visitor's profile or browser: relative up to a day, then the date; the
// full time on hover.
(() => {
  "use strict";

  const UNITS = [["hour", 3600], ["minute", 60]];
  const DAY = 24 * 3600;
  const REFRESH_MS = 20_000;
  const language = document.documentElement.lang || undefined;
  const { timeZone } = document.documentElement.dataset;
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const date = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeZone });
  const full = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long", hourCycle: "h23", timeZone });

  const format = (moment) => {
    const seconds = Math.trunc((moment - Date.now()) / 1000);
    const size = Math.abs(seconds);
    if (size >= DAY) return date.format(moment);
    if (size < 60) return relative.format(0, "second");
    const [unit, length] = UNITS.find(([, length]) => size >= length);
    return relative.format(Math.trunc(seconds / length), unit);
  };

  const formatTime = (element) => {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) return;
    const text = format(moment);
    if (element.textContent !== text) element.textContent = text;
    const title = full.format(moment);
    if (element.title !== title) element.title = title;
  };

  const formatIn = (node) => node.querySelectorAll?.("time[datetime]").forEach(formatTime);

  const formatAdded = ({ target, addedNodes }) => {
    for (const node of [target, ...addedNodes]) {
      const time = (node.closest ? node : node.parentElement)?.closest("time[datetime]");
      if (time) formatTime(time);
      else if (node !== target) formatIn(node);
    }
  };

  // Format times of the page and of events before they are drawn, so that nothing shifts.
  const everything = { childList: true, subtree: true, characterData: true };
  new MutationObserver((records) => records.forEach(formatAdded)).observe(document, everything);

  setInterval(() => formatIn(document), REFRESH_MS);
})();
