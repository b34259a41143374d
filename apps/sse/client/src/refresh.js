import { fetchFragment, fragmentFor } from './fragments.js';
import { finishChange } from './highlight.js';
import { tokens } from './tokens.js';

/** Milliseconds, randomised, since all clients receive an event at once. */
const DEBOUNCE = 200;
/** Milliseconds between two fetches, doubled after each failure. */
const MIN_INTERVAL = 1000;
const MAX_INTERVAL = 30_000;
const MAX_STALE = 3;

/** Elements to refresh, with the detail of the last event that asked for it; undefined during the fetch. */
const requested = new WeakMap();

/** Refresh elements at the events that their `dj-sse-refresh` lists, and after a gap. */
export function watchRefreshes(core) {
  const isNamed = ({ target, detail }) => tokens(target, 'dj-sse-refresh')?.includes(detail.event);
  const hasGap = ({ target }) => target.matches('[dj-sse-refresh]:not([dj-sse-reset])');
  document.addEventListener(
    'sse:data',
    (event) => isNamed(event) && requestRefresh(event.target, event.detail, core),
    true,
  );
  document.addEventListener(
    'sse:reset',
    (event) => hasGap(event) && requestRefresh(event.target, event.detail, core),
    true,
  );
}

function requestRefresh(element, detail, core) {
  const isRunning = requested.has(element);
  requested.set(element, detail);
  if (!isRunning) refreshAll(element, core);
}

async function refreshAll(element, core) {
  await delay(DEBOUNCE * (0.5 + Math.random()));
  for (let failures = 0, stale = 0; requested.get(element) && element.isConnected && element._djustSSE; ) {
    await pageVisible();
    const detail = requested.get(element);
    requested.set(element, undefined);
    let wait = 0;
    try {
      const isShown = (await refresh(element, detail, core, stale === MAX_STALE)) !== false;
      [failures, stale] = [0, isShown ? 0 : stale + 1];
      if (!isShown) requested.set(element, detail);
    } catch (error) {
      console.error('DjustSSE: refreshing an element failed:', error, element);
      failures += 1;
      wait = error.wait ?? 0;
      if (!error.isFinal) requested.set(element, detail);
    }
    await delay(Math.max(wait, Math.min(MIN_INTERVAL * 2 ** failures, MAX_INTERVAL)));
  }
  requested.delete(element);
}

/** Returns false if the element has changed since the request: the response may be older. */
async function refresh(element, detail, core, acceptStale) {
  const changes = [];
  const observer = new MutationObserver((records) => changes.push(...records));
  observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
  try {
    core.requireModule('morph');
    const html = await fetchFragment(addressFor(element));
    await core.pendingModules();
    if (!core.modules.morph) throw new Error('idiomorph is missing');
    return await enqueue(element, () => {
      const targets = targetsOf(element);
      changes.push(...observer.takeRecords());
      if (!acceptStale && changes.some((change) => targets.some((target) => affects(target, change)))) return false;
      return show(element, targets, html, detail, core);
    });
  } finally {
    observer.disconnect();
  }
}

function addressFor(element) {
  const address = element.getAttribute('dj-sse-reset');
  return address && address !== 'reload' ? address : location.href;
}

function targetsOf(element) {
  const selector = element.getAttribute('dj-sse-target');
  return selector ? [...document.querySelectorAll(selector)] : [element];
}

function affects(element, { target, addedNodes }) {
  return element.contains(target) || [...addedNodes].some((node) => node.contains(element));
}

/** Run a task in order with the element's events. */
function enqueue(element, task) {
  return new Promise((resolve, reject) => {
    element._djustSSE.enqueue(() => {
      try {
        const displaying = task();
        resolve(displaying);
        return displaying;
      } catch (error) {
        return reject(error);
      }
    });
  });
}

/** Returns a promise if the page changes later. */
function show(element, targets, html, detail, { dispatch, parseHTML, put, update }) {
  const fragments = targets.map((target) => fragmentFor(target, html, parseHTML));
  if (!dispatch(element, 'sse:before', detail, true)) return undefined;
  return update(element, false, () => {
    try {
      targets.forEach((target, index) => put(target, { html: fragments[index] }, 'morph'));
    } finally {
      finishChange(element);
    }
  });
}

function delay(milliseconds) {
  return new Promise((done) => setTimeout(done, milliseconds));
}

/** Wait until the page is visible. */
async function pageVisible() {
  const change = (done) => document.addEventListener('visibilitychange', done, { once: true });
  while (document.hidden) await new Promise(change);
}
