import { DjustSSE } from './connection.js';
import { dispatch } from './dispatch.js';
import { EXTRA_ATTRIBUTES } from './extras.js';
import { display, fillFields } from './fields.js';
import { parseHTML } from './html.js';
import { loadModule, modules, pendingModules, requireModule } from './loader.js';
import { put } from './modes.js';
import { isPageEvent } from './page-events.js';
import { observePage } from './page-observer.js';
import { forEachTarget } from './targets.js';
import { tokens } from './tokens.js';
import { warn } from './warn.js';

const CLASSES = {
  connecting: 'sse-connecting',
  connected: 'sse-connected',
  reconnecting: 'sse-disconnected',
  disconnected: 'sse-disconnected',
};

/** Attributes that are options of the connection. */
const SETTINGS = ['dj-sse-reconnect', 'dj-sse-credentials', 'dj-sse-share', 'dj-sse-since'];

/** The stream of each `dj-sse` element: `{ url, sse, settings, isDetached, hasOwnContent }`. */
const streams = new WeakMap();

/** Streams open after all scripts of the page, modules included, could add listeners. */
let isPageReady = document.readyState !== 'loading' && !document.prerendering;

/** Open the streams of the `dj-sse` elements of this page, now and later. */
export function start() {
  // Observers set up in <head> run before a script that follows the element.
  observePage(onMutations, ['dj-sse', 'dj-sse-mode', ...SETTINGS]);
  adoptAll(document);
  const onReady = () => {
    // A prerendered page may never be shown.
    isPageReady = !document.prerendering;
    adoptAll(document);
  };
  document.addEventListener('DOMContentLoaded', onReady);
  document.addEventListener('prerenderingchange', onReady);
}

function onMutations(records) {
  for (const { type, target, addedNodes, removedNodes } of records) {
    if (type === 'attributes') adoptElement(target);
    addedNodes.forEach(adoptAll);
    removedNodes.forEach((node) => matching(node).forEach(releaseElement));
  }
}

function adoptAll(node) {
  if (matching(node, EXTRA_ATTRIBUTES).length) requireModule('extras', (module) => module.install(core));
  matching(node).forEach(adoptElement);
}

function matching(node, selector = '[dj-sse]') {
  if (!node.querySelectorAll) return [];
  const inside = [...node.querySelectorAll(selector)];
  return node.matches?.(selector) ? [node, ...inside] : inside;
}

function adoptElement(element) {
  const url = element.getAttribute('dj-sse');
  if (url && element.getAttribute('dj-sse-mode') === 'morph') requireModule('morph');
  const existing = streams.get(element);
  const stream = existing?.url === url ? existing : replaceStream(existing, element, url);
  if (stream && element.isConnected && isPageReady) openStream(element, stream);
}

function replaceStream(existing, element, url) {
  existing?.sse.destroy();
  streams.delete(element);
  delete element._djustSSE;
  if (!url) return undefined;
  const stream = { url, sse: streamFor(element, url), hasOwnContent: existing?.hasOwnContent };
  streams.set(element, stream);
  return stream;
}

/** Open a stream that is new, was detached, or has other settings now. */
function openStream(element, stream) {
  const settings = JSON.stringify(SETTINGS.map((name) => element.getAttribute(name)));
  if (settings === stream.settings && !stream.isDetached) return;
  // The page's script manages content that the page brings along. Decide before we add any.
  stream.hasOwnContent ??= element.firstElementChild !== null;
  stream.settings = settings;
  stream.isDetached = false;
  stream.sse.disconnect('changed').connect();
}

/** Close the stream of a removed element. One that was only moved is connected again, and keeps it. */
function releaseElement(element) {
  const stream = streams.get(element);
  if (!stream || element.isConnected || stream.sse.state === 'disconnected') return;
  stream.isDetached = true;
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
    multiplex: true,
    onState: (detail) => showState(element, detail),
    onReset: (data) => {
      const loading = resetElement(element);
      dispatch(element, 'sse:reset', { data });
      return loading;
    },
    onData: (...values) => onData(element, ...values),
  });
  element._djustSSE = sse;
  return sse;
}

/** Display an event and dispatch `sse:data`, now or when the returned promise is fulfilled. */
function onData(element, detail, hasBacklog, hasListener) {
  const { event, data } = detail;
  let displaying;
  if (isSelected(element, event) && !isPageEvent(event, data)) {
    if (!dispatch(element, 'sse:before', detail, true)) return undefined;
    displaying = update(element, hasBacklog, () => displayIn(element, data, hasListener));
  }
  const dispatchData = () => dispatch(element, 'sse:data', detail);
  return displaying ? displaying.then(dispatchData) : void dispatchData();
}

/** Returns a promise if later events must wait. */
function resetElement(element) {
  if (!element.hasAttribute('dj-sse-reset')) return undefined;
  return loadModule('extras').then((module) => module?.resetElement(element, core));
}

function isSelected(element, event) {
  const names = tokens(element, 'dj-sse-event');
  return names ? names.includes(event) : !tokens(element, 'dj-sse-refresh')?.includes(event);
}

/** Returns a promise if the page changes later. A change is not animated while other events wait. */
function update(element, hasBacklog, change) {
  const isSmooth = element.hasAttribute('dj-sse-transition') && 'startViewTransition' in document && !document.hidden;
  if (!isSmooth || hasBacklog || matchMedia('(prefers-reduced-motion: reduce)').matches) {
    return void tryChange(element, change);
  }
  const { ready, updateCallbackDone } = document.startViewTransition(() => tryChange(element, change));
  // Rejected if the next transition skips this one.
  ready.catch(() => {});
  return updateCallbackDone;
}

function tryChange(element, change) {
  try {
    change();
  } catch (error) {
    console.error('DjustSSE: an event could not be shown:', error, element);
  }
}

function displayIn(element, data, hasListener) {
  const selector = element.getAttribute('dj-sse-target');
  const mode = element.getAttribute('dj-sse-mode');
  const limit = element.getAttribute('dj-sse-limit') ?? undefined;
  if (selector) forEachTarget(selector, (target) => display(target, data, mode, limit));
  else if (mode === null && streams.get(element)?.hasOwnContent) fillOwnContent(element, data, hasListener);
  else display(element, data, mode, limit);
}

/** Only fields are filled: the page's script manages the rest. Warn if there are neither fields nor listeners. */
function fillOwnContent(element, data, hasListener) {
  if (fillFields(element, data) || hasListener || !element.hasAttribute('dj-sse-event')) return;
  warn('content', element.getAttribute('dj-sse'));
}

/** Functions that the module `extras` uses; if it imported them, it would contain copies. */
const core = { dispatch, forEachTarget, requireModule, parseHTML, modules, pendingModules, put, update };

function showState(element, detail) {
  element.classList.remove(...Object.values(CLASSES));
  element.classList.add(CLASSES[detail.state]);
  dispatch(element, 'sse:state', detail);
}
