const SCROLLED = '[dj-sse-autoscroll]';
const TOLERANCE = 4; // pixels: positions are fractions

const known = new WeakSet();
const scrolledAway = new WeakSet(); // lists whose reader is not at the end

/** Scroll to the end of a growing `dj-sse-autoscroll`, unless the reader has scrolled away from it. */
export function autoscroll() {
  document.addEventListener(
    'scroll',
    ({ target }) => target instanceof Element && target.matches(SCROLLED) && checkPosition(target),
    { capture: true, passive: true },
  );
  new MutationObserver(scrollToEnds).observe(document, { subtree: true, childList: true, characterData: true });
  scrollToEnds([]);
}

function scrollToEnds(records) {
  for (const list of document.querySelectorAll(SCROLLED)) {
    if (!known.has(list) && list.scrollTop) checkPosition(list);
    const hasGrown = !known.has(list) || records.some(({ target }) => list.contains(target));
    known.add(list);
    if (hasGrown && !scrolledAway.has(list)) list.scrollTo({ top: list.scrollHeight, behavior: 'instant' });
  }
}

function checkPosition(list) {
  const below = list.scrollHeight - list.clientHeight - list.scrollTop;
  if (below > TOLERANCE) scrolledAway.add(list);
  else scrolledAway.delete(list);
}
