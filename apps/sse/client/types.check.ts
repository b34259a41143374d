/** Compiled and never run: the examples of the documentation, and mistakes that the types are to find. */

const sse = new DjustSSE('/api/stream/', {
  autoReconnect: true,
  maxRetries: 5,
  retryDelay: 3000,
  withCredentials: false,
  share: true,
});
sse
  .on('connected', () => {})
  .on('disconnected', ({ reason, final }) => console.log(reason.length, final === true))
  .on('reconnecting', ({ attempt, delay }) => console.log(attempt + delay))
  .on('reconnected', ({ reconnections }) => console.log(reconnections + 1))
  .on('error', ({ event }) => console.log(event.type))
  .on('stats', (data, original) => console.log(data.users_online, original.lastEventId))
  .on('*', (eventType, data, originalEvent) => console.log(eventType.length, data, originalEvent.data))
  .connect()
  .disconnect()
  .destroy()
  .off('stats');
console.log(sse.getStats().since?.getTime(), DjustSSE.debug);
document.querySelector('[dj-sse]')?._djustSSE?.on('progress', (data) => console.log(data.percent));
document.addEventListener('sse:data', ({ detail }) => console.log(detail.originalEvent.origin));

// @ts-expect-error There is no such option.
new DjustSSE('/', { maxRetry: 5 });
// @ts-expect-error There is no such detail.
sse.on('reconnecting', ({ attempts }) => attempts);
// @ts-expect-error There is no such figure.
sse.getStats().latency;

export {};
