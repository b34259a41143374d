import { watchPage } from './page-lifecycle.js';
import { isPosition } from './positions.js';

const PING_INTERVAL = 5000;
const PONG_TIMEOUT = 1000;
const RELEASE_DELAY = 500;

/**
 * One transport for all tabs of a session, with the methods and the receiver of `Transport`.
 *
 * The tab that holds a lock leads: it has the connection and broadcasts to the others, its followers.
 * A tab that joins sends its last id and is sent what it missed. When the leader goes, the next tab in
 * the queue for the lock continues after its own last id; if a leader does not respond, a follower
 * steals the lock. `createTransport(receiver)` returns a `Transport` of this tab.
 */
export class SharedTransport {
  #receiver;
  #createTransport;
  #name;
  #id = crypto.randomUUID?.();
  #leader;
  #transport; // of a leader, or of a tab that does not share
  #isStandalone = false;
  #isFinished = false;
  #hasRejoined = false;
  #isClosed = false;
  #channel;
  #lock; // AbortController of the request for the lock
  #unwatchPage;
  #pinging;
  #pongTimer;
  #sequence = 0; // number of the last broadcast that this tab has sent or received

  constructor(url, options, receiver, createTransport) {
    this.#receiver = receiver;
    this.#createTransport = createTransport;
    this.#name = `djust-sse ${VERSION} ${options.share} ${options.withCredentials} ${url}`;
  }

  open() {
    this.#unwatchPage = watchPage({ wake: () => this.#wake(), suspend: () => this.#isStandalone || this.#leave() });
    this.#receiver.onState({ state: 'connecting', attempt: 0 });
    // Subscribers that join in this task may still set the position.
    queueMicrotask(() => this.#isClosed || this.#enter());
  }

  /** Close without notifying the receiver. */
  close() {
    this.#isClosed = true;
    this.#leave();
    this.#unwatchPage();
  }

  retry() {
    if (this.#transport) this.#transport.retry();
    else this.#ping(true);
  }

  #enter() {
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#onMessage(data);
    this.#pinging = setInterval(() => document.hidden || this.#transport || this.#ping(), PING_INTERVAL);
    this.#requestLock();
    this.#receiver.onState({ state: 'connecting', attempt: 0 });
    this.#join();
  }

  #leave() {
    // Followers must receive that the stream has finished before one of them gets the lock.
    if (this.#transport && this.#isFinished) setTimeout((lock) => lock.abort(), RELEASE_DELAY, this.#lock);
    else this.#lock?.abort();
    clearInterval(this.#pinging);
    this.#clearPongTimer();
    this.#channel?.close();
    this.#transport?.close();
    this.#channel = this.#transport = undefined;
  }

  #wake() {
    if (this.#transport) return undefined;
    if (this.#channel) return this.#ping(true);
    this.#receiver.onState({ state: 'reconnecting', reason: 'suspended', attempt: 1, delay: 0 });
    if (!this.#isClosed) this.#enter();
    return undefined;
  }

  #requestLock(options) {
    this.#lock?.abort();
    this.#lock = new AbortController();
    const { signal } = this.#lock;
    const lead = () => signal.aborted || this.#lead(signal);
    const onLost = (error) => signal.aborted || this.#onLockLost(error);
    navigator.locks.request(this.#name, options ?? { signal }, lead).catch(onLost);
  }

  #lead(signal) {
    this.#clearPongTimer();
    this.#leader = this.#id;
    this.#post({ newLeader: true });
    this.#transport = this.#createTransport(this.#broadcaster());
    const released = new Promise((resolve) => signal.addEventListener('abort', resolve));
    this.#transport.open();
    return released;
  }

  /** A follower has stolen the lock, or the browser refuses locks to this page. */
  #onLockLost({ name }) {
    if (name !== 'AbortError') return this.#goStandalone();
    this.#transport.close();
    this.#transport = undefined;
    this.#requestLock();
    this.#join();
  }

  #goStandalone() {
    this.#leave();
    this.#isStandalone = true;
    this.#transport = this.#createTransport(this.#receiver);
    this.#transport.open();
  }

  /** A tab that joins this stream late would miss events: the other tabs open their own. */
  #stopSharing() {
    this.#post({ notJoinable: true });
    this.#isStandalone = true;
    this.#lock.abort();
    clearInterval(this.#pinging);
    this.#channel?.close();
    this.#channel = undefined;
  }

  /** The leader does not know this tab's id: it may not have received that event yet, so try once more. */
  #rejoin() {
    this.#clearPongTimer();
    if (this.#hasRejoined) return this.#goStandalone();
    this.#hasRejoined = true;
    setTimeout(() => this.#leader !== this.#id && this.#join(), PONG_TIMEOUT);
    return undefined;
  }

  /** Return the receiver of a leader's transport, which also broadcasts. */
  #broadcaster() {
    const receiver = this.#receiver;
    let pendingId;
    const broadcast = (message) => receiver.enqueue(() => this.#post({ ...message, sequence: ++this.#sequence }));
    return {
      get lastEventId() {
        return receiver.lastEventId;
      },
      onBytes: (count) => receiver.onBytes(count),
      onState: (status) => {
        if (status.state === 'connected' && !status.joinable) this.#stopSharing();
        this.#isFinished = status.state === 'disconnected';
        broadcast({ status });
        receiver.onState(status);
      },
      // An event and its id are one message: a follower may have to lead after either.
      onId: (id) => {
        receiver.onId(id);
        pendingId = id;
        queueMicrotask(() => pendingId === id && broadcast({ id }));
      },
      onEvent: (event) => {
        if (event.id !== undefined) pendingId = undefined;
        broadcast({ event });
        receiver.onEvent(event);
      },
    };
  }

  #post(message) {
    this.#channel?.postMessage({ from: this.#id, ...message });
  }

  /** Send this tab's last id, so that the leader sends what it missed. */
  #join() {
    if (!this.#channel) return;
    this.#clearPongTimer();
    this.#leader = undefined;
    this.#post({ join: this.#receiver.lastEventId });
    this.#expectPong();
  }

  #ping(wake = false) {
    this.#post({ ping: true, wake });
    this.#expectPong();
  }

