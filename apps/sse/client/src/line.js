import { advise } from './advise.js';
import { followPage } from './page.js';
import { retryDelay } from './retry.js';
import { readStream } from './stream.js';

const HEALTHY_AFTER = 5000;
const DEAD_AFTER_KEEPALIVES = 2.5;
const ANSWER_WITHIN = 10_000;
const RETRY_DELAY = 3000;
const MAX_CONNECTIONS = 4;

/** Those of this page that have a connection. */
const connected = new Set();

/**
 * One stream over the network, which comes back by itself.
 *
 * It tells its `audience`, by methods of these names: `notice({ state, … })` at each change, where
 * `state` is `connecting`, `connected`, `reconnecting` (waiting for the next attempt) or
 * `disconnected` (for good); `bytes(count)`; `reach(id)` for each id, before the event that has it;
 * `event({ type, text, id, origin })`. It reads `audience.lastEventId` when it opens.
 */
export class Line {
  #url;
  #options;
  #audience;
  #state;
  #attempt; // the AbortController of the request under way
  #unfollowPage;
  #retryTimer;
  #dueAt;
  #watchdog;
  #mustWait = false;
  #retries = 0;
  #lostAt;
  #since = 0;
  #heard = 0;
  #keepalive = 0;
  #serverDelay;

  constructor(url, options, audience) {
    this.#url = url;
    this.#options = options;
    this.#audience = audience;
  }

  open() {
    this.#unfollowPage = followPage({ wake: () => this.wake(), leave: () => this.#attempt.abort() });
    this.#open();
  }

  /** Stop without a word. */
  close() {
    this.#state = 'disconnected';
    this.#release();
    this.#unfollowPage();
  }

  /** Do not wait any longer for the next attempt. */
  retry() {
    if (this.#state === 'reconnecting') this.#open();
  }

  /** Begin again, from `id` instead of the last one. */
  reopen(id) {
    this.#open(id);
  }

  /** Timers of a hidden page may be late: do what is due. */
  check() {
    if (this.#state !== 'reconnecting') this.#watch();
    else if (Date.now() >= this.#dueAt) this.#open();
  }

  /** The page or the network is back: do not sit out a delay, and do not trust an old connection. */
  wake() {
    if (this.#state === 'reconnecting') {
      if (!this.#mustWait) this.#open();
    } else if (this.#attempt.signal.aborted) {
      this.#lost({ reason: 'suspended' });
      this.retry();
    } else {
      this.#watch();
      this.retry();
    }
  }

  async #open(from) {
    this.#release();
    this.#attempt = new AbortController();
    const { signal } = this.#attempt;
    this.#tell('connecting', { attempt: this.#retries });
    this.#heard = Date.now();
    if (!signal.aborted) this.#watch();
    // Others that want the same may still say from where.
    await null;
    if (signal.aborted) return;
    connected.add(this);
    if (connected.size > MAX_CONNECTIONS) advise('crowded', new URL(this.#url).origin);
    let outcome;
    try {
      outcome = await readStream(this.#url, this.#reading(signal, from ?? this.#audience.lastEventId));
    } catch (error) {
      outcome = { reason: 'network', error: error.message };
    }
    // Whoever aborted it has taken over.
    if (!signal.aborted) this.#lost(outcome);
  }

  #reading(signal, lastEventId) {
    const audience = this.#audience;
    const unlessAborted = (handle) => (value) => signal.aborted || handle(value);
    let origin;
    return {
      signal,
      credentials: this.#options.withCredentials ? 'include' : 'same-origin',
      lastEventId,
      onOpen: unlessAborted(({ url, headers }) => {
        origin = new URL(url).origin;
        this.#opened(headers);
      }),
      onBytes: unlessAborted((count) => {
        this.#heard = Date.now();
        audience.bytes(count);
      }),
      onEvent: unlessAborted(({ event, data, id }) => {
        // Its id has been reached already.
        if (event !== 'sse:open') this.#receive({ type: event ?? 'message', text: data, id, origin });
      }),
      onId: unlessAborted((id) => audience.reach(id)),
      onRetry: unlessAborted((delay) => {
        this.#serverDelay = delay;
        if ((this.#options.retryDelay ?? delay) !== delay) advise('retry', this.#url);
      }),
    };
  }

  #opened(headers) {
    this.#heard = this.#since = Date.now();
    this.#keepalive = Number(headers.get('SSE-Keepalive')) * 1000 || 0;
    this.#state = 'connected';
    this.#watch();
    this.#tell('connected', { joinable: headers.get('SSE-Joinable') });
  }

  #receive(event) {
    if (event.type === 'sse:end') this.#release();
    this.#audience.event(event);
    if (event.type === 'sse:end') this.#stop({ reason: 'finished' });
  }

  /** The stream, or the attempt to open it, is over: wait for the next one, or stop. */
  #lost({ final = false, wait = 0, ...detail }) {
    if (this.#state === 'connected' && Date.now() - this.#since >= HEALTHY_AFTER) this.#retries = 0;
    this.#release();
    const { autoReconnect, maxRetries, retryDelay: ownDelay = RETRY_DELAY } = this.#options;
    if (final || !autoReconnect || (this.#retries >= maxRetries && navigator.onLine)) {
      if (detail.error) console.error(`DjustSSE: ${this.#url}: ${detail.error}`);
      return this.#stop(detail);
    }
    if (!this.#retries) this.#lostAt = Date.now();
    const outage = Date.now() - this.#lostAt;
    // An attempt that could not succeed is not counted.
    const attempt = navigator.onLine ? ++this.#retries : this.#retries || 1;
    const delayFor = (outage) => retryDelay(attempt, this.#serverDelay ?? ownDelay, wait, outage);
    const quick = delayFor(outage);
    const delay = document.hidden ? delayFor(Infinity) : quick;
    this.#retryTimer = setTimeout(() => this.#open(), delay);
    // A visible tab may ask for it that shares this stream.
    this.#dueAt = Date.now() + quick;
    this.#mustWait = wait > 0;
    this.#tell('reconnecting', { ...detail, attempt, delay });
  }

  #stop(detail) {
    this.close();
    this.#tell('disconnected', detail);
  }

  #release() {
    this.#attempt?.abort();
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#watchdog);
    connected.delete(this);
    this.#mustWait = false;
  }

  /** A connection may be dead without an error: the server promises a keepalive, and we listen for it. */
  #watch() {
    clearTimeout(this.#watchdog);
    const isAnswered = this.#state === 'connected';
    const limit = isAnswered ? DEAD_AFTER_KEEPALIVES * this.#keepalive : ANSWER_WITHIN;
    if (!limit) return;
    const left = this.#heard + limit - Date.now();
    if (left > 0) this.#watchdog = setTimeout(() => this.#watch(), left);
    else if (isAnswered) this.#lost({ reason: 'silent', error: 'no data arrived in time' });
    else {
      // If no connection is free, nothing can be loaded that would say so.
      const error = `${this.#url} did not respond. HTTP/1.1 allows six connections for all tabs: perhaps none is free.`;
      console.warn(`DjustSSE: ${error}`);
      this.#lost({ reason: 'unanswered', error });
    }
  }

  #tell(state, detail) {
    this.#state = state;
    this.#audience.notice({ state, ...detail });
  }
}
