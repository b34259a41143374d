import { createParser } from 'eventsource-parser';
import { shareKey } from './page.js';
import { refusal } from './retry.js';

/**
 * Read one event stream until it ends, and say how it ended: `{ reason, … }` as in retry.js.
 * A network failure, or `signal`, rejects instead.
 *
 * `onOpen(response)` is called once the answer is known to be an event stream; `onBytes`,
 * `onEvent`, `onId` and `onRetry` as it is read.
 */
export async function readStream(url, { signal, credentials, lastEventId, onOpen, onBytes, ...parsing }) {
  const headers = { Accept: 'text/event-stream' };
  if (lastEventId) headers['Last-Event-ID'] = byteString(lastEventId);
  // The server refuses a page that was made for another user.
  const key = new URL(url).origin === location.origin && shareKey();
  if (key) headers['SSE-Share-Key'] = key;
  const response = await fetch(url, { headers, credentials, signal, cache: 'no-store' });
  const refused = refusal(response);
  if (refused) return refused;

  onOpen(response);
  const parser = createParser(parsing);
  const decoder = new TextDecoder();
  const reader = /** @type {ReadableStream} */ (response.body).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { reason: 'ended' };
    onBytes(value.byteLength);
    parser.feed(decoder.decode(value, { stream: true }));
  }
}

/** Header values are bytes: an id goes back as the UTF-8 in which it came. */
function byteString(text) {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('');
}
