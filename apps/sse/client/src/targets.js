import { warn } from './warn.js';

/** Call `update` with each element that matches `selector`; warn if there are none. */
export function forEachTarget(selector, update) {
  const elements = document.querySelectorAll(selector);
  if (!elements.length) warn('missing', selector);
  elements.forEach(update);
}
