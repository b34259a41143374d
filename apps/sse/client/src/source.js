import { change, isChange, needs } from './dom.js';
import { withTrustedHTML } from './html.js';
import { Line } from './line.js';
import { takeNote } from './observer.js';
import { load } from './parts.js';
import { isRepeat } from './positions.js';
import { Recent } from './recent.js';

/** Locks are for secure contexts only. */
const canShare = Boolean(navigator.locks && globalThis.BroadcastChannel);

/** What shares a stream with other tabs, undefined where that cannot be. */
export async function loadSharing() {
  return canShare ? load('sharing') : undefined;
}

/** The streams that elements of this page have in common, by what makes them the same. */
const common = new Map();

/** The stream for `options`, which may be one that is open already and still has what follows `lastEventId`. */
export function sourceFor(url, options, lastEventId) {
  if (!options.isCommon) return new Source(url, options, lastEventId);
  const key = JSON.stringify([url, options.withCredentials, options.autoReconnect, options.share]);
  const found = common.get(key);
  if (found?.missedAfter(lastEventId)) return found;
  const source = new Source(url, options, lastEventId);
  if (!found) {
    common.set(key, source);
    source.onClosed = () => common.delete(key);
  }
  return source;
}

/**
 * One stream and all who listen to it on this page.
 *
 * Changes to the page are made once; each member then hears `hear(notice)`, `receive(event)` and
 * `count(bytes)`. Members that come later are first given what they missed.
 */
class Source {
  onClosed = () => {};
  lastEventId;
  #url;
  #options;
  #line; // none while the part that shares is loaded
  #isClosed = false;
  #members = new Set();
  #notice;
  #joinable = 'yes'; // what the server has last said; until it has answered, everybody hears all there is
  #recent;
  #shown; // the event that is being shown
  #hasBegun = false;
  #isRepeat = false;
  #held; // steps that wait until something is loaded
  #holding;
  #waiting = 0; // steps that follow the present one at once

  constructor(url, options, lastEventId) {
    this.#url = url;
    this.lastEventId = lastEventId;
    this.#recent = new Recent(lastEventId);
    this.#options = options;
  }

  /** The events after `id` for a member that joins now, or undefined if it would miss something. */
  missedAfter(id) {
    // What an event has put on the page goes on from there.
    if (!id && this.#shown) return this.#recent.after(this.#shown.at);
    if (!this.#joinable || (!id && this.#joinable === 'latest')) return undefined;
    if (!this.lastEventId && !this.#hasBegun) {
      this.lastEventId = id;
      this.#recent.begin(id);
    }
    return this.#recent.after(id);
  }

  join(member, lastEventId) {
    this.#members.add(member);
    if (this.#members.size === 1) {
      queueMicrotask(() => (this.#hasBegun = true));
      return this.#open();
    }
    const missed = this.missedAfter(lastEventId) ?? [];
    member.hear(this.#notice);
    for (const event of missed) this.#show(event, [member], true);
  }

  leave(member) {
    if (this.#members.delete(member) && !this.#members.size) this.#close();
  }

  retry() {
    this.#line?.retry();
  }

  /** The last notice, for those who join. */
  get current() {
    return this.#notice;
  }

  notice(notice) {
    this.inOrder(() => {
      if (notice.state === this.#notice?.state && notice.state !== 'reconnecting') return;
      this.#notice = notice;
      if (notice.state === 'connected') this.#joinable = notice.joinable;
      const members = [...this.#members];
      if (notice.state === 'disconnected') this.#close();
      // A listener may have made it untrue.
      for (const member of members) if (this.#notice === notice) member.hear(notice);
    });
  }

  bytes(count) {
    for (const member of this.#members) member.count(count);
  }

  reach(id) {
    this.inOrder(() => {
      this.#isRepeat = isRepeat(id, this.lastEventId);
      if (this.#isRepeat) return;
      this.lastEventId = id;
      this.#recent.begin(id);
    });
  }

  event(event) {
    this.inOrder(() => this.#receive(event));
  }

  #receive({ type, text, id, origin }) {
    if (id !== undefined && this.#isRepeat) return undefined;
    const data = withTrustedHTML(read(text));
    const loading = needs(type, data);
    const deliver = () =>
      this.#members.size ? this.#deliver({ type, text, data, id, origin, at: this.lastEventId }) : undefined;
    return loading ? loading.then(deliver) : deliver();
  }

  #deliver(event) {
    const { type, data } = event;
    // Where we were is not on the server's number line any more.
    if (type === 'sse:reset') event.at = this.lastEventId = '';
    this.#recent.add(event);
    if (type === 'sse:error') console.error(`DjustSSE: ${this.#url}:`, data);
    const members = [...this.#members];
    if (isChange(type, data)) change(type, data, event.origin);
    return this.#show(event, members);
  }

  /** Returns a promise if the page changes later. */
  #show(event, members, isHurried = this.#waiting > 0) {
    const before = this.#shown;
    this.#shown = event;
    const done = () => {
      takeNote();
      this.#shown = before;
    };
    const showing = members
      .map((member) => this.#members.has(member) && member.receive(event, isHurried))
      .filter(Boolean);
    return showing.length ? Promise.all(showing).then(done) : void done();
  }

  async #open() {
    const lineFor = (audience) => new Line(this.#url, this.#options, audience);
    let part;
    if (this.#options.share && canShare) {
      this.notice({ state: 'connecting', attempt: 0 });
      part = await loadSharing();
      if (this.#isClosed) return;
    }
    this.#line = part ? new part.SharedLine(this.#url, this.#options, this, lineFor) : lineFor(this);
    this.#line.open();
  }

  /** Take a step now, or when those before it are done. */
  inOrder(step) {
    if (this.#held) this.#held.push(step);
    else this.hold(step());
  }

  /** Hold back what follows until `loading`, if there is one, is done. */
  hold(loading) {
    if (!loading) return;
    this.#held ??= [];
    const holding = Promise.all([this.#holding, loading]);
    this.#holding = holding;
    holding.then(() => {
      if (holding !== this.#holding) return;
      const steps = this.#held;
      this.#held = this.#holding = undefined;
      steps.forEach((step, index) => {
        this.#waiting = steps.length - 1 - index;
        this.inOrder(step);
      });
    });
  }

  #close() {
    this.#isClosed = true;
    this.#line?.close();
    this.#members.clear();
    this.onClosed();
  }
}

function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
