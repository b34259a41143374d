/** Loaded when a page has one of these attributes; the client's own functions come as `page`. */

import { markAdditions } from './added.js';
import { keepEnds } from './autoscroll.js';
import { listed } from './listed.js';
import { followRefreshes } from './refresh.js';

export { bind } from './bind.js';
export { startAnew } from './reset.js';

export function install(page) {
  markAdditions();
  keepEnds();
  followRefreshes(page);
  document.addEventListener('sse:data', closeStream, true);
}

/** The stream of an element ends with an event that `dj-sse-close` names. */
function closeStream({ target, detail }) {
  if (listed(target, 'dj-sse-close')?.includes(detail.event)) target._djustSSE.disconnect();
}
