/** Observes elements that are added, removed and changed. */

let onRecords;
const observer = new MutationObserver((records) => onRecords(records));

/** Call `callback` with the records of changes to elements and to their attributes `attributeFilter`. */
export function observePage(callback, attributeFilter) {
  onRecords = callback;
  observer.observe(document, { subtree: true, childList: true, attributes: true, attributeFilter });
}

/** Handle pending records now: the next event may be for an element that the last one has inserted. */
export function flushMutations() {
  const records = observer.takeRecords();
  if (records.length) onRecords(records);
}
