/** Over HTTP/1.1 a browser opens six connections to a server, for all tabs together: say so before they run out. */

const MANY = 4;
const open = new Set();
let wasSaid = false;

export function count(line, url) {
  open.add(line);
  if (open.size <= MANY || wasSaid || !isScarce(url)) return;
  wasSaid = true;
  advise(`this page holds ${open.size} connections`);
}

export function discount(line) {
  open.delete(line);
}

/** Say why there may have been no answer from `url`, and return it. */
export function unanswered(url) {
  if (isScarce(url)) advise(`${url} did not answer; perhaps no connection is free`);
  return 'the server did not answer in time';
}

function advise(reason) {
  console.warn(`DjustSSE: ${reason}. Over HTTP/1.1 all tabs have six: use HTTP/2 or sharing, see the README.`);
}

function isScarce(url) {
  const [page] = performance.getEntriesByType('navigation');
  return new URL(url).origin === location.origin && page?.nextHopProtocol === 'http/1.1';
}
