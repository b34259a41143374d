/** Loaded when something on the page first asks for morphing, which is idiomorph's work. */
import { Idiomorph } from 'idiomorph';
import { mayChange } from './input.js';

/** Make `target`, or what it holds, into `nodes`, and keep what the user is doing there. */
export function morph(target, nodes, morphStyle) {
  const callbacks = { beforeNodeMorphed: keepState, beforeAttributeUpdated: mayChange };
  Idiomorph.morph(target, nodes, { morphStyle, ignoreActiveValue: true, callbacks });
}

/** The server's HTML knows nothing of how a stream is and where: the same stream stays open. */
function keepState(element, next) {
  if (!element._djustSSE || element.getAttribute('dj-sse') !== next.getAttribute?.('dj-sse')) return true;
  next.classList.add(...[...element.classList].filter((name) => name.startsWith('sse-')));
  const since = element.getAttribute('dj-sse-since');
  if (since === null) next.removeAttribute('dj-sse-since');
  else next.setAttribute('dj-sse-since', since);
  return true;
}
