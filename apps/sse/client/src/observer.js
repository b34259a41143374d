/** What joins the page and what leaves it, known after each change at the latest. */

let react;
const observer = new MutationObserver((records) => react(records));

/** Call `callback` with the records of changes to elements and to their attributes `attributeFilter`. */
export function observePage(callback, attributeFilter) {
  react = callback;
  observer.observe(document, { subtree: true, childList: true, attributes: true, attributeFilter });
}

/** Do not wait for the end of the task: the next event may be for what the last one has put on the page. */
export function takeNote() {
  const records = observer.takeRecords();
  if (records.length) react(records);
}
