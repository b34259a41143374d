import { watchPage } from './page-lifecycle.js';
import { retryDelay } from './retry.js';
import { readStream } from './stream.js';
import { warn } from './warn.js';

const HEALTHY_AFTER = 5000;
const DEAD_AFTER_KEEPALIVES = 2.5;
const RESPONSE_TIMEOUT = 10_000;
const RETRY_DELAY = 3000;
const MAX_CONNECTIONS = 4;

/** The transports of this page that have a connection. */
const connected = new Set();

/**
 * Reads one stream over HTTP and reconnects automatically.
 *
 * It calls methods of its `receiver`: `onState({ state, … })` at each change, where `state` is
 * `connecting`, `connected`, `reconnecting` (waiting for the next attempt) or `disconnected`
 * (permanently); `onBytes(count)`; `onId(id)` for each id, before the event that has it;
 * `onEvent({ type, text, id, origin })`. It reads `receiver.lastEventId` when it connects.
 */
export class Transport {
  #url;
  #options;
  #receiver;
  #state;
  #request; // AbortController of the current request
  #unwatchPage;
  #retryTimer;
  #retryAt;
  #watchdog;
  #hasRetryAfter = false;
  #retries = 0;
  #outageSince;
  #connectedAt = 0;
  #receivedAt = 0;
  #keepaliveInterval = 0;
  #serverDelay;

  constructor(url, options, receiver) {
    this.#url = url;
    this.#options = options;
    this.#receiver = receiver;
  }

  open() {
    this.#unwatchPage = watchPage({ wake: () => this.wake(), suspend: () => this.#request.abort() });
    this.#connect();
  }

  /** Close without notifying the receiver. */
  close() {
    this.#state = 'disconnected';
    this.#release();
    this.#unwatchPage();
  }

  /** Connect now instead of waiting for the next attempt. */
  retry() {
    if (this.#state === 'reconnecting') this.#connect();
  }

  /** Connect again from `id` instead of the last one. */
  reopen(id) {
    this.#connect(id);
  }

  /** Do what is due: timers of a hidden page may be late. */
  check() {
    if (this.#state !== 'reconnecting') this.#watchSilence();
    else if (Date.now() >= this.#retryAt) this.#connect();
  }

  /** The page or the network is back: skip the retry delay, and check an old connection. */
  wake() {
    if (this.#state === 'reconnecting') {
      if (!this.#hasRetryAfter) this.#connect();
    } else if (this.#request.signal.aborted) {
      this.#onLost({ reason: 'suspended' });
      this.retry();
    } else {
      this.#watchSilence();
      this.retry();
    }
  }

  async #connect(id) {
    this.#release();
    this.#request = new AbortController();
    const { signal } = this.#request;
    this.#setState('connecting', { attempt: this.#retries });
    this.#receivedAt = Date.now();
    if (!signal.aborted) this.#watchSilence();
    // Subscribers that join in this task may still set the position.
    await null;
    if (signal.aborted) return;
    connected.add(this);
    if (connected.size > MAX_CONNECTIONS) warn('crowded', new URL(this.#url).origin);
    let outcome;
    try {
      outcome = await readStream(this.#url, this.#streamOptions(signal, id ?? this.#receiver.lastEventId));
    } catch (error) {
      outcome = { reason: 'network', error: error.message };
    }
    // The code that aborts a request also sets the next state.
    if (!signal.aborted) this.#onLost(outcome);
  }

  #streamOptions(signal, lastEventId) {
    const receiver = this.#receiver;
    const unlessAborted = (handle) => (value) => signal.aborted || handle(value);
    let origin;
    return {
      signal,
      credentials: this.#options.withCredentials ? 'include' : 'same-origin',
      lastEventId,
      onOpen: unlessAborted(({ url, headers }) => {
        origin = new URL(url).origin;
        this.#onOpen(headers);
      }),
      onBytes: unlessAborted((count) => {
        this.#receivedAt = Date.now();
        receiver.onBytes(count);
      }),
      onEvent: unlessAborted(({ event, data, id }) => {
        // `sse:open` only carries an id, and onId() has received it.
        if (event !== 'sse:open') this.#onEvent({ type: event ?? 'message', text: data, id, origin });
      }),
      onId: unlessAborted((id) => receiver.onId(id)),
      onRetry: unlessAborted((delay) => {
        this.#serverDelay = delay;
        if ((this.#options.retryDelay ?? delay) !== delay) warn('retry', this.#url);
      }),
    };
  }

  #onOpen(headers) {
    this.#receivedAt = this.#connectedAt = Date.now();
    this.#keepaliveInterval = Number(headers.get('SSE-Keepalive')) * 1000 || 0;
    this.#state = 'connected';
    this.#watchSilence();
    this.#setState('connected', { joinable: headers.get('SSE-Joinable') });
  }

  #onEvent(event) {
    if (event.type === 'sse:end') this.#release();
    this.#receiver.onEvent(event);
    if (event.type === 'sse:end') this.#disconnect({ reason: 'finished' });
  }

  /** The stream or the connection attempt has ended: schedule the next attempt, or disconnect. */
  #onLost({ final = false, wait = 0, ...detail }) {
    if (this.#state === 'connected' && Date.now() - this.#connectedAt >= HEALTHY_AFTER) this.#retries = 0;
    this.#release();
    const { autoReconnect, maxRetries, retryDelay: ownDelay = RETRY_DELAY } = this.#options;
    if (final || !autoReconnect || (this.#retries >= maxRetries && navigator.onLine)) {
      if (detail.error) console.error(`DjustSSE: ${this.#url}: ${detail.error}`);
      return this.#disconnect(detail);
    }
    if (!this.#retries) this.#outageSince = Date.now();
    const outage = Date.now() - this.#outageSince;
    // Attempts without a network do not count.
    const attempt = navigator.onLine ? ++this.#retries : this.#retries || 1;
    const delayFor = (outage) => retryDelay(attempt, this.#serverDelay ?? ownDelay, wait, outage);
    const visibleDelay = delayFor(outage);
    const delay = document.hidden ? delayFor(Infinity) : visibleDelay;
    this.#retryTimer = setTimeout(() => this.#connect(), delay);
    // A visible tab that shares this stream may call check() earlier.
    this.#retryAt = Date.now() + visibleDelay;
    this.#hasRetryAfter = wait > 0;
    this.#setState('reconnecting', { ...detail, attempt, delay });
  }

  #disconnect(detail) {
    this.close();
    this.#setState('disconnected', detail);
  }

  #release() {
    this.#request?.abort();
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#watchdog);
    connected.delete(this);
    this.#hasRetryAfter = false;
  }

  /** A dead connection may raise no error: expect the server's keepalive, or its response. */
  #watchSilence() {
    clearTimeout(this.#watchdog);
    const isConnected = this.#state === 'connected';
    const limit = isConnected ? DEAD_AFTER_KEEPALIVES * this.#keepaliveInterval : RESPONSE_TIMEOUT;
    if (!limit) return;
    const left = this.#receivedAt + limit - Date.now();
    if (left > 0) this.#watchdog = setTimeout(() => this.#watchSilence(), left);
    else if (isConnected) this.#onLost({ reason: 'silent', error: 'no data arrived in time' });
    else {
      // Not in warnings.js: if no connection is free, that cannot be loaded.
      const error = `${this.#url} did not respond. HTTP/1.1 allows six connections for all tabs: perhaps none is free.`;
      console.warn(`DjustSSE: ${error}`);
      this.#onLost({ reason: 'unanswered', error });
    }
  }

  #setState(state, detail) {
    this.#state = state;
    this.#receiver.onState({ state, ...detail });
  }
}
