/** Over HTTP/1.1 a browser opens six connections to a server, for all tabs together: say so before they run out. */

const MANY = 4;
const ADVICE =
  'over HTTP/1.1, and a browser opens six for all tabs together. Serve the site over HTTP/2, or let tabs share streams: ' +
  'see "Sharing" in the README.';
const open = new Set();
let wasSaid = false;

export function count(line, url) {
  open.add(line);
  if (open.size <= MANY || wasSaid || !isScarce(url)) return;
  wasSaid = true;
  console.warn(`DjustSSE: this page holds ${open.size} connections ${ADVICE}`);
}

export function discount(line) {
  open.delete(line);
}

/** Say why there may have been no answer from `url`, and return it. */
export function unanswered(url) {
  if (!isScarce(url)) return 'the server did not answer in time';
  const reason = `no answer came in time. Perhaps no connection is free: open streams and pages hold them ${ADVICE}`;
  console.warn(`DjustSSE: ${url}: ${reason}`);
  return reason;
}

function isScarce(url) {
  const [page] = performance.getEntriesByType('navigation');
  return new URL(url).origin === location.origin && page?.nextHopProtocol === 'http/1.1';
}
