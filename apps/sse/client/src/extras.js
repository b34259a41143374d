/** Attributes that few pages use, and advice for the console; the client passes its own functions as `page`. */

import { markAdditions } from './added.js';
import { keepEnds } from './autoscroll.js';
import { listed } from './listed.js';
import { followRefreshes } from './refresh.js';

export { advise } from './advice.js';
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