  #expectPong() {
    const takeOver = () => this.#requestLock({ steal: true });
    if (this.#channel) this.#pongTimer ??= setTimeout(takeOver, PONG_TIMEOUT * (1 + Math.random() / 5));
  }

  #clearPongTimer() {
    clearTimeout(this.#pongTimer);
    this.#pongTimer = undefined;
  }

  #onMessage(message) {
    if (message.to && message.to !== this.#id) return;
    if (this.#transport) this.#onFollowerMessage(message);
    else if (message.notJoinable) this.#goStandalone();
    else if (message.newLeader) this.#join();
    else if (message.catchUp) this.#follow(message);
    else if (message.unknownId) this.#rejoin();
    else if (message.pong) this.#onPong(message);
    else if (message.from === this.#leader) this.#onBroadcast(message);
  }

  #onFollowerMessage({ from, join, ping, wake }) {
    if (join !== undefined) this.#receiver.enqueue(() => this.#sendCatchUp(from, join));
    if (!ping) return;
    this.#post({ to: from, pong: { sequence: this.#sequence } });
    if (wake) this.#transport.wake();
    else this.#transport.check();
  }

  #sendCatchUp(to, id) {
    const missed = this.#receiver.missedAfter(id);
    if (!missed && id && !isPosition(id)) return this.#post({ to, unknownId: true });
    const events = missed?.map(({ type, text, id, origin }) => ({ type, text, id, origin })) ?? [];
    const lastEventId = missed && this.#receiver.lastEventId;
    this.#post({ to, catchUp: { events, lastEventId, status: this.#receiver.status, sequence: this.#sequence } });
    // Tabs drop the positions that they have passed.
    if (!missed) this.#transport.reopen(id);
  }

  #follow({ from, catchUp: { events, lastEventId, status, sequence } }) {
    const receiver = this.#receiver;
    this.#clearPongTimer();
    this.#hasRejoined = false;
    this.#leader = from;
    this.#sequence = sequence;
    if (status) receiver.onState(status);
    events.forEach((event) => this.#onEvent(event));
    if (lastEventId !== undefined) receiver.onId(lastEventId);
  }

  /** A follower whose sequence number differs from its leader's has missed a broadcast. */
  #onPong({ from, pong: { sequence } }) {
    this.#clearPongTimer();
    if (from !== this.#leader || sequence !== this.#sequence) this.#join();
  }

  #onBroadcast({ sequence, status, id, event }) {
    if (sequence !== ++this.#sequence) return this.#join();
    if (status) this.#receiver.onState(status);
    if (id !== undefined) this.#receiver.onId(id);
    if (event) this.#onEvent(event);
    return undefined;
  }

  #onEvent(event) {
    if (event.id !== undefined) this.#receiver.onId(event.id);
    this.#receiver.onEvent(event);
  }
}
