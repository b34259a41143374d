import { createParser } from 'eventsource-parser';
import { refusal } from './retry.js';
import { shareKey } from './share-key.js';

/**
 * Read an event stream to its end, and return how it ended: `{ reason, … }` as in retry.js.
 * A network failure, or `signal`, rejects instead.
 *
 * Calls `onOpen(response)` if the response is an event stream, then `onBytes`, `onEvent`, `onId` and
 * `onRetry` while it is read.
 */
export async function readStream(url, { signal, credentials, lastEventId, onOpen, onBytes, ...parsing }) {
  const headers = { Accept: 'text/event-stream' };
  if (lastEventId) headers['Last-Event-ID'] = byteString(lastEventId);
  // With it the server refuses a page that was rendered for another user.
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

/** Header values are bytes: encode the id in UTF-8, as it was sent. */
function byteString(text) {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('');
}
