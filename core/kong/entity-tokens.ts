import { colonSign, commaSign } from './json-grammar.ts';
import {
  colon,
  commaOrEnd,
  endToken,
  type JsonPlace,
  key,
  maxDepth,
  nextState,
  object,
  scalarToken,
  stringToken,
  type TokenEnds,
  tokenKind,
  unknown,
  value,
} from './json-tokens.ts';

/** Entities stand at this depth of a frame. What stands in them is checked as JSON alone. */
export const deepestContent = 3;

// In ASCII the end of a container stands two behind its beginning.
const fromBeginningToEnd = 2;

/**
 * Reads entities by whole tokens, each with the colon or the comma behind it: nearly all bytes of a frame are
 * read here. It stops at a token that the chunk cuts, and at what is rare or wrong: for all of that there is
 * the reading byte by byte.
 *
 * @param ends of the chunk's tokens
 * @param place at `deepestContent` or deeper, between two tokens; is moved
 * @param beginEntity is given the first byte of what stands in a list, and its offset in the chunk
 * @returns where it has stopped
 */
export function readEntityTokens(
  chunk: Uint8Array,
  from: number,
  ends: TokenEnds,
  place: JsonPlace,
  beginEntity: (byte: number, at: number) => void,
): number {
  const { containers } = place;
  const end = chunk.length;
  let { state, depth } = place;
  let at = from;
  while (at < end) {
    const byte = chunk[at] as number;
    const kind = tokenKind(byte);
    let next = nextState(state, kind);
    if (next === unknown || (depth === deepestContent && kind <= endToken)) {
      break;
    }
    let tokenEnd = at + 1;
    if (kind <= scalarToken) {
      tokenEnd = kind === stringToken ? ends.stringEnd(at) : ends.scalarEnd(at);
      if (tokenEnd === at) {
        break;
      }
      if (next === colon && tokenEnd < end && chunk[tokenEnd] === colonSign) {
        next = value;
        tokenEnd += 1;
      }
    } else if (kind === endToken) {
      if (byte !== containers[depth]) {
        break;
      }
      depth -= 1;
    } else {
      if (depth === maxDepth) {
        break;
      }
      if (depth === deepestContent) {
        beginEntity(byte, at);
      }
      depth += 1;
      containers[depth] = byte + fromBeginningToEnd;
    }
    if (next === commaOrEnd && tokenEnd < end && chunk[tokenEnd] === commaSign) {
      next = containers[depth] === object ? key : value;
      tokenEnd += 1;
    }
    state = next;
    at = tokenEnd;
  }
  place.state = state;
  place.depth = depth;
  return at;
}
