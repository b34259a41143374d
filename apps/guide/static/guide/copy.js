// Each [data-copy] copies the source of its figure. Without the clipboard API, as over plain HTTP, it copies a selection.
(() => {
  "use strict";

  const SHOWN_MS = 2000;

  const copySelection = (source) => {
    getSelection().selectAllChildren(source);
    return document.execCommand("copy") ? "Copied" : "Selected";
  };

  const show = (button, word) => {
    button.querySelector("b").textContent = word || "Copy";
    document.getElementById("guide-copied").textContent = word;
  };

  document.addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-copy]");
    if (!button) return;
    const source = button.closest("figure").querySelector("pre");
    const copying = navigator.clipboard?.writeText(source.textContent) ?? Promise.reject();
    show(button, await copying.then(() => "Copied", () => copySelection(source)));
    clearTimeout(button.timer);
    button.timer = setTimeout(show, SHOWN_MS, button, "");
  });
})();
