const CEILING = 30_000;
/** Of a visible page, whose reader waits, in the first minutes of an outage. */
const SHORT_CEILING = 5000;
const SHORT_FOR = 15 * 60_000;
const SHORTEST = 100;
const LONGEST_TIMER = 2 ** 31 - 1;
const TRY_AGAIN = new Set([408, 425, 429]);
const REASONS = { 401: 'unauthorized', 403: 'forbidden', 404: 'not-found', 409: 'other-user' };

/**
 * Why `response` is not a stream to read, or `null` if it is one.
 *
 * `final` means that asking again would not help, `wait` is the server's own wish in milliseconds.
 */
export function refusal(response) {
  const { status, url } = response;
  if (status === 204) return { reason: 'finished', final: true };
  if (status >= 500 || TRY_AGAIN.has(status)) {
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
 * Milliseconds before attempt number `attempt` (from 1): `base`, doubled each time up to a ceiling,
 * with full jitter above a small floor, and after the `wait` that the server asked for.
 *
 * `outage` is how long the stream is away if somebody waits for it on a visible page, or else Infinity.
 */
export function retryDelay(attempt, base, wait, outage) {
  const first = Math.max(base, SHORTEST);
  const ceiling = outage < SHORT_FOR ? SHORT_CEILING : CEILING;
  const longest = Math.min(first * 2 ** (attempt - 1), Math.max(first, ceiling));
  return Math.min(wait + longest * (0.1 + 0.9 * Math.random()), LONGEST_TIMER);
}

/** `Retry-After` in milliseconds, from either of its forms; 0 without one. */
function retryAfter(response) {
  const value = response.headers.get('Retry-After')?.trim() ?? '';
  const wait = /^\d+$/.test(value) ? value * 1000 : Date.parse(value) - Date.now();
  return Math.max(wait || 0, 0);
}

function refused(status) {
  return `the server returned ${status}`;
}
