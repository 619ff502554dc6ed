// `@jest/globals` refuses to be loaded outside Jest's sandbox; jest-light-runner sets globals instead.
const globals = new URL('./jest-globals.mjs', import.meta.url).href;

export function resolve(specifier, context, nextResolve) {
  return specifier === '@jest/globals'
    ? { url: globals, shortCircuit: true }
    : nextResolve(specifier, context);
}
