import { followPage } from './page.js';
import { isPosition } from './positions.js';

const ASK_EVERY = 5000;
const ANSWER_WITHIN = 1000;
const FAREWELL = 500;

/**
 * One line for all tabs of a session, with the methods and the audience of `Line`.
 *
 * The tab that holds a lock leads: it has the connection, and tells the others over a channel. Whoever
 * joins says which id it has, and is given what it missed. When the leader goes, the next in the
 * queue for the lock goes on after the last id that it has itself; from a leader that does not answer
 * the lock is taken away. `lineFor(audience)` makes a `Line` of this tab's own.
 */
export class SharedLine {
  #audience;
  #lineFor;
  #name;
  #me = crypto.randomUUID?.();
  #leader;
  #line; // of the tab that leads, or of one that has to be alone
  #isAlone = false;
  #isFinished = false;
  #isStrange = false;
  #isClosed = false;
  #channel;
  #turn; // the AbortController of the request for the lock
  #unfollowPage;
  #asking;
  #unanswered;
  #told = 0; // the number of the last message to all, by this leader or heard of one

  constructor(url, options, audience, lineFor) {
    this.#audience = audience;
    this.#lineFor = lineFor;
    this.#name = `djust-sse ${VERSION} ${options.share} ${options.withCredentials} ${url}`;
  }

  open() {
    this.#unfollowPage = followPage({ wake: () => this.#wake(), leave: () => this.#isAlone || this.#part() });
    this.#audience.notice({ state: 'connecting', attempt: 0 });
    // Others on this page may still say from where.
    queueMicrotask(() => this.#isClosed || this.#join());
  }

  /** Stop without a word. */
  close() {
    this.#isClosed = true;
    this.#part();
    this.#unfollowPage();
  }

  retry() {
    if (this.#line) this.#line.retry();
    else this.#ask(true);
  }

  #join() {
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    this.#asking = setInterval(() => document.hidden || this.#line || this.#ask(), ASK_EVERY);
    this.#request();
    this.#audience.notice({ state: 'connecting', attempt: 0 });
    this.#greet();
  }

  #part() {
    // The others are to hear that it is over before they could try for themselves.
    if (this.#line && this.#isFinished) setTimeout((turn) => turn.abort(), FAREWELL, this.#turn);
    else this.#turn?.abort();
    clearInterval(this.#asking);
    this.#hasAnswer();
    this.#channel?.close();
    this.#line?.close();
    this.#channel = this.#line = undefined;
  }

  #wake() {
    if (this.#line) return undefined;
    if (this.#channel) return this.#ask(true);
    this.#audience.notice({ state: 'reconnecting', reason: 'suspended', attempt: 1, delay: 0 });
    if (!this.#isClosed) this.#join();
    return undefined;
  }

  #request(options) {
    this.#turn?.abort();
    this.#turn = new AbortController();
    const { signal } = this.#turn;
    const lead = () => signal.aborted || this.#lead(signal);
    const lose = (error) => signal.aborted || this.#lose(error);
    navigator.locks.request(this.#name, options ?? { signal }, lead).catch(lose);
  }

  #lead(signal) {
    this.#hasAnswer();
    this.#leader = this.#me;
    this.#post({ lead: true });
    this.#line = this.#lineFor(this.#relay());
    const over = new Promise((resolve) => signal.addEventListener('abort', resolve));
    this.#line.open();
    return over;
  }

  /** Somebody thought that this tab was gone, or the browser gives no locks to this page. */
  #lose({ name }) {
    if (name !== 'AbortError') return this.#beAlone();
    this.#line.close();
    this.#line = undefined;
    this.#request();
    this.#greet();
  }

  #beAlone() {
    this.#part();
    this.#isAlone = true;
    this.#line = this.#lineFor(this.#audience);
    this.#line.open();
  }

  /** Who joins this stream late would miss something: the other tabs open their own. */
  #keepForSelf() {
    this.#post({ own: true });
    this.#isAlone = true;
    this.#turn.abort();
    clearInterval(this.#asking);
    this.#channel?.close();
    this.#channel = undefined;
  }

  /** A page may know of an event that its leader has not had yet. */
  #lookAgain() {
    this.#hasAnswer();
    if (this.#isStrange) return this.#beAlone();
    this.#isStrange = true;
    setTimeout(() => this.#leader !== this.#me && this.#greet(), ANSWER_WITHIN);
    return undefined;
  }

  #relay() {
    const audience = this.#audience;
    let reached;
    const tell = (message) => audience.inOrder(() => this.#post({ ...message, number: ++this.#told }));
    return {
      get lastEventId() {
        return audience.lastEventId;
      },
      bytes: (count) => audience.bytes(count),
      notice: (notice) => {
        if (notice.state === 'connected' && !notice.joinable) this.#keepForSelf();
        this.#isFinished = notice.state === 'disconnected';
        tell({ notice });
        audience.notice(notice);
      },
      // An event and its id travel as one: between them, who hears them may have to take over.
      reach: (id) => {
        audience.reach(id);
        reached = id;
        queueMicrotask(() => reached === id && tell({ reach: id }));
      },
      event: (event) => {
        if (event.id !== undefined) reached = undefined;
        tell({ event });
        audience.event(event);
      },
    };
  }

  #post(message) {
    this.#channel?.postMessage({ from: this.#me, ...message });
  }

  /** Say what this tab has, so that the leader gives it what it missed. */
  #greet() {
    if (!this.#channel) return;
    this.#hasAnswer();
    this.#leader = undefined;
    this.#post({ hello: this.#audience.lastEventId });
    this.#expectAnswer();
  }

  #ask(wake = false) {
    this.#post({ ask: true, wake });
    this.#expectAnswer();
  }

