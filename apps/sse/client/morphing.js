/** Loaded when something on the page first asks for morphing, which is idiomorph's work. */
import { Idiomorph } from './vendor/idiomorph/dist/idiomorph.esm.js';
import { mayChange } from './input.js';

/** Make `target`, or what it holds, into `nodes`, and keep what the user is doing there. */
export function morph(target, nodes, morphStyle) {
  const callbacks = { beforeNodeMorphed: keepState, beforeAttributeUpdated: mayChange };
  Idiomorph.morph(target, nodes, { morphStyle, ignoreActiveValue: true, callbacks });
}

/** The server's HTML knows nothing of the classes that say how a stream is. */
function keepState(element, next) {
  if (element._djustSSE) next.classList?.add(...[...element.classList].filter((name) => name.startsWith('sse-')));
}
