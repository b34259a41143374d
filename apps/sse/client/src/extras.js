/** Rarely used attributes, and the texts of warnings. `core` has functions of the client, see elements.js. */

import { autoscroll } from './autoscroll.js';
import { highlightAdditions } from './highlight.js';
import { watchRefreshes } from './refresh.js';
import { tokens } from './tokens.js';

export { bind } from './bind.js';
export { resetElement } from './reset.js';
export { warn } from './warnings.js';

/** Elements that need this module. The main script includes this constant alone (`sideEffects` in package.json). */
export const EXTRA_ATTRIBUTES =
  '[dj-sse-refresh], [dj-sse-close], [dj-sse-added], [dj-sse-autoscroll], [dj-sse-field*=":"]';

export function install(core) {
  highlightAdditions();
  autoscroll();
  watchRefreshes(core);
  document.addEventListener('sse:data', closeStream, true);
}

/** Close the stream of an element at the events that `dj-sse-close` lists. */
function closeStream({ target, detail }) {
  if (tokens(target, 'dj-sse-close')?.includes(detail.event)) target._djustSSE.disconnect();
}
