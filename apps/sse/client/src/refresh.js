import { settle } from './added.js';
import { fetchPart, partFor } from './fetching.js';
import { listed } from './listed.js';

/** Milliseconds, about, for which a burst is waited for: spread, as all clients hear it at once. */
const BURST = 200;
/** Milliseconds between two fetches, doubled at each failure. */
const CALM = 1000;
const LONGEST = 30_000;
const MOST_STALE = 3;

/** Elements to be fetched again, and the last event that said so; undefined while it is fetched. */
const wanted = new WeakMap();

/** Elements are fetched again at the events that their `dj-sse-refresh` names, and after a gap. */
export function followRefreshes(page) {
  const isNamed = ({ target, detail }) => listed(target, 'dj-sse-refresh')?.includes(detail.event);
  const hasGap = ({ target }) => target.matches('[dj-sse-refresh]:not([dj-sse-reset])');
  document.addEventListener('sse:data', (event) => isNamed(event) && want(event.target, event.detail, page), true);
  document.addEventListener('sse:reset', (event) => hasGap(event) && want(event.target, event.detail, page), true);
}

function want(element, detail, page) {
  const isUnderWay = wanted.has(element);
  wanted.set(element, detail);
  if (!isUnderWay) refreshAll(element, page);
}

async function refreshAll(element, page) {
  await pause(BURST * (0.5 + Math.random()));
  for (let failures = 0, stale = 0; wanted.get(element) && element.isConnected && element._djustSSE; ) {
    await visible();
    const detail = wanted.get(element);
    wanted.set(element, undefined);
    let wait = 0;
    try {
      const isShown = (await refresh(element, detail, page, stale === MOST_STALE)) !== false;
      [failures, stale] = [0, isShown ? 0 : stale + 1];
      if (!isShown) wanted.set(element, detail);
    } catch (error) {
      console.error('DjustSSE: refreshing an element failed:', error, element);
      failures += 1;
      wait = error.wait ?? 0;
      if (!error.isFinal) wanted.set(element, detail);
    }
    await pause(Math.max(wait, Math.min(CALM * 2 ** failures, LONGEST)));
  }
  wanted.delete(element);
}

/** Returns false if the page has changed there since the part was asked for: what came may be older. */
async function refresh(element, detail, page, isImpatient) {
  const changes = [];
  const observer = new MutationObserver((records) => changes.push(...records));
  observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
  try {
    page.need('morph');
    const html = await fetchPart(addressFor(element));
    await page.pending();
    if (!page.parts.morph) throw new Error('idiomorph is missing');
    return await inOrder(element, () => {
      const targets = targetsOf(element);
      changes.push(...observer.takeRecords());
      if (!isImpatient && changes.some((change) => targets.some((target) => concerns(target, change)))) return false;
      return show(element, targets, html, detail, page);
    });
  } finally {
    observer.disconnect();
  }
}

function addressFor(element) {
  const where = element.getAttribute('dj-sse-reset');
  return where && where !== 'reload' ? where : location.href;
}

function targetsOf(element) {
  const selector = element.getAttribute('dj-sse-target');
  return selector ? [...document.querySelectorAll(selector)] : [element];
}

function concerns(part, { target, addedNodes }) {
  return part.contains(target) || [...addedNodes].some((node) => node.contains(part));
}

/** As a step among those of the element's events. */
function inOrder(element, step) {
  return new Promise((resolve, reject) => {
    element._djustSSE.inOrder(() => {
      try {
        const showing = step();
        resolve(showing);
        return showing;
      } catch (error) {
        return reject(error);
      }
    });
  });
}

/** Returns a promise if the page changes later. */
function show(element, targets, html, detail, { announce, parsed, put, update }) {
  const parts = targets.map((target) => partFor(target, html, parsed));
  if (!announce(element, 'sse:before', detail, true)) return undefined;
  return update(element, false, () => {
    try {
      targets.forEach((target, index) => put(target, { html: parts[index] }, 'morph'));
    } finally {
      settle(element);
    }
  });
}

function pause(milliseconds) {
  return new Promise((done) => setTimeout(done, milliseconds));
}

/** A page that nobody sees is fetched when it is shown. */
async function visible() {
  while (document.hidden)
    await new Promise((done) => document.addEventListener('visibilitychange', done, { once: true }));
}
