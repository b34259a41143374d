// Each [data-copy] copies the source of its figure. Without the clipboard API, as over plain HTTP, it copies a selection.
(() => {
  "use strict";

  const SHOWN_MS = 2000;

  const copy = async (source) => {
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      getSelection().selectAllChildren(source);
      if (!document.execCommand("copy")) return "Selected";
      getSelection().removeAllRanges();
    }
    return "Copied";
  };

  const show = (button, word) => {
    const [label, status] = [button.querySelector("b"), document.getElementById("guide-copied")];
    label.textContent = status.textContent = word;
    clearTimeout(button.timer);
    button.timer = setTimeout(() => {
      label.textContent = "Copy";
      status.textContent = "";
    }, SHOWN_MS);
  };

  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-copy]");
    if (!button) return;
    copy(button.closest("figure").querySelector("pre")).then((word) => show(button, word));
  });
})();
