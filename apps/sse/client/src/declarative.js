import { advise } from './advise.js';
import { announce } from './announce.js';
import { DjustSSE } from './connection.js';
import { fill, isChange, show } from './dom.js';
import { each } from './each.js';
import { parsed } from './html.js';
import { listed } from './listed.js';
import { put } from './modes.js';
import { observePage } from './observer.js';
import { load, need, parts, pending } from './parts.js';

const CLASSES = {
  connecting: 'sse-connecting',
  connected: 'sse-connected',
  reconnecting: 'sse-disconnected',
  disconnected: 'sse-disconnected',
};

/** Attributes that say how a stream is opened. */
const SETTINGS = ['dj-sse-reconnect', 'dj-sse-credentials', 'dj-sse-share', 'dj-sse-since'];

/** What is loaded when it is on the page. */
const MORE = '[dj-sse-refresh], [dj-sse-close], [dj-sse-added], [dj-sse-autoscroll], [dj-sse-field*=":"]';

/** What is known of each `dj-sse` element: `{ url, sse, settings, left, isOwned }`. */
const streams = new WeakMap();

/** Streams open once every script of the page, modules included, had its chance to listen. */
let isPageReady = document.readyState !== 'loading' && !document.prerendering;

/** Give each `dj-sse` element of this page, and each that joins it later, its stream. */
export function start() {
  // An observer set up in <head> has run before any script that follows the element.
  observePage(react, ['dj-sse', 'dj-sse-mode', ...SETTINGS]);
  adoptAll(document);
  const whenReady = () => {
    // A page that is prerendered may never be shown.
    isPageReady = !document.prerendering;
    adoptAll(document);
  };
  document.addEventListener('DOMContentLoaded', whenReady);
  document.addEventListener('prerenderingchange', whenReady);
}

function react(records) {
  for (const { type, target, addedNodes, removedNodes } of records) {
    if (type === 'attributes') adopt(target);
    addedNodes.forEach(adoptAll);
    removedNodes.forEach((node) => elements(node).forEach(release));
  }
}

function adoptAll(node) {
  if (elements(node, MORE).length) need('extras', (part) => part.install(page));
  elements(node).forEach(adopt);
}

function elements(node, selector = '[dj-sse]') {
  if (!node.querySelectorAll) return [];
  const inside = [...node.querySelectorAll(selector)];
  return node.matches?.(selector) ? [node, ...inside] : inside;
}

function adopt(element) {
  const url = element.getAttribute('dj-sse');
  if (url && element.getAttribute('dj-sse-mode') === 'morph') need('morph');
  const known = streams.get(element);
  const stream = known?.url === url ? known : replace(known, element, url);
  if (stream && element.isConnected && isPageReady) resume(element, stream);
}

function replace(known, element, url) {
  known?.sse.destroy();
  streams.delete(element);
  delete element._djustSSE;
  if (!url) return undefined;
  const stream = { url, sse: streamFor(element, url), isOwned: known?.isOwned };
  streams.set(element, stream);
  return stream;
}

/** Open what is new or was left, and open again what is set differently now. */
function resume(element, stream) {
  const settings = JSON.stringify(SETTINGS.map((name) => element.getAttribute(name)));
  if (settings === stream.settings && !stream.left) return;
  // Content that the page brought along is its script's; decided once, before we add any.
  stream.isOwned ??= element.firstElementChild !== null;
  stream.settings = settings;
  stream.left = false;
  stream.sse.disconnect('changed').connect();
}

/** An element that was only moved is back on the page by now, and keeps its stream. */
function release(element) {
  const stream = streams.get(element);
  if (!stream || element.isConnected || stream.sse.state === 'disconnected') return;
  stream.left = true;
  stream.sse.disconnect('removed');
}

function streamFor(element, url) {
  const sse = new DjustSSE(url, {
    get autoReconnect() {
      return element.getAttribute('dj-sse-reconnect') !== 'false';
    },
    get withCredentials() {
      return element.getAttribute('dj-sse-credentials') === 'true';
    },
    get lastEventId() {
      return element.getAttribute('dj-sse-since') ?? '';
    },
    get share() {
      return this.autoReconnect && element.getAttribute('dj-sse-share') !== 'false';
    },
    maxRetries: Infinity,
    isCommon: true,
    whenState: (detail) => showState(element, detail),
    whenReset: (data) => {
      const loading = startAnew(element);
      announce(element, 'sse:reset', { data });
      return loading;
    },
    whenData: (...given) => receive(element, ...given),
  });
  element._djustSSE = sse;
  return sse;
}

/** Show an event and announce it, now or when the promise that is returned is fulfilled. */
function receive(element, detail, isHurried, isHeard) {
  const { event, data } = detail;
  let showing;
  if (isWanted(element, event) && !isChange(event, data)) {
    if (!announce(element, 'sse:before', detail, true)) return undefined;
    showing = update(element, isHurried, () => display(element, data, isHeard));
  }
  const say = () => announce(element, 'sse:data', detail);
  return showing ? showing.then(say) : void say();
}

/** Returns a promise if what follows has to wait. */
function startAnew(element) {
  if (!element.hasAttribute('dj-sse-reset')) return undefined;
  return load('extras').then((part) => part?.startAnew(element, page));
}

function isWanted(element, event) {
  const names = listed(element, 'dj-sse-event');
  return names ? names.includes(event) : !listed(element, 'dj-sse-refresh')?.includes(event);
}

/** Returns a promise if the page changes later; while others wait, the change is not animated. */
function update(element, isHurried, change) {
  const isSmooth = element.hasAttribute('dj-sse-transition') && 'startViewTransition' in document && !document.hidden;
  if (!isSmooth || isHurried || matchMedia('(prefers-reduced-motion: reduce)').matches) {
    return void attempt(element, change);
  }
  const { ready, updateCallbackDone } = document.startViewTransition(() => attempt(element, change));
  // One that is overtaken by the next is not animated to its end.
  ready.catch(() => {});
  return updateCallbackDone;
}

function attempt(element, change) {
  try {
    change();
  } catch (error) {
    console.error('DjustSSE: an event could not be shown:', error, element);
  }
}

function display(element, data, isHeard) {
  const selector = element.getAttribute('dj-sse-target');
  const mode = element.getAttribute('dj-sse-mode');
  const limit = element.getAttribute('dj-sse-limit') ?? undefined;
  if (selector) each(selector, (target) => show(target, data, mode, limit));
  else if (mode === null && streams.get(element)?.isOwned) fillOwned(element, data, isHeard);
  else show(element, data, mode, limit);
}

/** The rest of an element's own content is its script's: say so where there is none. */
function fillOwned(element, data, isHeard) {
  if (fill(element, data) || isHeard || !element.hasAttribute('dj-sse-event')) return;
  advise('content', element.getAttribute('dj-sse'));
}

/** What the attributes need that are loaded. */
const page = { announce, each, need, parsed, parts, pending, put, update };

function showState(element, detail) {
  element.classList.remove(...Object.values(CLASSES));
  element.classList.add(CLASSES[detail.state]);
  announce(element, 'sse:state', detail);
}
