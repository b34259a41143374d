/** The mode `morph`. */

import { Idiomorph } from 'idiomorph';
import { mayChange } from './form-state.js';

/** Change `target`, or its content, into `nodes` and keep unsaved input, focus and open dialogs. */
export function morph(target, nodes, morphStyle) {
  const callbacks = { beforeNodeMorphed: keepState, beforeAttributeUpdated: mayChange };
  Idiomorph.morph(target, nodes, { morphStyle, ignoreActiveValue: true, callbacks });
}

/** The server's HTML has neither the stream's state nor its position: keep both, so that it stays open. */
function keepState(element, next) {
  if (!element._djustSSE || element.getAttribute('dj-sse') !== next.getAttribute?.('dj-sse')) return true;
  next.classList.add(...[...element.classList].filter((name) => name.startsWith('sse-')));
  const since = element.getAttribute('dj-sse-since');
  if (since === null) next.removeAttribute('dj-sse-since');
  else next.setAttribute('dj-sse-since', since);
  return true;
}
