/** For each cause a function of its subject that returns the warning, or undefined to print none. */
const TEXTS = {
  missing: (selector) => `no element on this page matches "${selector}".`,
  content: (url) =>
    `an event of ${url} changed nothing, because the element has child elements. Bind parts of it with dj-sse-field, ` +
    'set dj-sse-mode="replace" to replace them, or listen with element._djustSSE.on().',
  retry: (url) =>
    `${url} sent a reconnection delay, which overrides the option retryDelay. Set sse_retry_ms in its view instead.`,
  reserved: (name) =>
    `the server's event "${name}" reaches only on('*'), because a state of the client has that name. Rename it.`,
  crowded: (origin) => {
    if (origin !== location.origin || !isHTTP1()) return undefined;
    return 'this page has 5 open streams. HTTP/1.1 allows six connections for all tabs: use HTTP/2 or sharing, see apps/sse/README.md.';
  },
};

export function warn(cause, subject) {
  const text = TEXTS[cause](subject);
  if (text) console.warn(`DjustSSE: ${text}`);
}

function isHTTP1() {
  const [page] = performance.getEntriesByType('navigation');
  return page?.nextHopProtocol === 'http/1.1';
}
