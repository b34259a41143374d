import { change, isChange, withTrustedHTML } from './dom.js';
import { Listeners } from './listeners.js';
import { followPage } from './page.js';
import { isRepeat } from './positions.js';
import { retryDelay } from './retry.js';
import { readStream } from './stream.js';

const DEFAULTS = { autoReconnect: true, maxRetries: 5, retryDelay: 3000, withCredentials: false, lastEventId: '' };
const OWN_NAMES = new Set(['connected', 'disconnected', 'reconnecting', 'reconnected', 'error', '*']);
const HEALTHY_AFTER = 5000;
const DEAD_AFTER_KEEPALIVES = 2.5;

/**
 * A connection to one event stream, which comes back by itself.
 *
 * Its state is `connecting`, `connected`, `reconnecting` (waiting for the next attempt) or
 * `disconnected` (for good, until `connect()`); each change is emitted as `sse:state`.
 */
export class DjustSSE {
  /** Print what arrives, and each change of state. */
  static debug = false;

  #url;
  #options;
  #listeners = new Listeners();
  #state = 'disconnected';
  #destroyed = false;
  #attempt; // the AbortController of the request under way
  #unfollowPage;
  #retryTimer;
  #watchdog;
  #mustWait = false;
  #retries = 0;
  #opened = 0;
  #since = null;
  #heard = 0;
  #keepalive = 0;
  #serverDelay;
  #lastEventId;
  #isRepeat = false;
  #origin = '';
  #counts = { messages: 0, bytes: 0, errors: 0 };

