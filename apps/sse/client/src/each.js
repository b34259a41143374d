import { advise } from './advise.js';

/** Call `update` with every element that matches `selector`. */
export function each(selector, update) {
  const elements = document.querySelectorAll(selector);
  if (!elements.length) advise('missing', selector);
  elements.forEach(update);
}
