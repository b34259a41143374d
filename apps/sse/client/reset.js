/** Loaded when a stream is first reset. The page's own functions come as `page`: `{ each, parsed, put }`. */

/** Milliseconds between two new starts of a page or an element. */
const CALM = 10_000;
const PATIENCE = 10_000;
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
    if (Date.now() - sessionStorage.getItem(KEY) < CALM) console.warn('DjustSSE: this page was reloaded a moment ago.');
    else {
      sessionStorage.setItem(KEY, Date.now());
      location.reload();
    }
  } catch {
    // Without a memory it might reload for ever.
  }
}

async function refetch(element, where, { each, parsed, put }) {
  starts.set(element, Date.now());
  try {
    const url = new URL(where, document.baseURI);
    if (url.origin !== location.origin) throw new Error(`${url} is of another origin`);
    const html = await fetchPart(url);
    const selector = element.getAttribute('dj-sse-target');
    const mode = element.getAttribute('dj-sse-mode') === 'morph' ? 'morph' : 'replace';
    const show = (target) => put(target, { html: partFor(target, html, parsed) }, mode);
    if (selector) each(selector, show);
    else show(element);
  } catch (error) {
    console.error('DjustSSE: after a reset, nothing could be fetched:', error, element);
  }
}

async function fetchPart(url) {
  const headers = { Accept: 'text/html' };
  const response = await fetch(url, { headers, cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
  // Being sent elsewhere is being asked to log in.
  if (!response.ok || response.redirected) throw new Error(`${response.url} answered ${response.status}`);
  return response.text();
}

/** Of a whole page, the element that is to be replaced. */
function partFor(target, html, parsed) {
  const found = target.id && parsed(html).getElementById(target.id);
  if (!found && /<html[\s>]/i.test(html)) throw new Error('it is a whole page, without an element of the same id');
  return found ? found.outerHTML : html;
}
