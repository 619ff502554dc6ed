/**
 * Loaded first in each process that runs tests (`before-tests.mjs` sees to it). jest-light-runner 0.8.2 gives
 * its data to all of them as soon as the first one asks, and to nobody that asks later. Whoever listened too
 * late asked for ever, and the run hung. Here what came early is kept, and answers the question.
 */
const { emit, send } = process;
let kept;

// No listener: the first one would take the messages that wait for the pool's own.
process.emit = function emitAndKeep(event, message, ...more) {
  if (event === 'message' && message?.type === 'jest-light-runner-worker-data') {
    kept = message;
  }
  return emit.call(this, event, message, ...more);
};

if (send !== undefined) {
  process.send = function sendUnlessKept(message, ...more) {
    if (message === 'jest-light-runner-get-worker-data' && kept !== undefined) {
      setImmediate(() => process.emit('message', kept));
      return true;
    }
    return send.call(this, message, ...more);
  };
}
