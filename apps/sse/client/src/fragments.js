/** Fetches HTML of the page's own origin. */

const TIMEOUT = 10_000;
const RETRYABLE = new Set([408, 425, 429]);

/**
 * Return the HTML at `address`. An error has `isFinal` if another attempt would not help, or `wait`, the
 * milliseconds in the server's `Retry-After`.
 */
export async function fetchFragment(address) {
  const url = new URL(address, document.baseURI);
  if (url.origin !== location.origin) throw failure(`${url} has another origin`, { isFinal: true });
  // Asks the server not to consume messages that a page shows once.
  const headers = { Accept: 'text/html', 'SSE-Refresh': 'yes' };
  const response = await fetch(url, { headers, cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT) });
  const { ok, redirected, status } = response;
  if (ok && !redirected) return response.text();
  // Redirects lead to the login page.
  const isFinal = redirected || (status < 500 && !RETRYABLE.has(status));
  const wait = Number(response.headers.get('Retry-After')) * 1000 || 0;
  throw failure(`${response.url} returned ${status}`, { isFinal, wait });
}

/** Return the HTML for `target`: all of `html`, or the element with its id if that is a whole page. */
export function fragmentFor(target, html, parseHTML) {
  const found = target.id && parseHTML(html).getElementById(target.id);
  if (found || !/<html[\s>]/i.test(html)) return found ? found.outerHTML : html;
  throw failure('the response is a whole page without an element of the same id', { isFinal: true });
}

function failure(message, details) {
  return Object.assign(new Error(message), details);
}
