/** Morphing is idiomorph's work, which is loaded when something on the page first asks for it. */

const script = document.currentScript;
const address = script?.dataset.morph ?? new URL('idiomorph.js', script?.src || document.baseURI).href;
let loading;
let isSettled = false;
let Idiomorph;

/** Begin to load idiomorph, if nobody has. */
export function loadMorph() {
  loading ??= import(address)
    .then((module) => ({ Idiomorph } = module))
    .catch((error) => console.error('DjustSSE: without idiomorph, morph is replace:', error))
    .finally(() => (isSettled = true));
}

/** A promise while idiomorph is on its way; undefined when it is there, not wanted, or known not to come. */
export function pendingMorph() {
  return isSettled ? undefined : loading;
}

export function isMorphReady() {
  return Idiomorph !== undefined;
}

/** Make `target`, or what it holds, into `nodes`, and keep what the user is doing there. */
export function morph(target, nodes, morphStyle) {
  const callbacks = { beforeNodeMorphed: keepState, beforeAttributeUpdated: mayChange };
  Idiomorph.morph(target, nodes, { morphStyle, ignoreActiveValue: true, callbacks });
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
