// Playwright's Node loads it: Firefox ESR lacks a command that Playwright sends for each new context.
const { stringify } = JSON;

JSON.stringify = (value, ...rest) => {
  const isUnknown = value?.method === 'emulation.setMediaFeaturesOverride';
  return stringify(isUnknown ? { ...value, method: 'session.status', params: {} } : value, ...rest);
};
