import { isDuplicate } from './positions.js';

const MAX_EVENTS = 200;
const MAX_CHARACTERS = 500_000;

/** The last events of a stream, for subscribers that join late. */
export class ReplayBuffer {
  #events = [];
  #characters = 0;
  #start;

  /** The stream was opened after the id `start`. */
  constructor(start) {
    this.#start = start;
  }

  /** Events before `id` are unknown; all later ones will be added. */
  startAt(id) {
    if (!this.#events.length) this.#start ||= id;
  }

  /** `event.lastEventId` is the stream's last id after that event. */
  add(event) {
    this.#events.push(event);
    this.#characters += event.text.length;
    while (this.#events.length > MAX_EVENTS || this.#characters > MAX_CHARACTERS) {
      const { lastEventId, text } = this.#events.shift();
      this.#start = lastEventId;
      this.#characters -= text.length;
    }
  }

  /** Return the events after `id`, none if it is empty; undefined if some are unknown. */
  after(id) {
    if (!id) return [];
    const index = this.#events.findLastIndex(({ lastEventId }) => lastEventId === id);
    if (index >= 0) return this.#events.slice(index + 1);
    if (id === this.#start) return [...this.#events];
    return isDuplicate(this.#start, id)
      ? this.#events.filter(({ lastEventId }) => !isDuplicate(lastEventId, id))
      : undefined;
  }
}
