/** Call `update` with every element that matches `selector`; say so if none does. */
export function each(selector, update) {
  const elements = document.querySelectorAll(selector);
  if (!elements.length) console.warn(`DjustSSE: nothing on this page matches "${selector}".`);
  elements.forEach(update);
}
