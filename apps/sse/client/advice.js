/** What the console says where the client may surprise, and what to do. Loaded when there is something to say. */

/** For each cause, a sentence about its subject, or undefined if there is nothing to say. */
const ADVICE = {
  missing: (selector) => `nothing on this page matches "${selector}".`,
  content: (url) =>
    `an event of ${url} changes nothing: the element has content of its own. Mark parts of it with dj-sse-field, ` +
    'set dj-sse-mode="replace" to replace it, or listen with element._djustSSE.on().',
  retry: (url) =>
    `${url} has set the delay before it is opened again, which beats the option retryDelay. ` +
    'Set sse_retry_ms in its view instead.',
  reserved: (name) => `the server's event "${name}" reaches only on('*'): the client's own states have that name. Rename it.`,
  crowded: (origin) => {
    if (origin !== location.origin || !isHTTP1()) return undefined;
    return 'this page holds 5 connections. Over HTTP/1.1 all tabs have six: use HTTP/2 or sharing, see the README.';
  },
};

export function advise(cause, subject) {
  const text = ADVICE[cause](subject);
  if (text) console.warn(`DjustSSE: ${text}`);
}

function isHTTP1() {
  const [page] = performance.getEntriesByType('navigation');
  return page?.nextHopProtocol === 'http/1.1';
}
