/** Each takes long, most of them waiting. Begun last, each would be waited for alone. */
const slow = [
  'local/local-system',
  'cli/standby-outcomes',
  'cli/standby-killed',
  'local/start',
  'core/standby/seed-line',
  'local/changed-keys',
  'cli/client-cases',
  'local/template-parts',
  'local/operate-commands',
  'local/alarm-provocations',
  'lib/deployment/stack-life',
  'core/kong/announcement',
  'core/kong/cluster-endpoint',
  'simulators/kong/control-plane/cluster-endpoint',
].map((name) => `/test/${name}.`);

/** In which order test files begin: the slow ones first. Jest learns it on the machine at hand alone. */
// biome-ignore lint/style/noDefaultExport: Jest asks for one.
export default class SlowTestsFirst {
  sort(tests) {
    const rank = ({ path }) => slow.findIndex((end) => path.includes(end));
    return [...tests].sort((one, other) => toOrder(rank(one)) - toOrder(rank(other)));
  }

  // What Jest asks a sequencer for besides (@jest/test-sequencer).
  shard = (tests) => tests;
  allFailedTests = (tests) => tests;
  cacheResults = () => undefined;
}

function toOrder(rank) {
  return rank === -1 ? slow.length : rank;
}
