const MAX_DELAY = 30_000;
/** For visible pages during the first minutes of an outage, since their readers wait. */
const MAX_VISIBLE_DELAY = 5000;
const VISIBLE_PHASE = 15 * 60_000;
const MIN_DELAY = 100;
const MAX_TIMEOUT = 2 ** 31 - 1;
const RETRYABLE = new Set([408, 425, 429]);
const REASONS = { 401: 'unauthorized', 403: 'forbidden', 404: 'not-found', 409: 'other-user' };

/**
 * Return why `response` is not an event stream, or `null` if it is one.
 *
 * `final` means that another attempt would not help; `wait` is `Retry-After` in milliseconds.
 */
export function refusal(response) {
  const { status, url } = response;
  if (status === 204) return { reason: 'finished', final: true };
  if (status >= 500 || RETRYABLE.has(status)) {
    return { reason: 'unavailable', status, wait: retryAfter(response), error: refused(status) };
  }
  if (!response.ok) {
    return { reason: REASONS[status] ?? 'refused', status, final: true, error: refused(status) };
  }
  const type = response.headers.get('Content-Type') ?? 'no type';
  if (/^text\/event-stream\s*(;|$)/i.test(type)) return null;
  const reason = response.redirected ? 'redirected' : 'not-a-stream';
  const error = `expected text/event-stream, got ${type} from ${url}`;
  return { reason, status, url, final: true, error };
}

/**
 * Return the delay before attempt number `attempt` (from 1), in milliseconds: `wait`, plus a random part of
 * `base`, which doubles at each attempt up to a ceiling.
 *
 * `outage` is how long the outage has lasted, in milliseconds; Infinity if the page is hidden.
 */
export function retryDelay(attempt, base, wait, outage) {
  const first = Math.max(base, MIN_DELAY);
  const ceiling = outage < VISIBLE_PHASE ? MAX_VISIBLE_DELAY : MAX_DELAY;
  const highest = Math.min(first * 2 ** (attempt - 1), Math.max(first, ceiling));
  return Math.min(wait + highest * (0.1 + 0.9 * Math.random()), MAX_TIMEOUT);
}

/** Return `Retry-After`, seconds or a date, in milliseconds; 0 without one. */
function retryAfter(response) {
  const value = response.headers.get('Retry-After')?.trim() ?? '';
  const wait = /^\d+$/.test(value) ? value * 1000 : Date.parse(value) - Date.now();
  return Math.max(wait || 0, 0);
}

function refused(status) {
  return `the server returned ${status}`;
}