  constructor(url, options = {}) {
    this.#url = String(url);
    this.#options = { ...DEFAULTS, ...options };
    this.#lastEventId = String(this.#options.lastEventId);
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
    else if (this.#state === 'reconnecting') this.#open();
    else if (this.#state === 'disconnected') {
      this.#retries = 0;
      this.#unfollowPage = followPage({ wake: () => this.#wake(), leave: () => this.#attempt.abort() });
      this.#open();
    }
    return this;
  }

  disconnect(reason = 'closed') {
    if (this.#state !== 'disconnected') this.#stop({ reason });
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
      since: this.#since && new Date(this.#since),
      ...this.#counts,
      reconnections: Math.max(this.#opened - 1, 0),
      retries: this.#retries,
      lastEventId: this.#lastEventId,
    };
  }

  async #open() {
    this.#release();
    const { signal } = (this.#attempt = new AbortController());
    this.#become('connecting', { attempt: this.#retries });
    if (signal.aborted) return;
    this.#heard = Date.now();
    this.#watch();
    let outcome;
    try {
      outcome = await readStream(this.#url, this.#reading(signal));
    } catch (error) {
      outcome = { reason: 'network', error };
    }
    // Whoever aborted it has taken over.
    if (!signal.aborted) this.#lost(outcome);
  }

  #reading(signal) {
    const unlessAborted = (handle) => (value) => signal.aborted || handle(value);
    return {
      signal,
      credentials: this.#options.withCredentials ? 'include' : 'same-origin',
      lastEventId: this.#lastEventId,
      onOpen: unlessAborted((response) => this.#opening(response, signal)),
      onBytes: unlessAborted((count) => {
        this.#heard = Date.now();
        this.#counts.bytes += count;
      }),
      onEvent: unlessAborted((event) => this.#receive(event)),
      onId: unlessAborted((id) => this.#reach(id)),
      onRetry: unlessAborted((delay) => (this.#serverDelay = delay)),
    };
  }

  #opening({ url, headers }, signal) {
    this.#heard = this.#since = Date.now();
    this.#origin = new URL(url).origin;
    this.#keepalive = Number(headers.get('SSE-Keepalive')) * 1000 || 0;
    this.#watch();
    const reconnections = this.#opened++;
    this.#become('connected', { reconnections });
    if (!signal.aborted) this.#emit('connected', {});
    if (!signal.aborted && reconnections) this.#emit('reconnected', { reconnections });
  }

  /** Called before the event that has this id, if there is one. */
  #reach(id) {
    this.#isRepeat = isRepeat(id, this.#lastEventId);
    if (!this.#isRepeat) this.#lastEventId = id;
  }

  #receive({ event: type = 'message', data: text, id }) {
    if (id !== undefined && this.#isRepeat) return;
    this.#counts.messages += 1;
    // Where we were is not on the server's number line any more.
    if (type === 'sse:reset') this.#lastEventId = '';
    const data = withTrustedHTML(parse(text));
    const original = new MessageEvent(type, { data: text, lastEventId: this.#lastEventId, origin: this.#origin });
    this.#print(type, data);
    if (type === 'sse:end') this.#stop({ reason: 'finished' });
    if (type === 'sse:error') this.#fail(original, data);
    if (isChange(type, data)) change(type, data);
    const isOurs = OWN_NAMES.has(type) || type.startsWith('sse:');
    if (!isOurs || type === 'sse:reset') this.#emit(type, data, original);
    this.#emit('*', type, data, original);
  }

  /** The stream, or the attempt to open it, is over: wait for the next one, or stop. */
  #lost({ final = false, wait = 0, error, ...detail }) {
    const wasConnected = this.#state === 'connected';
    if (wasConnected && Date.now() - this.#since >= HEALTHY_AFTER) this.#retries = 0;
    this.#release();
    this.#since = null;
    const event = error && new ErrorEvent('error', { error, message: error.message });
    if (final || !this.#options.autoReconnect || this.#retries >= this.#options.maxRetries) {
      if (event) this.#fail(event, error.message);
      if (this.#state !== 'disconnected') this.#stop(detail);
    } else this.#retryLater({ wait, event, wasConnected, detail });
  }

  #retryLater({ wait, event, wasConnected, detail }) {
    const attempt = ++this.#retries;
    const delay = retryDelay(attempt, this.#serverDelay ?? this.#options.retryDelay, wait);
    const timer = setTimeout(() => this.#open(), delay);
    this.#retryTimer = timer;
    this.#mustWait = wait > 0;
    // A listener may connect or disconnect, which makes the rest of the story untrue.
    const isCurrent = () => this.#retryTimer === timer;
    this.#become('reconnecting', { ...detail, attempt, delay });
    if (isCurrent() && event) this.#fail(event);
    if (isCurrent() && wasConnected) this.#emit('disconnected', { ...detail, final: false });
    if (isCurrent()) this.#emit('reconnecting', { attempt, delay });
  }

  #stop(detail) {
    this.#release();
    this.#unfollowPage();
    this.#since = null;
    this.#become('disconnected', detail);
    this.#emit('disconnected', { ...detail, final: true });
  }

  #fail(event, words) {
    this.#counts.errors += 1;
    if (words !== undefined) console.error(`DjustSSE: ${this.#url}:`, words);
    this.#emit('error', { event });
  }

  #release() {
    this.#attempt?.abort();
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#watchdog);
    this.#retryTimer = undefined;
    this.#mustWait = false;
  }

  /** A connection may be dead without an error: the server promises a keepalive, and we listen for it. */
  #watch() {
    clearTimeout(this.#watchdog);
    if (!this.#keepalive) return;
    const left = this.#heard + DEAD_AFTER_KEEPALIVES * this.#keepalive - Date.now();
    if (left > 0) this.#watchdog = setTimeout(() => this.#watch(), left);
    else this.#lost({ reason: 'silent', error: new Error('nothing was heard for too long') });
  }

  /** The page or the network is back: do not sit out a delay, and do not trust an old connection. */
  #wake() {
    if (this.#state === 'reconnecting') {
      if (!this.#mustWait) this.#open();
    } else if (this.#attempt.signal.aborted) {
      this.#lost({ reason: 'suspended' });
      if (this.#state === 'reconnecting') this.#open();
    } else this.#watch();
  }

  #become(state, detail) {
    this.#state = state;
    this.#print(state, detail);
    this.#emit('sse:state', { state, ...detail });
  }

  #emit(name, ...values) {
    this.#listeners.emit(name, ...values);
  }

  #print(...values) {
    if (DjustSSE.debug) console.log(`DjustSSE: ${this.#url}:`, ...values);
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
