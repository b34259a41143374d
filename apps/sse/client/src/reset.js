import { fetchFragment, fragmentFor } from './fragments.js';

/** Milliseconds between two resets of a page or an element. */
const MIN_INTERVAL = 10_000;
const KEY = 'djust-sse-reloaded';

/** The time of each element's last reset. */
const resets = new WeakMap();

/**
 * The element may lack events: fetch its content from the address in `dj-sse-reset`, or reload the page
 * if that is `reload`. Returns a promise if later events must wait.
 */
export function resetElement(element, core) {
  const address = element.getAttribute('dj-sse-reset');
  if (!address) return undefined;
  if (address === 'reload') return reload();
  const wait = (resets.get(element) ?? -Infinity) + MIN_INTERVAL - Date.now();
  if (wait <= 0) return refetch(element, address, core);
  setTimeout(() => element.isConnected && resetElement(element, core), wait);
  return undefined;
}

function reload() {
  try {
    const isRecent = Date.now() - Number(sessionStorage.getItem(KEY)) < MIN_INTERVAL;
    if (isRecent) return console.warn('DjustSSE: reset ignored, the page was just reloaded.');
    sessionStorage.setItem(KEY, String(Date.now()));
    location.reload();
  } catch {
    // Without storage the page might reload endlessly.
  }
}

async function refetch(element, address, { forEachTarget, parseHTML, put }) {
  resets.set(element, Date.now());
  try {
    const html = await fetchFragment(address);
    const selector = element.getAttribute('dj-sse-target');
    const mode = element.getAttribute('dj-sse-mode') === 'morph' ? 'morph' : 'replace';
    const show = (target) => put(target, { html: fragmentFor(target, html, parseHTML) }, mode);
    if (selector) forEachTarget(selector, show);
    else show(element);
  } catch (error) {
    console.error('DjustSSE: loading again after a reset failed:', error, element);
  }
}
