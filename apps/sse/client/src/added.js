import { listed } from './listed.js';

const MOMENT = 2000;

/** Elements, or the document, that an event is changing. */
const changing = new Set();
const observer = new MutationObserver(take);

/** What an event adds inside `dj-sse-added` has the class of that name for a moment. */
export function markAdditions() {
  observer.observe(document, { subtree: true, childList: true });
  document.addEventListener('sse:before', begin, true);
  document.addEventListener('sse:data', ({ target }) => settle(target), true);
}

function begin(event) {
  const { target } = event;
  take();
  changing.add(target);
  // After these no `sse:data` follows.
  queueMicrotask(() => (target === document || event.defaultPrevented) && settle(target));
}

/** The change of `target` is done. */
export function settle(target) {
  take();
  changing.delete(target);
}

function take(records = observer.takeRecords()) {
  if (changing.size) records.forEach(mark);
  // One that its own event has removed announces no more.
  for (const target of changing) if (!target.isConnected) changing.delete(target);
}

function mark({ target, addedNodes }) {
  const list = target.closest?.('[dj-sse-added]');
  if (!list) return;
  const names = listed(list, 'dj-sse-added') ?? ['sse-added'];
  for (const { classList, isConnected } of addedNodes) {
    if (!classList || !isConnected) continue;
    classList.add(...names);
    setTimeout(() => classList.remove(...names), MOMENT);
  }
}
