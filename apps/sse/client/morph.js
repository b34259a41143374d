/** Morphing is idiomorph's work, which is loaded when something on the page first asks for it. */

import { load } from './parts.js';

let loading;

/** `morph(target, nodes, style)` of morphing.js; undefined until it is loaded. */
export let morph;

/** Begin to load idiomorph, if it is not there. */
export function loadMorph() {
  if (morph) return;
  const attempt = (loading = load('morph').then((part) => {
    morph = part?.morph;
    if (loading === attempt) loading = undefined;
  }));
}

/** A promise while idiomorph is on its way; undefined when it is there, not wanted, or could not be loaded. */
export function pendingMorph() {
  return loading;
}
