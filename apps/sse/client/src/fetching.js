/** Parts of pages that are fetched from the page's own origin. */

const PATIENCE = 10_000;
const TRY_AGAIN = new Set([408, 425, 429]);

/**
 * The HTML at `where`. An error has `isFinal` if another try would not help, or `wait`, the milliseconds
 * that the server asks for.
 */
export async function fetchPart(where) {
  const url = new URL(where, document.baseURI);
  if (url.origin !== location.origin) throw failure(`${url} has another origin`, { isFinal: true });
  // Messages that a page shows once are for a page that people open.
  const headers = { Accept: 'text/html', 'SSE-Refresh': 'yes' };
  const response = await fetch(url, { headers, cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
  const { ok, redirected, status } = response;
  if (ok && !redirected) return response.text();
  // A redirect leads to the login page.
  const isFinal = redirected || (status < 500 && !TRY_AGAIN.has(status));
  const wait = Number(response.headers.get('Retry-After')) * 1000 || 0;
  throw failure(`${response.url} returned ${status}`, { isFinal, wait });
}

/** Of a whole page, the element that is to be replaced. */
export function partFor(target, html, parsed) {
  const found = target.id && parsed(html).getElementById(target.id);
  if (found || !/<html[\s>]/i.test(html)) return found ? found.outerHTML : html;
  throw failure('the response is a whole page without an element of the same id', { isFinal: true });
}

function failure(message, details) {
  return Object.assign(new Error(message), details);
}
