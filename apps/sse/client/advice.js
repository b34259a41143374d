/** What the console says where the client may surprise, and what to do. Loaded when there is something to say. */

/** For each cause, a sentence about its subject, or undefined if there is nothing to say. */
const ADVICE = {
  missing: (selector) => `nothing on this page matches "${selector}".`,
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
