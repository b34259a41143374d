import { fetchPart, partFor } from './fetching.js';

/** Milliseconds between two new starts of a page or an element. */
const CALM = 10_000;
const KEY = 'djust-sse-reloaded';

/** When each element last started anew. */
const starts = new WeakMap();

/**
 * What the page shows may have gaps: do as the element's `dj-sse-reset` says, with a part of the page
 * that is fetched, or with `reload`. Returns a promise if what follows has to wait.
 */
export function startAnew(element, page) {
  const where = element.getAttribute('dj-sse-reset');
  if (!where) return undefined;
  if (where === 'reload') return reload();
  const wait = (starts.get(element) ?? -Infinity) + CALM - Date.now();
  if (wait <= 0) return refetch(element, where, page);
  setTimeout(() => element.isConnected && startAnew(element, page), wait);
  return undefined;
}

function reload() {
  try {
    if (Date.now() - Number(sessionStorage.getItem(KEY)) < CALM)
      console.warn('DjustSSE: reset ignored, the page was just reloaded.');
    else {
      sessionStorage.setItem(KEY, String(Date.now()));
      location.reload();
    }
  } catch {
    // Without a memory it might reload for ever.
  }
}

async function refetch(element, where, { each, parsed, put }) {
  starts.set(element, Date.now());
  try {
    const html = await fetchPart(where);
    const selector = element.getAttribute('dj-sse-target');
    const mode = element.getAttribute('dj-sse-mode') === 'morph' ? 'morph' : 'replace';
    const show = (target) => put(target, { html: partFor(target, html, parsed) }, mode);
    if (selector) each(selector, show);
    else show(element);
  } catch (error) {
    console.error('DjustSSE: loading again after a reset failed:', error, element);
  }
}
