// Loaded by Playwright's Node: Firefox ESR does not know a command with which every context begins.
const { stringify } = JSON;

JSON.stringify = (value, ...rest) => {
  const isUnknown = value?.method === 'emulation.setMediaFeaturesOverride';
  return stringify(isUnknown ? { ...value, method: 'session.status', params: {} } : value, ...rest);
};
