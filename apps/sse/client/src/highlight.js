import { tokens } from './tokens.js';

const DURATION = 2000; // milliseconds

/** The elements, or the document, that an event is changing. */
const changing = new Set();
const observer = new MutationObserver(highlightRecords);

/** Elements that an event adds inside `dj-sse-added` have that attribute's class for a moment. */
export function highlightAdditions() {
  observer.observe(document, { subtree: true, childList: true });
  document.addEventListener('sse:before', beginChange, true);
  document.addEventListener('sse:data', ({ target }) => finishChange(target), true);
}

function beginChange(event) {
  const { target } = event;
  highlightRecords();
  changing.add(target);
  // In these cases no `sse:data` follows.
  queueMicrotask(() => (target === document || event.defaultPrevented) && finishChange(target));
}

/** The event that changes `target` has been applied. */
export function finishChange(target) {
  highlightRecords();
  changing.delete(target);
}

function highlightRecords(records = observer.takeRecords()) {
  if (changing.size) records.forEach(highlight);
  // No `sse:data` of a removed element reaches the document.
  for (const target of changing) if (!target.isConnected) changing.delete(target);
}

function highlight({ target, addedNodes }) {
  const list = target.closest?.('[dj-sse-added]');
  if (!list) return;
  const classes = tokens(list, 'dj-sse-added') ?? ['sse-added'];
  for (const { classList, isConnected } of addedNodes) {
    if (!classList || !isConnected) continue;
    classList.add(...classes);
    setTimeout(() => classList.remove(...classes), DURATION);
  }
}
