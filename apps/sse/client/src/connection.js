import { Listeners } from './listeners.js';
import { isDuplicate } from './positions.js';
import { shareKey } from './share-key.js';
import { sourceFor } from './source.js';
import { warn } from './warn.js';

const DEFAULTS = {
  autoReconnect: true,
  maxRetries: 5,
  withCredentials: false,
  lastEventId: '',
  share: false,
  onState: () => {},
  onReset: () => {},
  onData: () => {},
};
const RESERVED_NAMES = new Set(['connected', 'disconnected', 'reconnecting', 'reconnected', 'error', '*']);

/**
 * A connection to one event stream, which reconnects automatically.
 *
 * Its state is `connecting`, `connected`, `reconnecting` (waiting for the next attempt) or
 * `disconnected` (until `connect()`); each change is emitted as `sse:state`.
 */
export class DjustSSE {
  /** Log all events and changes of state to the console. */
  static debug = false;

  /**
   * Other origins whose streams may change this page by the helper events.
   * @type {string[]}
   */
  static changeOrigins = [];

  /**
   * Other origins to which the server may redirect this page.
   * @type {string[]}
   */
  static redirectOrigins = [];

  #url;
  #userOptions;
  #options;
  #listeners = new Listeners();
  /** @type {DjustSSEState} */
  #state = 'disconnected';
  #isDestroyed = false;
  #source;
  #epoch = 0; // counts changes of state
  #retries = 0;
  #connections = 0;
  /** @type {number | null} */
  #since = null;
  #lastEventId;
  #counts = { messages: 0, bytes: 0, errors: 0 };
  #subscriber = {
    onState: (status) => this.#onState(status),
    onEvent: (event, hasBacklog) => this.#onEvent(event, hasBacklog),
    onBytes: (count) => (this.#counts.bytes += count),
  };

  /**
   * @param {string | URL} url
   * @param {ConnectionOptions} options
   */
  constructor(url, options = {}) {
    this.#url = String(url);
    this.#userOptions = options;
    this.#readOptions();
  }

  /** The options of an element are its attributes, which may change between two connections. */
  #readOptions() {
    const before = this.#options?.lastEventId;
    this.#options = { ...DEFAULTS, ...this.#userOptions };
    const { lastEventId } = this.#options;
    if (lastEventId !== before) this.#lastEventId = String(lastEventId);
  }

  get url() {
    return this.#url;
  }

  get state() {
    return this.#state;
  }

  /** Connect, or try again immediately instead of waiting for the next attempt. */
  connect() {
    if (this.#isDestroyed) console.warn(`DjustSSE: ${this.#url} was destroyed and stays closed.`);
    else if (this.#source) this.#source.retry();
    else {
      this.#readOptions();
      const url = new URL(this.#url, document.baseURI).href;
      this.#source = sourceFor(url, { ...this.#options, share: this.#options.share && shareKey() }, this.#lastEventId);
      this.#source.subscribe(this.#subscriber, this.#lastEventId);
    }
    return this;
  }

  disconnect(reason = 'closed') {
    if (!this.#source) return this;
    this.#source.unsubscribe(this.#subscriber);
    this.#onState({ state: 'disconnected', reason });
    return this;
  }

  /** Disconnect permanently and remove all listeners. */
  destroy() {
    this.#isDestroyed = true;
    this.disconnect('destroyed');
    this.#listeners.clear();
    return this;
  }

  on(event, callback) {
    this.#listeners.add(event, callback);
    return this;
  }

  off(event, callback) {
    this.#listeners.remove(event, callback);
    return this;
  }

  getStats() {
    return {
      state: this.#state,
      connected: this.#state === 'connected',
      since: this.#since === null ? null : new Date(this.#since),
      ...this.#counts,
      reconnections: Math.max(this.#connections - 1, 0),
      retries: this.#retries,
      lastEventId: this.#currentId,
    };
  }

  /** A connection that joined a source may be ahead of it. */
  get #currentId() {
    const id = this.#source?.lastEventId ?? this.#lastEventId;
    return isDuplicate(id, this.#lastEventId) ? this.#lastEventId : id;
  }

  /** Emit the events of a change of state, until a listener changes the state again. */
  #onState({ state, error = undefined, ...detail }) {
    const epoch = ++this.#epoch;
    const wasConnected = this.#state === 'connected';
    const isFinal = state === 'disconnected';
    const event = error && new ErrorEvent('error', { message: error, error: new Error(error) });
    const emit = (name, value) => epoch === this.#epoch && this.#emit(name, value);
    if (isFinal) {
      this.#lastEventId = this.#currentId;
      this.#source = undefined;
    }
    this.#since = state === 'connected' ? Date.now() : null;
    this.#retries = isFinal || state === 'connected' ? this.#retries : detail.attempt;
    const reconnections = state === 'connected' ? this.#connections++ : 0;
    if (event) this.#counts.errors += 1;

    this.#setState(state, state === 'connected' ? { reconnections } : detail);
    if (event) emit('error', { event });
    if (state === 'connected') emit('connected', {});
    if (reconnections) emit('reconnected', { reconnections });
    const { attempt, delay, ...cause } = detail;
    if (isFinal || (wasConnected && state === 'reconnecting')) emit('disconnected', { ...cause, final: isFinal });
    if (state === 'reconnecting') emit('reconnecting', { attempt, delay });
  }

  /** Returns a promise if the page changes later. */
  #onEvent({ type, text, data, id, origin, lastEventId }, hasBacklog) {
    if (id !== undefined && isDuplicate(id, this.#lastEventId)) return undefined;
    if (type === 'sse:reset') {
      this.#lastEventId = '';
      this.#source.waitFor(this.#options.onReset(data));
    }
    this.#counts.messages += 1;
    const original = new MessageEvent(type, { data: text, lastEventId, origin });
    this.#log(type, data);
    if (type === 'sse:error') {
      this.#counts.errors += 1;
      this.#emit('error', { event: original });
    }
    const isControl = type.startsWith('sse:');
    const notifyListeners = () => {
      if (RESERVED_NAMES.has(type)) warn('reserved', type);
      else if (type === 'sse:reset' || !isControl) this.#emit(type, data, original);
      this.#emit('*', type, data, original);
    };
    const detail = { event: type, data, originalEvent: original };
    const displaying = isControl ? undefined : this.#options.onData(detail, hasBacklog, this.#listeners.has(type));
    return displaying ? displaying.then(notifyListeners) : void notifyListeners();
  }

  /** Run a task now, or after the events that arrived before it. */
  enqueue(task) {
    if (this.#source) this.#source.enqueue(task);
    else task();
  }

  #setState(state, detail) {
    this.#state = state;
    this.#log(state, detail);
    this.#options.onState({ state, ...detail });
    this.#emit('sse:state', { state, ...detail });
  }

  #emit(name, ...values) {
    this.#listeners.emit(name, ...values);
  }

  #log(...values) {
    if (DjustSSE.debug) console.log(`DjustSSE: ${this.#url}:`, ...values);
  }
}
