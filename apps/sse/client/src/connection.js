import { advise } from './advise.js';
import { Listeners } from './listeners.js';
import { shareKey } from './page.js';
import { isRepeat } from './positions.js';
import { sourceFor } from './source.js';

const DEFAULTS = {
  autoReconnect: true,
  maxRetries: 5,
  withCredentials: false,
  lastEventId: '',
  share: false,
  whenState: () => {},
  whenReset: () => {},
  whenData: () => {},
};
const OWN_NAMES = new Set(['connected', 'disconnected', 'reconnecting', 'reconnected', 'error', '*']);

/**
 * A connection to one event stream, which comes back by itself.
 *
 * Its state is `connecting`, `connected`, `reconnecting` (waiting for the next attempt) or
 * `disconnected` (for good, until `connect()`); each change is emitted as `sse:state`.
 */
export class DjustSSE {
  /** Print what arrives, and each change of state. */
  static debug = false;

  /** Other origins whose streams may change this page by the helper events. */
  static changeOrigins = [];

  /** Other origins to which the server may send this page. */
  static redirectOrigins = [];

  #url;
  #given;
  #options;
  #listeners = new Listeners();
  /** @type {DjustSSEState} */
  #state = 'disconnected';
  #destroyed = false;
  #source;
  #story = 0;
  #retries = 0;
  #opened = 0;
  /** @type {number | null} */
  #since = null;
  #lastEventId;
  #counts = { messages: 0, bytes: 0, errors: 0 };
  #member = {
    hear: (notice) => this.#hear(notice),
    receive: (event, isHurried) => this.#receive(event, isHurried),
    count: (bytes) => (this.#counts.bytes += bytes),
  };

  constructor(url, options = {}) {
    this.#url = String(url);
    this.#given = options;
    this.#readOptions();
  }

  /** Those of an element are its attributes, which may change between two connections. */
  #readOptions() {
    const before = this.#options?.lastEventId;
    this.#options = { ...DEFAULTS, ...this.#given };
    const { lastEventId } = this.#options;
    if (lastEventId !== before) this.#lastEventId = String(lastEventId);
  }

  get url() {
    return this.#url;
  }

  get state() {
    return this.#state;
  }

  /** Start, or try again at once if an attempt is being waited for. */
  connect() {
    if (this.#destroyed) console.warn(`DjustSSE: ${this.#url} was destroyed and stays closed.`);
    else if (this.#source) this.#source.retry();
    else {
      this.#readOptions();
      const url = new URL(this.#url, document.baseURI).href;
      this.#source = sourceFor(url, { ...this.#options, share: this.#options.share && shareKey() }, this.#lastEventId);
      this.#source.join(this.#member, this.#lastEventId);
    }
    return this;
  }

  disconnect(reason = 'closed') {
    if (!this.#source) return this;
    this.#source.leave(this.#member);
    this.#hear({ state: 'disconnected', reason });
    return this;
  }

  /** Disconnect, forget every listener, and refuse to connect again. */
  destroy() {
    this.#destroyed = true;
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
      reconnections: Math.max(this.#opened - 1, 0),
      retries: this.#retries,
      lastEventId: this.#reached,
    };
  }

  /** Whoever joins a stream may be ahead of it. */
  get #reached() {
    const id = this.#source?.lastEventId ?? this.#lastEventId;
    return isRepeat(id, this.#lastEventId) ? this.#lastEventId : id;
  }

  /** Tell what has become of the connection, as long as no listener makes it untrue. */
  #hear({ state, error = undefined, ...detail }) {
    const story = ++this.#story;
    const wasConnected = this.#state === 'connected';
    const isFinal = state === 'disconnected';
    const event = error && new ErrorEvent('error', { message: error, error: new Error(error) });
    const emit = (name, value) => story === this.#story && this.#emit(name, value);
    if (isFinal) {
      this.#lastEventId = this.#reached;
      this.#source = undefined;
    }
    this.#since = state === 'connected' ? Date.now() : null;
    this.#retries = isFinal || state === 'connected' ? this.#retries : detail.attempt;
    const reconnections = state === 'connected' ? this.#opened++ : 0;
    if (event) this.#counts.errors += 1;

    this.#become(state, state === 'connected' ? { reconnections } : detail);
    if (event) emit('error', { event });
    if (state === 'connected') emit('connected', {});
    if (reconnections) emit('reconnected', { reconnections });
    const { attempt, delay, ...why } = detail;
    if (isFinal || (wasConnected && state === 'reconnecting')) emit('disconnected', { ...why, final: isFinal });
    if (state === 'reconnecting') emit('reconnecting', { attempt, delay });
  }

  /** Returns a promise if the page changes later. */
  #receive({ type, text, data, id, origin, at }, isHurried) {
    if (id !== undefined && isRepeat(id, this.#lastEventId)) return undefined;
    if (type === 'sse:reset') {
      this.#lastEventId = '';
      this.#source.hold(this.#options.whenReset(data));
    }
    this.#counts.messages += 1;
    const original = new MessageEvent(type, { data: text, lastEventId: at, origin });
    this.#print(type, data);
    if (type === 'sse:error') {
      this.#counts.errors += 1;
      this.#emit('error', { event: original });
    }
    const isControl = type.startsWith('sse:');
    const tell = () => {
      if (OWN_NAMES.has(type)) advise('reserved', type);
      else if (type === 'sse:reset' || !isControl) this.#emit(type, data, original);
      this.#emit('*', type, data, original);
    };
    const detail = { event: type, data, originalEvent: original };
    const showing = isControl ? undefined : this.#options.whenData(detail, isHurried, this.#listeners.has(type));
    return showing ? showing.then(tell) : void tell();
  }

  /** Take a step now, or after the events that came before it. */
  inOrder(step) {
    if (this.#source) this.#source.inOrder(step);
    else step();
  }

  #become(state, detail) {
    this.#state = state;
    this.#print(state, detail);
    this.#options.whenState({ state, ...detail });
    this.#emit('sse:state', { state, ...detail });
  }

  #emit(name, ...values) {
    this.#listeners.emit(name, ...values);
  }

  #print(...values) {
    if (DjustSSE.debug) console.log(`DjustSSE: ${this.#url}:`, ...values);
  }
}
