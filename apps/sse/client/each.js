const missing = new Set();

/** Call `update` with every element that matches `selector`; say so once if none does. */
export function each(selector, update) {
  const elements = document.querySelectorAll(selector);
  if (!elements.length && !missing.has(selector)) {
    missing.add(selector);
    console.warn(`DjustSSE: nothing on this page matches "${selector}".`);
  }
  elements.forEach(update);
}
