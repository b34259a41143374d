/** Follow a stream with a client from npm: `node clients.mjs PACKAGE URL`. Prints each event as [name, data]. */
const [name, url] = process.argv.slice(2);
const note = (event, data) => console.log(JSON.stringify([event, data]));

if (name === 'eventsource-client') {
  const { createEventSource } = await import(name);
  createEventSource({ url, onMessage: ({ event = 'message', data }) => note(event, data) });
} else {
  const { EventSource } = await import(name);
  const source = new EventSource(url);
  for (const event of ['sse:open', 'sse:reset', 'item']) source.addEventListener(event, ({ data }) => note(event, data));
}
