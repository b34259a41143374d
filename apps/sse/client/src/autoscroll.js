const LISTS = '[dj-sse-autoscroll]';
const SLACK = 4; // pixels: positions are fractions

const known = new WeakSet();
const left = new WeakSet(); // those whose reader is not at the end

/** What grows inside `dj-sse-autoscroll` is scrolled to, unless the reader has left the end. */
export function keepEnds() {
  document.addEventListener(
    'scroll',
    ({ target }) => target instanceof Element && target.matches(LISTS) && look(target),
    { capture: true, passive: true },
  );
  new MutationObserver(follow).observe(document, { subtree: true, childList: true, characterData: true });
  follow([]);
}

function follow(records) {
  for (const list of document.querySelectorAll(LISTS)) {
    if (!known.has(list) && list.scrollTop) look(list);
    const hasGrown = !known.has(list) || records.some(({ target }) => list.contains(target));
    known.add(list);
    if (hasGrown && !left.has(list)) list.scrollTo({ top: list.scrollHeight, behavior: 'instant' });
  }
}

function look(list) {
  const below = list.scrollHeight - list.clientHeight - list.scrollTop;
  if (below > SLACK) left.add(list);
  else left.delete(list);
}
