/** Morphing is idiomorph's work, which is loaded when something on the page first asks for it. */

import { load } from './parts.js';

let loading;
let Idiomorph;

/** Begin to load idiomorph, if it is not there. */
export function loadMorph() {
  if (Idiomorph) return;
  const attempt = (loading = load('morph').then((part) => {
    Idiomorph = part?.Idiomorph;
    if (loading === attempt) loading = undefined;
  }));
}

/** A promise while idiomorph is on its way; undefined when it is there, not wanted, or could not be loaded. */
export function pendingMorph() {
  return loading;
}

export function isMorphReady() {
  return Idiomorph !== undefined;
}

/** Make `target`, or what it holds, into `nodes`, and keep what the user is doing there. */
export function morph(target, nodes, morphStyle) {
  const callbacks = { beforeNodeMorphed: keepState, beforeAttributeUpdated: mayChange };
  Idiomorph.morph(target, nodes, { morphStyle, ignoreActiveValue: true, callbacks });
}

/** Whether something in `target` is being edited, or was and is not sent yet. */
export function hasInput(target) {
  const isEdited = (field) => !mayChange('value', field) || !mayChange('checked', field);
  return target.contains(document.activeElement) || [...target.querySelectorAll('input, textarea')].some(isEdited);
}

/** What was typed or ticked, and not sent yet, is the user's. */
function mayChange(name, element) {
  if (name === 'value') return (element.value ?? '') === (element.defaultValue ?? element.value ?? '');
  return name !== 'checked' || element.checked === element.defaultChecked;
}

/** The server's HTML knows nothing of the classes that say how a stream is. */
function keepState(element, next) {
  if (element._djustSSE) next.classList?.add(...[...element.classList].filter((name) => name.startsWith('sse-')));
}
