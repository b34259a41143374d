// Times in the words, the zone and the clock of the visitor: relative up to a day, then the date; in full on hover.
(() => {
  "use strict";

  const UNITS = [["hour", 3600], ["minute", 60]];
  const DAY = 24 * 3600;
  const REFRESH_MS = 20_000;
  const language = document.documentElement.lang || undefined;
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const date = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
  const full = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long", hourCycle: "h23" });

  const words = (moment) => {
    const seconds = Math.trunc((moment - Date.now()) / 1000);
    const size = Math.abs(seconds);
    if (size >= DAY) return date.format(moment);
    if (size < 60) return relative.format(0, "second");
    const [unit, length] = UNITS.find(([, length]) => size >= length);
    return relative.format(Math.trunc(seconds / length), unit);
  };

  const mend = (element) => {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) return;
    const text = words(moment);
    if (element.textContent !== text) element.textContent = text;
    const title = full.format(moment);
    if (element.title !== title) element.title = title;
  };

  const mendIn = (node) => node.querySelectorAll?.("time[datetime]").forEach(mend);

  const mendNew = ({ target, addedNodes }) => {
    for (const node of [target, ...addedNodes]) {
      const time = (node.closest ? node : node.parentElement)?.closest("time[datetime]");
      if (time) mend(time);
      else if (node !== target) mendIn(node);
    }
  };

  // Before they are drawn, whether they come with the page or with an event, so that nothing shifts.
  const everything = { childList: true, subtree: true, characterData: true };
  new MutationObserver((records) => records.forEach(mendNew)).observe(document, everything);

  setInterval(() => mendIn(document), REFRESH_MS);
})();
