import { withTrustedHTML } from './html.js';
import { loadModule } from './loader.js';
import { applyPageEvent, isPageEvent, modulesFor } from './page-events.js';
import { flushMutations } from './page-observer.js';
import { isDuplicate } from './positions.js';
import { ReplayBuffer } from './replay-buffer.js';
import { Transport } from './transport.js';

/** The browser offers locks in secure contexts only. */
const canShare = Boolean(navigator.locks && globalThis.BroadcastChannel);

/** Return a promise of the module that shares streams with other tabs; of undefined where that is impossible. */
export async function loadSharing() {
  return canShare ? loadModule('sharing') : undefined;
}

/** The sources that several elements of this page use, by what makes them the same. */
const multiplexed = new Map();

/** Return a source for `options`: an open one if it still has the events after `lastEventId`. */
export function sourceFor(url, options, lastEventId) {
  if (!options.multiplex) return new Source(url, options, lastEventId);
  const key = JSON.stringify([url, options.withCredentials, options.autoReconnect, options.share]);
  const existing = multiplexed.get(key);
  if (existing?.missedAfter(lastEventId)) return existing;
  const source = new Source(url, options, lastEventId);
  if (!existing) {
    multiplexed.set(key, source);
    source.onClosed = () => multiplexed.delete(key);
  }
  return source;
}

/**
 * One stream and its subscribers on this page.
 *
 * It applies page events once and then calls `onState(status)`, `onEvent(event)` and `onBytes(count)` of
 * each subscriber. A subscriber that joins late first gets the events that it missed.
 */
class Source {
  onClosed = () => {};
  lastEventId;
  #url;
  #options;
  #transport; // undefined while the module for sharing is loaded
  #isClosed = false;
  #subscribers = new Set();
  #status;
  #joinable = 'yes'; // as the last response said; before the first one all subscribers get every event
  #replayBuffer;
  #displayed; // the event that is being displayed
  #hasStarted = false;
  #isDuplicate = false;
  #queue; // tasks that wait for #blocker
  #blocker;
  #backlog = 0; // number of queued tasks that follow the current one

  constructor(url, options, lastEventId) {
    this.#url = url;
    this.lastEventId = lastEventId;
    this.#replayBuffer = new ReplayBuffer(lastEventId);
    this.#options = options;
  }

  /** Return the events after `id` for a new subscriber, or undefined if it would miss some. */
  missedAfter(id) {
    // An element that the displayed event has inserted continues after that event.
    if (!id && this.#displayed) return this.#replayBuffer.after(this.#displayed.lastEventId);
    if (!this.#joinable || (!id && this.#joinable === 'latest')) return undefined;
    if (!this.lastEventId && !this.#hasStarted) {
      this.lastEventId = id;
      this.#replayBuffer.startAt(id);
    }
    return this.#replayBuffer.after(id);
  }

  subscribe(subscriber, lastEventId) {
    this.#subscribers.add(subscriber);
    if (this.#subscribers.size === 1) {
      queueMicrotask(() => (this.#hasStarted = true));
      return this.#open();
    }
    const missed = this.missedAfter(lastEventId) ?? [];
    subscriber.onState(this.#status);
    for (const event of missed) this.#display(event, [subscriber], true);
  }

  unsubscribe(subscriber) {
    if (this.#subscribers.delete(subscriber) && !this.#subscribers.size) this.#close();
  }

  retry() {
    this.#transport?.retry();
  }

  get status() {
    return this.#status;
  }

  onState(status) {
    this.enqueue(() => {
      if (status.state === this.#status?.state && status.state !== 'reconnecting') return;
      this.#status = status;
      if (status.state === 'connected') this.#joinable = status.joinable;
      const subscribers = [...this.#subscribers];
      if (status.state === 'disconnected') this.#close();
      // A listener may have changed the state.
      for (const subscriber of subscribers) if (this.#status === status) subscriber.onState(status);
    });
  }

  onBytes(count) {
    for (const subscriber of this.#subscribers) subscriber.onBytes(count);
  }

  onId(id) {
    this.enqueue(() => {
      this.#isDuplicate = isDuplicate(id, this.lastEventId);
      if (this.#isDuplicate) return;
      this.lastEventId = id;
      this.#replayBuffer.startAt(id);
    });
  }

  onEvent(event) {
    this.enqueue(() => this.#onEvent(event));
  }

  #onEvent({ type, text, id, origin }) {
    if (id !== undefined && this.#isDuplicate) return undefined;
    const data = withTrustedHTML(parseData(text));
    const loading = modulesFor(type, data);
    const deliver = () => {
      if (!this.#subscribers.size) return undefined;
      return this.#deliver({ type, text, data, id, origin, lastEventId: this.lastEventId });
    };
    return loading ? loading.then(deliver) : deliver();
  }

  #deliver(event) {
    const { type, data } = event;
    // The server's ids do not continue from our position.
    if (type === 'sse:reset') event.lastEventId = this.lastEventId = '';
    this.#replayBuffer.add(event);
    if (type === 'sse:error') console.error(`DjustSSE: ${this.#url}:`, data);
    const subscribers = [...this.#subscribers];
    if (isPageEvent(type, data)) applyPageEvent(type, data, event.origin);
    return this.#display(event, subscribers);
  }

  /** Returns a promise if the page changes later. */
  #display(event, subscribers, hasBacklog = this.#backlog > 0) {
    const before = this.#displayed;
    this.#displayed = event;
    const done = () => {
      flushMutations();
      this.#displayed = before;
    };
    const displaying = subscribers
      .map((subscriber) => this.#subscribers.has(subscriber) && subscriber.onEvent(event, hasBacklog))
      .filter(Boolean);
    return displaying.length ? Promise.all(displaying).then(done) : void done();
  }

  async #open() {
    const createTransport = (receiver) => new Transport(this.#url, this.#options, receiver);
    let sharing;
    if (this.#options.share && canShare) {
      this.onState({ state: 'connecting', attempt: 0 });
      sharing = await loadSharing();
      if (this.#isClosed) return;
    }
    this.#transport = sharing
      ? new sharing.SharedTransport(this.#url, this.#options, this, createTransport)
      : createTransport(this);
    this.#transport.open();
  }

  /** Run a task now, or after the queued ones. If it returns a promise, later tasks wait for that. */
  enqueue(task) {
    if (this.#queue) this.#queue.push(task);
    else this.waitFor(task());
  }

  /** Queue later tasks until the promise `loading`, if there is one, is fulfilled. */
  waitFor(loading) {
    if (!loading) return;
    this.#queue ??= [];
    const blocker = Promise.all([this.#blocker, loading]);
    this.#blocker = blocker;
    blocker.then(() => {
      if (blocker !== this.#blocker) return;
      const tasks = this.#queue;
      this.#queue = this.#blocker = undefined;
      tasks.forEach((task, index) => {
        this.#backlog = tasks.length - 1 - index;
        this.enqueue(task);
      });
    });
  }

  #close() {
    this.#isClosed = true;
    this.#transport?.close();
    this.#subscribers.clear();
    this.onClosed();
  }
}

function parseData(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
