import { isRepeat } from './positions.js';

const MOST = 200;
const MOST_CHARACTERS = 500_000;

/** The last events of a stream, from which those who come late are given what they missed. */
export class Recent {
  #events = [];
  #characters = 0;
  #start;

  /** `start` is the id after which the stream was opened. */
  constructor(start) {
    this.#start = start;
  }

  /** Nothing was known of what came before `id`, and all that follows will be. */
  begin(id) {
    if (!this.#events.length) this.#start ||= id;
  }

  /** `event.at` is the last id once it has arrived. */
  add(event) {
    this.#events.push(event);
    this.#characters += event.text.length;
    while (this.#events.length > MOST || this.#characters > MOST_CHARACTERS) {
      const { at, text } = this.#events.shift();
      this.#start = at;
      this.#characters -= text.length;
    }
  }

  /** The events after `id`, all those to come if it is empty; undefined if they are not known. */
  after(id) {
    if (!id) return [];
    const index = this.#events.findLastIndex(({ at }) => at === id);
    if (index >= 0) return this.#events.slice(index + 1);
    if (id === this.#start) return [...this.#events];
    return isRepeat(this.#start, id) ? this.#events.filter(({ at }) => !isRepeat(at, id)) : undefined;
  }
}