  #expectAnswer() {
    const rob = () => this.#request({ steal: true });
    if (this.#channel) this.#unanswered ??= setTimeout(rob, ANSWER_WITHIN * (1 + Math.random() / 5));
  }

  #hasAnswer() {
    clearTimeout(this.#unanswered);
    this.#unanswered = undefined;
  }

  #hear(message) {
    if (message.to && message.to !== this.#me) return;
    if (this.#line) this.#hearAsLeader(message);
    else if (message.own) this.#beAlone();
    else if (message.lead) this.#greet();
    else if (message.welcome) this.#follow(message);
    else if (message.sorry) this.#lookAgain();
    else if (message.answer) this.#compare(message);
    else if (message.from === this.#leader) this.#passOn(message);
  }

  #hearAsLeader({ from, hello, ask, wake }) {
    if (hello !== undefined) this.#audience.inOrder(() => this.#welcome(from, hello));
    if (!ask) return;
    this.#post({ to: from, answer: { told: this.#told } });
    if (wake) this.#line.wake();
    else this.#line.check();
  }

  #welcome(to, id) {
    const missed = this.#audience.missedAfter(id);
    if (!missed && id && !isPosition(id)) return this.#post({ to, sorry: true });
    const events = missed?.map(({ type, text, id, origin }) => ({ type, text, id, origin }));
    const at = missed && this.#audience.lastEventId;
    this.#post({ to, welcome: { events: events ?? [], at, notice: this.#audience.current, told: this.#told } });
    // Positions that were passed are dropped by all who have seen them.
    if (!missed) this.#line.reopen(id);
  }

  #follow({ from, welcome: { events, at, notice, told } }) {
    const audience = this.#audience;
    this.#hasAnswer();
    this.#isStrange = false;
    this.#leader = from;
    this.#told = told;
    if (notice) audience.notice(notice);
    events.forEach((event) => this.#receive(event));
    if (at !== undefined) audience.reach(at);
  }

  /** A tab that has heard less than its leader has told has lost something on the way. */
  #compare({ from, answer: { told } }) {
    this.#hasAnswer();
    if (from !== this.#leader || told !== this.#told) this.#greet();
  }

  #passOn({ number, notice, reach, event }) {
    if (number !== ++this.#told) return this.#greet();
    if (notice) this.#audience.notice(notice);
    if (reach !== undefined) this.#audience.reach(reach);
    if (event) this.#receive(event);
    return undefined;
  }

  #receive(event) {
    if (event.id !== undefined) this.#audience.reach(event.id);
    this.#audience.event(event);
  }
}
